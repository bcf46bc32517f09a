"""Builds container images and tries them out; see script/image-smoke."""

from __future__ import annotations

import json
import os
import platform
import secrets
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests/models"), str(ROOT / "tests/servers")]

LIMIT_BYTES = 450_000_000
"""Of an image without neural voices."""
READY_S, STOP_S = 60, 25
STYLE = "mini:Neutral"  # clients are told of it when the voice is ready: no other speaks for it
HARDENED = [
    *("--network", "none", "--read-only", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges", "--pids-limit", "256", "--memory", "1g"),
]
CLIENT = """
import asyncio, json, sys, time
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeVoice

async def main():
    end = time.monotonic() + float(sys.argv[1])
    while True:
        client = AsyncTcpClient("127.0.0.1", 10200)
        try:
            await client.connect()
            break
        except OSError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.1)
    heard = {}
    while True:
        await client.write_event(Describe().event())
        info = Info.from_event(await client.read_event())
        voices = [voice.name for voice in info.tts[0].voices]
        if set(sys.argv[2:]) <= set(voices) or time.monotonic() > end:
            break
        await asyncio.sleep(0.1)
    for name in sys.argv[2:]:
        voice = SynthesizeVoice(name=name)
        await client.write_event(Synthesize(text="お風呂が沸きました。", voice=voice).event())
        pcm, rate = b"", 0
        while (event := await client.read_event()).type != "audio-stop":
            if event.type == "error":
                raise SystemExit(event.data)
            rate = event.data["rate"]
            pcm += event.payload or b""
        heard[name] = {"seconds": len(pcm) / 2 / rate, "is_loud": any(pcm)}
    print(json.dumps({"voices": voices, "heard": heard}))

asyncio.run(main())
"""
BESIDE = """
wyoming-hayakoe serve & server=$!
python3 - "$@"; heard=$?
kill $server; wait $server && exit $heard
"""
"""The server, and a client in the same container: buildah runs one command in it."""


class SmokeTest:
    """One engine, and what to build with.

    Args:
        engine: docker, podman or buildah.
        arguments: For every build.
    """

    def __init__(self, engine, arguments):
        self.engine = engine
        self.arguments = arguments
        self.tag = f"hayakoe-smoke-{secrets.token_hex(4)}"
        self.images = []

    def run(self, *arguments, **options):
        return subprocess.run(
            [self.engine, *arguments], check=True, text=True, stdout=subprocess.PIPE, **options
        ).stdout

    def build(self, name, *arguments, context=ROOT):
        tag = f"{self.tag}:{name}"
        print(f"building {name} ...", flush=True)
        built = subprocess.run(
            ["script/image", tag, *self.arguments, *arguments],
            check=False,
            cwd=context,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if built.returncode:
            raise SystemExit(f"{built.stdout}\nimage {name} cannot be built")
        self.images.append(tag)
        return tag

    @contextmanager
    def started(self, *arguments):
        """A running container; what it logs is shown if something goes wrong."""
        container = self.run("run", "--detach", *arguments).strip()
        try:
            yield container
        except BaseException:
            subprocess.run([self.engine, "logs", container], check=False)
            raise
        finally:
            self.run("rm", "--force", container)

    def speak(self, container, *voices):
        """What a client inside the container hears of these voices."""
        answer = self.run(
            *("exec", "--interactive", container, "python3", "-", str(READY_S), *voices),
            input=CLIENT,
        )
        return self.heard(answer, voices)

    def heard(self, answer, voices):
        heard = json.loads(answer)
        for name in voices:
            assert heard["heard"][name]["seconds"] > 0.5, heard
            assert heard["heard"][name]["is_loud"], heard
        return heard["voices"]

    def speak_locked_up(self, image, *voices):
        """The same of a container of its own, which is gone then."""
        with self.started(*HARDENED, image) as container:
            return self.speak(container, *voices)

    def save(self, image, file):
        self.run("save", "--output", str(file), image)

    def stop(self, container):
        """SIGTERM ends it, in time and without a complaint."""
        begun = time.monotonic()
        self.run("stop", "--time", str(STOP_S), container)
        assert time.monotonic() - begun < STOP_S, "it had to be killed"
        status = self.run("inspect", "--format", "{{.State.ExitCode}}", container).strip()
        assert status == "0", f"exit status {status}"

    def wait_until_healthy(self, container):
        """The image's own check says so; podman runs it by systemd, so here it is asked to."""
        end = time.monotonic() + READY_S
        while (status := self.health(container)) != "healthy":
            assert time.monotonic() < end, f"it is {status}"
            time.sleep(0.2)

    def health(self, container):
        if self.engine == "podman":
            self.run("healthcheck", "run", container)
            return "healthy"
        return self.run("inspect", "--format", "{{.State.Health.Status}}", container).strip()

    def user_of_process_1(self, container):
        status = self.run("exec", container, "cat", "/proc/1/status")
        return next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))

    def log(self, container):
        return self.run("logs", container, stderr=subprocess.STDOUT)

    def clean_up(self):
        for image in self.images:
            subprocess.run([self.engine, "rmi", "--force", image], check=False, capture_output=True)


