"""Voices from a hub, from the download to the first word."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hayakoe_engine import TTS
from hayakoe_engine.errors import BadOption, SourceNotFound, SourceOffline

SERVERS = Path(__file__).parents[3] / "servers"
TEXT = "お風呂が沸きました。"

SPEAK = """
import hashlib, logging, sys
from hayakoe_engine import TTS

logging.basicConfig(stream=sys.stdout, level="WARNING")
with TTS(cache_dir=sys.argv[1], precision="exact", threads=2) as tts:
    tts.load("hana", source="hf://me/voices").prepare()
    audio = tts.speakers["hana"].generate(sys.argv[2], seed=1)
print(hashlib.sha256(audio.pcm_bytes()).hexdigest())
"""

DOWNLOAD = """
import sys
sys.modules["torch"] = sys.modules["safetensors"] = None
from hayakoe_engine import TTS

seen = []
with TTS(cache_dir=sys.argv[1], on_progress=seen.append) as tts:
    tts.load("mei").load("hana", source="hf://me/voices").pre_download(sys.argv[2])
    print(*{progress.prefix for progress in seen})
    print(len(tts.speakers))
"""


AGAIN = """
import sys, onnxruntime
from hayakoe_engine import TTS

class Session(onnxruntime.InferenceSession):
    def __init__(self, graph, *arguments, **options):
        if str(graph).startswith(sys.argv[1]):
            raise SystemExit("a session is opened")
        super().__init__(graph, *arguments, **options)

onnxruntime.InferenceSession = Session
with TTS(cache_dir=sys.argv[1], offline=True) as tts:
    tts.load("hana", source="hf://me/voices").pre_download(device="cpu")
print({"onnx", "torch"} & set(sys.modules))
"""

RELOAD = """
import sys
from hayakoe_engine import TTS

with TTS(cache_dir=sys.argv[1], precision="exact", threads=2) as tts:
    hana = tts.load("hana", source="hf://me/voices").prepare(warmup=False).speakers["hana"]
    print(hana.info.title)
    print(tts.reload("hana", warmup=False).speakers["hana"].info.title)
    print(tts.reload("hana", update=True, warmup=False).speakers["hana"].info.title)
    print(hana.info.title)
