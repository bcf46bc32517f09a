# The server as a container image: by itself (target "server") and as a Home Assistant add-on (the
# last target). docs/docker.md shows how to build and run both.
# Needs neither BuildKit, but for a token, nor a compiler: everything it installs comes as a wheel.
ARG BASE=python:3.13-slim-trixie
# "with" takes the secret hf_token for voices in private repositories.
ARG TOKEN=without

FROM ${BASE} AS program
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
RUN python3 -m venv /opt/wyoming-hayakoe
ENV PATH=/opt/wyoming-hayakoe/bin:$PATH ORT_DISABLE_TELEMETRY=1

# Dependencies first: they change less often than the program, so a rebuild finds this layer.
ARG EXTRAS="hub pitch"
COPY pyproject.toml constraints.txt addon/hayakoe_addon/requirements.py ./
RUN python3 requirements.py ${EXTRAS} > requirements.txt \
 && pip install --no-compile --only-binary :all: \
    --constraint constraints.txt --requirement requirements.txt

COPY README.md LICENSE ./
COPY engine engine
COPY wyoming_hayakoe wyoming_hayakoe
COPY addon/hayakoe_addon addon/hayakoe_addon
RUN pip wheel --no-deps --wheel-dir dist . \
 && pip install --no-compile --no-deps dist/*.whl \
 && cp -r addon/hayakoe_addon /opt/wyoming-hayakoe/lib/python3*/site-packages/

# What the image gets of it. The Sudachi dictionary (193 MB) would be asked only for kanji that no
# other one knows, and hf_xet by a way of downloading that is not used; ONNX Runtime for Python
# (68 MB) comes with a second copy for other languages. Bytecode that is not compared with its source
# does not mind what copying does to file times. Who calls the program in a running container gets the
# entry point, and by that the settings of the server.
FROM program AS run-time
RUN pip uninstall --yes sudachidict_core hf_xet pip \
 && rm -rf /opt/wyoming-hayakoe/lib/python3*/site-packages/onnxruntime/transformers \
    /opt/wyoming-hayakoe/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.* \
 && find /opt/wyoming-hayakoe -type d -name tests -prune -exec rm -r {} + \
 && printf '#!/bin/sh\nexec python3 -P -m hayakoe_addon "$@"\n' \
    > /opt/wyoming-hayakoe/bin/wyoming-hayakoe \
 && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/wyoming-hayakoe/lib

# Voices, fetched and installed here, so that in the image nothing is left to be done but what
# depends on the machine.
FROM program AS baking
ARG VOICES=""
ARG HF_ENDPOINT=https://huggingface.co
ENV HF_ENDPOINT=${HF_ENDPOINT}
RUN [ -z "${VOICES}" ] || { python3 requirements.py --only install > requirements.txt \
 && pip install --no-compile --only-binary :all: \
    --constraint constraints.txt --requirement requirements.txt; }
COPY addon addon
RUN printf 'python3 -m hayakoe_addon.bake addon/voices.yaml /opt/hayakoe/voices %s\n' "${VOICES}" \
    > bake.sh
FROM baking AS without-token
ONBUILD RUN sh bake.sh
FROM baking AS with-token
ONBUILD RUN --mount=type=secret,id=hf_token HF_TOKEN_PATH=/run/secrets/hf_token sh bake.sh
FROM ${TOKEN}-token AS baked

FROM ${BASE} AS server
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent \
    --shell /usr/sbin/nologin hayakoe \
 && install -d -o hayakoe -g hayakoe /data
COPY --from=run-time /opt/wyoming-hayakoe /opt/wyoming-hayakoe
COPY --from=baked /opt/hayakoe /opt/hayakoe
ENV PATH=/opt/wyoming-hayakoe/bin:$PATH \
    ORT_DISABLE_TELEMETRY=1
# An image that cannot speak is not built. This also leaves the bytecode of the standard library,
# which official Python images lack and a user without rights could not write at every start.
RUN HAYAKOE_WYOMING__URI=tcp://127.0.0.1:0 python3 -m wyoming_hayakoe doctor \
 && python3 -m wyoming_hayakoe say --help > /dev/null && python3 -c "import hayakoe_addon.start"
ARG BUILD_VERSION=0.1.0
LABEL org.opencontainers.image.title="wyoming-hayakoe" \
      org.opencontainers.image.description="Japanese text to speech for Home Assistant" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${BUILD_VERSION}"
USER 10001:10001
EXPOSE 10200 10280
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

# With PyTorch: --target gpu --build-arg EXTRAS="hub pitch torch". Without this argument it is no more
# than "server", so that builders that build all stages do not fetch it.
FROM server AS gpu
ENV HAYAKOE_NEURAL__DEVICE=auto \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

# The Supervisor's folders belong to root: it starts as root, gives them to the user without rights
# and becomes that one.
FROM server AS addon
USER root
ARG BUILD_VERSION=0.1.0
ARG BUILD_ARCH=amd64
LABEL io.hass.type="addon" \
      io.hass.name="Hayakoe" \
      io.hass.version="${BUILD_VERSION}" \
      io.hass.arch="${BUILD_ARCH}"
