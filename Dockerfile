# The server as a container image. docs/docker.md shows how to build and run it.
# Needs neither BuildKit nor a compiler: everything it installs comes as a wheel.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
RUN python3 -m venv /opt/wyoming-hayakoe

# Dependencies first: they change less often than the program, so a rebuild finds this layer.
COPY pyproject.toml constraints.txt ./
RUN python3 -c 'import tomllib; \
project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
print(*project["dependencies"], sep="\n")' > requirements.txt \
 && /opt/wyoming-hayakoe/bin/pip install --no-compile --only-binary :all: \
    --constraint constraints.txt --requirement requirements.txt

COPY README.md LICENSE ./
COPY engine engine
COPY wyoming_hayakoe wyoming_hayakoe
# The Sudachi dictionary (193 MB) would be asked only for kanji that no other one knows.
# Bytecode that is not compared with its source does not mind what copying does to file times.
RUN /opt/wyoming-hayakoe/bin/pip wheel --no-deps --wheel-dir dist . \
 && /opt/wyoming-hayakoe/bin/pip install --no-compile --no-deps dist/*.whl \
 && /opt/wyoming-hayakoe/bin/pip uninstall --yes sudachidict_core pip \
 && /opt/wyoming-hayakoe/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
    /opt/wyoming-hayakoe/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="wyoming-hayakoe" \
      org.opencontainers.image.description="Japanese text to speech for Home Assistant" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent \
    --shell /usr/sbin/nologin hayakoe
COPY --from=build /opt/wyoming-hayakoe /opt/wyoming-hayakoe
ENV PATH=/opt/wyoming-hayakoe/bin:$PATH \
    ORT_DISABLE_TELEMETRY=1
# An image that cannot speak is not built. This also leaves the bytecode of the standard library,
# which official Python images lack and a user without rights could not write at every start.
RUN HAYAKOE_WYOMING__URI=tcp://127.0.0.1:0 wyoming-hayakoe doctor

USER 10001:10001
EXPOSE 10200
STOPSIGNAL SIGTERM
# Asks who is there, at the address that the environment sets or else the default one. Not with the
# program's own parts: to import them every half minute is more work than to answer.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["python3", "-IS", "-c", "\
import os, socket, urllib.parse as url; \
uri = url.urlsplit(os.environ.get('HAYAKOE_WYOMING__URI') or 'tcp://127.0.0.1:10200'); \
sock = socket.create_connection(((uri.hostname or '').strip('*') or '127.0.0.1', uri.port), 4); \
sock.sendall(b'{\"type\": \"describe\"}\\n'); \
raise SystemExit(b'\"info\"' not in sock.makefile('rb').readline())"]
ENTRYPOINT ["wyoming-hayakoe"]
CMD ["serve"]