"""

WITH_READ_ONLY = """
mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"
"""


@pytest.fixture(scope="module")
def hub(repository):
    """A hub with the repository in me/voices."""
    pytest.importorskip("huggingface_hub")
    sys.path.insert(0, str(SERVERS))
    try:
        from hub import HubServer
    finally:
        sys.path.remove(str(SERVERS))
    files = {
        file.relative_to(repository).as_posix(): file.read_bytes()
        for file in repository.rglob("*")
        if file.is_file()
    }
    with HubServer() as server:
        server.commit("me/voices", files)
        yield server


@pytest.fixture(scope="module")
def environment(hub, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return {"HOME": str(home), "PATH": os.defpath, "LANG": "C.UTF-8", "HF_ENDPOINT": hub.url}


@pytest.fixture(scope="module")
def run(environment):
    def start(script, *arguments, before=()):
        return subprocess.run(
            [*before, sys.executable, "-W", "error", "-c", script, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        ).stdout.splitlines()

    return start


@pytest.fixture(scope="module")
def downloaded(run, tmp_path_factory):
    """A cache in which everything is, and what was said about it."""
    cache = tmp_path_factory.mktemp("downloaded")
    said = run(DOWNLOAD, str(cache), "cpu")
    assert not (cache / "tuned").exists()
    return cache, said


@pytest.fixture(scope="module")
def read_only(tmp_path_factory):
    """Makes the command that runs another one for which a folder is read-only."""

    def command(folder):
        return ["unshare", "-rm", "sh", "-ec", WITH_READ_ONLY, "sh", str(folder)]

    try:
        subprocess.run([*command(tmp_path_factory.mktemp("x")), "true"], check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine lets nobody make a mount namespace")
    return command


def test_everything_that_a_voice_needs_is_downloaded_and_no_voice_is_made(downloaded):
    _, (prefixes, speakers) = downloaded
    assert set(prefixes.split()) == {"onnx/speakers/hana", "onnx/bert/q8", "bert/tokenizer"}
    assert speakers == "0"


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_without_torch_and_a_gpu_any_device_can_be_downloaded_for(downloaded, run, device):
    cache, _ = downloaded
    assert run(DOWNLOAD, str(cache), device) == ["", "0"]


def test_afterwards_the_voice_speaks_without_any_network(downloaded, run, isolated, hana):
    cache, _ = downloaded
    (digest,) = run(SPEAK, str(cache), TEXT, before=isolated)
    expected = hana.generate(TEXT, seed=1).pcm_bytes()
    assert digest == hashlib.sha256(expected).hexdigest()


def test_what_is_there_is_not_opened_to_be_downloaded_again(downloaded, run):
    cache, _ = downloaded
    assert run(AGAIN, str(cache)) == ["set()"]


@pytest.mark.parametrize("place", ["elsewhere", "nowhere"])
def test_a_read_only_cache_is_enough(downloaded, run, hana, read_only, tmp_path, place):
    cache, _ = downloaded
    baked = shutil.copytree(cache, tmp_path / "baked", ignore=shutil.ignore_patterns("tuned"))
    tuned = tmp_path / "tuned"
    script = SPEAK.replace("TTS(", f"TTS(tuned_dir={str(tuned)!r}, offline=True, ")
    if place == "nowhere":
        script = SPEAK.replace("TTS(", "TTS(offline=True, ")
    *said, digest = run(script, str(baked), TEXT, before=read_only(baked))
    assert digest == hashlib.sha256(hana.generate(TEXT, seed=1).pcm_bytes()).hexdigest()
    assert len(said) == (place == "nowhere")
    assert tuned.exists() == (place == "elsewhere")
    assert {path.name for path in baked.iterdir()} == {"voices.lock", "downloads", "installed"}


def test_afterwards_nobody_is_asked_although_somebody_could_be(downloaded, run, hub):
    cache, _ = downloaded
    del hub.requests[:]
    run(SPEAK, str(cache), TEXT)
    assert hub.requests == []


def test_what_is_downloaded_is_installed_already(downloaded):
    cache, _ = downloaded
    kinds = {folder.name.partition("-")[0] for folder in (cache / "installed").glob("[!.]*-*")}
    assert kinds == {"bert", "voice"}
    with TTS(cache_dir=cache, offline=True, precision="exact", threads=2) as tts:
        before = set((cache / "installed").iterdir())
        tts.load("hana", source="hf://me/voices").prepare()
        assert set((cache / "installed").iterdir()) == before


def test_one_engine_has_voices_from_everywhere(downloaded, repository):
    cache, _ = downloaded
    with TTS(cache_dir=cache, offline=True, precision="exact", threads=2) as tts:
        tts.load("mei").load("hana", source="hf://me/voices")
        tts.load("taro", source=str(repository)).prepare()
        for name in ("mei", "hana", "taro"):
            assert tts.speakers[name].generate("はい。").duration_s > 0


def test_a_voice_that_cannot_be_had_stops_no_other(repository, tmp_path):
    with TTS(cache_dir=tmp_path, offline=True, threads=2) as tts:
        tts.load("nobody", source=str(repository)).load("far", source="hf://me/voices")
        tts.load("hana", source=str(repository))
        with pytest.raises(SourceNotFound, match="nobody"):
            tts.pre_download()
        tts.unload("nobody")
        with pytest.raises(SourceOffline, match="onnx/speakers/far"):
            tts.pre_download()
        tts.unload("far").prepare()
        assert tts.speakers["hana"]


def test_a_device_that_there_is_not(tmp_path):
    with TTS(cache_dir=tmp_path) as tts, pytest.raises(BadOption, match="device"):
        tts.pre_download("abacus")


def test_without_torch_what_needs_it_is_fetched_and_that_is_all(repository, tmp_path, monkeypatch):
    monkeypatch.setattr("hayakoe_engine.neural_voices.find_spec", lambda _: None)
    with TTS(cache_dir=tmp_path, offline=True) as tts:
        tts.load("hana", source=str(repository)).pre_download("cuda")
        assert list(tmp_path.iterdir()) == []
        tts.load("nobody", source=str(repository))
        with pytest.raises(SourceNotFound, match="nobody"):
            tts.pre_download("cuda")


def test_a_running_engine_brings_what_is_new_when_it_is_asked_to(downloaded, run, hub, tmp_path):
    cache = shutil.copytree(downloaded[0], tmp_path / "cache")
    card = "---\nvoice:\n  title: 花\n---\n"
    hub.commit("me/voices", {"onnx/speakers/hana/README.md": card.encode()})
    assert run(RELOAD, str(cache)) == ["hana", "hana", "花", "花"]