class BuildahSmokeTest(SmokeTest):
    """Buildah alone: it has no read-only containers, and none that run in the background."""

    def speak_locked_up(self, image, *voices):
        container = self.run("from", "--network", "none", "--cap-drop", "all", image).strip()
        try:
            client = ["sh", "-c", BESIDE, "sh", str(READY_S), *voices]
            return self.heard(self.run("run", container, "--", *client, input=CLIENT), voices)
        finally:
            self.run("rm", container)

    def save(self, image, file):
        self.run("push", "--quiet", image, f"docker-archive:{file}")


def done(what):
    print(f"ok    {what}", flush=True)


def try_server(smoke):
    """Plain Docker: locked up, and without a network."""
    image = smoke.build("server", "--target", "server")
    size_bytes = int(smoke.run("image", "inspect", "--format", "{{.Size}}", image))
    done(f"image without neural voices: {size_bytes / 1e6:.0f} MB")
    assert size_bytes <= LIMIT_BYTES, f"more than {LIMIT_BYTES / 1e6:.0f} MB"
    for package in ("onnx", "torch", "pip", "sudachidict_core"):
        code = f"import importlib.util as u; raise SystemExit(not u.find_spec('{package}'))"
        run = [smoke.engine, "run", "--rm", "--network", "none", "--entrypoint", "python3"]
        found = subprocess.run([*run, image, "-c", code], check=False)
        assert found.returncode == 1, f"{package} is in the image"
    done("no onnx, torch, pip or Sudachi dictionary is in it")
    with smoke.started(*HARDENED, "--health-interval", "1s", image) as container:
        assert smoke.speak(container, "mei") == ["mei"]
        assert smoke.user_of_process_1(container) == "10001"
        done("speaks without network, rights or a disk to write to")
        smoke.wait_until_healthy(container)
        done("is healthy")
        smoke.stop(container)
        done("ends when it is asked to")
    answer = smoke.run("run", "--rm", *HARDENED, image, "read", "室温は23.5度です。")
    assert "シツオン" in answer
    done("the command line works")


def try_with_buildah(smoke):
    """As much as buildah can do by itself."""
    image = smoke.build("server", "--target", "server")
    assert smoke.speak_locked_up(image, "mei") == ["mei"]
    done("speaks without network or rights, and ends when it is asked to")
    print(
        "note  not tried without docker or podman: a read-only disk, the health check, the add-on"
    )


def try_add_on(smoke, models, folder):
    """The add-on: options, voices in the image, a Supervisor beside it."""
    context = context_with(folder / "context", "file:///source/addon/voices")
    shutil.copytree(models, context / "addon/voices")
    image = smoke.build("addon", "--build-arg", "VOICES=all", context=context)
    data, config, hosts = (folder / name for name in ("data", "config", "hosts"))
    data.mkdir()
    config.mkdir()
    options = {"voice": "mini", "style": "Happy", "speed": 99, "log_level": "debug"}
    (data / "options.json").write_text(json.dumps(options), "utf-8")
    (data / "options.json").chmod(0o600)
    fake = str(Path(__file__).with_name("fake_supervisor.py"))
    hosts.write_text("127.0.0.1 localhost supervisor\n", "utf-8")
    with (
        smoke.started(
            *("--network", "none", "--user", "root", "--volume", f"{fake}:/fake.py:ro"),
            *("--entrypoint", "python3", image, "/fake.py", "80"),
        ) as supervisor,
        smoke.started(
            *("--network", f"container:{supervisor}", "--read-only", "--init"),
            *("--env", "SUPERVISOR_TOKEN=0123456789abcdef-supervisor", "--volume", f"{data}:/data"),
            *("--volume", f"{config}:/config", "--volume", f"{hosts}:/etc/hosts:ro"),
            image,
        ) as container,
    ):
        voices = smoke.speak(container, STYLE, "mini", "mini:Happy", "mei")
        assert voices[0] == "mini:Happy", voices
        done("a neural voice of the image speaks, and the options say which")
        assert "option speed" in smoke.log(container)
        end = time.monotonic() + READY_S
        while not (taken := smoke.log(supervisor).strip()) and time.monotonic() < end:
            time.sleep(0.2)
        assert json.loads(taken)["uri"].startswith("tcp://"), taken
        done(f"Home Assistant is told: {taken}")
        # `exec` is root's; the server, a child of the init, must not be.
        users = smoke.run(
            *("exec", container, "sh", "-c", "cat /proc/[0-9]*/status"),
        )
        assert "10001" in users
        tuned = list((data / "cache/tuned").rglob("graph.onnx"))
        assert tuned, "what is adapted to the machine is kept in /data"
        assert tuned[0].stat().st_uid == 10001
        done("what it keeps is kept in /data, by a user without rights")
        smoke.run("exec", container, "wyoming-hayakoe", "dictionary", "add", "早声", "ハヤコエ")
        assert "ハヤコエ" in (config / "dictionary.yaml").read_text("utf-8")
        assert "mini" in smoke.run("exec", container, "wyoming-hayakoe", "voices")
        smoke.stop(container)
        done("ends when it is asked to")
    say = ["say", "--voice", "mini", "-o", "-", "はい。"]
    said = subprocess.run(
        [smoke.engine, "run", "--rm", *HARDENED, image, *say],
        check=True,
        stdout=subprocess.PIPE,
    )
    assert said.stdout.startswith(b"RIFF")
    done("the command line knows the voices of the image")


def try_secret(smoke, models, folder):
    """A token is used in the build, and nowhere to be found in what was built."""
    if not has_build_secrets(smoke.engine):
        print("note  this docker builds without BuildKit, so nothing can be built with a secret")
        return
    import hub

    hub.TOKEN = token = f"hf_{secrets.token_hex(16)}"
    file = folder / "token"
    file.write_text(f"{token}\n", "utf-8")
    context = context_with(folder / "secret-context", "hf://me/private")
    published = {
        path.relative_to(models).as_posix(): path.read_bytes()
        for path in models.rglob("*")
        if path.is_file()
    }
    with hub.HubServer() as server:
        server.commit("me/private", published, private=True)
        image = smoke.build(
            "secret",
            *("--network", "host", "--build-arg", f"HF_ENDPOINT={server.url}"),
            *("--build-arg", "TOKEN=with", "--build-arg", "VOICES=all"),
            *("--secret", f"id=hf_token,src={file}"),
            context=context,
        )
        assert any(token in (request.authorization or "") for request in server.requests)
    smoke.speak_locked_up(image, STYLE)
    done("a voice of a private repository is in the image, and speaks")
    saved = folder / "image.tar"
    smoke.save(image, saved)
    searched = search_archive(saved, token.encode())
    done(f"the token is in none of {searched} files of its layers, environment and history")


def has_build_secrets(engine):
    if engine != "docker" or os.environ.get("DOCKER_BUILDKIT") == "1":  # noqa: TID251 - docker's
        return True
    buildx = subprocess.run([engine, "buildx", "version"], check=False, capture_output=True)
    return buildx.returncode == 0


def search_archive(archive, secret):
    """Look for a secret in a tar file and all tar files in it; returns how many files there are."""
    searched = 0
    assert secret not in archive.read_bytes()
    with tarfile.open(archive) as outer:
        for member in outer:
            content = outer.extractfile(member)
            if content is None:
                continue
            try:
                layer = tarfile.open(fileobj=content)  # noqa: SIM115 - closed below
            except tarfile.ReadError:
                content.seek(0)
                assert secret not in content.read(), member.name
                searched += 1
                continue
            with layer:
                for file in layer:
                    opened = layer.extractfile(file) if file.isfile() else None
                    assert secret.decode() not in file.name
                    assert opened is None or secret not in opened.read(), file.name
                    searched += 1
    assert searched > 1000, "an image has more files than that"
    return searched


def context_with(folder, source):
    """A copy of the checkout that bakes the voice "mini" from somewhere."""
    shutil.copytree(
        ROOT,
        folder,
        ignore=shutil.ignore_patterns(".*_cache", ".venv", ".git", ".hypothesis", "__pycache__"),
    )
    voices = f"mini:\n  source: {source}\n  title: ミニ\n"
    (folder / "addon/voices.yaml").write_text(voices, "utf-8")
    return folder


def make_models(folder):
    import make_bert
    import make_voice

    make_bert.make_bert(folder, width=make_voice.MINIATURE.bert_width, layers=3)
    make_voice.make_voice(folder / "onnx/speakers/mini")
    return folder


def main():
    engine, *arguments = sys.argv[1:]
    smoke = (BuildahSmokeTest if engine == "buildah" else SmokeTest)(engine, arguments)
    print(f"{engine} on {platform.machine()}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        try:
            models = make_models(folder / "models")
            if engine == "buildah":
                try_with_buildah(smoke)
            else:
                try_server(smoke)
                try_add_on(smoke, models, folder)
            try_secret(smoke, models, folder)
        finally:
            smoke.clean_up()
    print("The images work.")


if __name__ == "__main__":
    main()
