import hashlib
import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hayakoe_engine.sources.access import Patience, SourceAccess
from hayakoe_engine.sources.source import open_source

SERVERS = Path(__file__).parents[2] / "servers"

PREFIX = "onnx/speakers/hana"


def noise(size_bytes, seed=0):
    return random.Random(seed).randbytes(size_bytes)


@pytest.fixture(scope="session")
def voice():
    """The files of a voice: small ones, a large one, one in a folder, an empty one."""
    return {
        f"{PREFIX}/config.json": b'{"version": "2.0-JP-Extra"}',
        f"{PREFIX}/synthesizer.onnx": noise(3_000_000, 1),
        f"{PREFIX}/style_vectors.npy": noise(900, 2),
        f"{PREFIX}/more/日本語 1.bin": noise(500, 3),
        f"{PREFIX}/empty": b"",
        "onnx/speakers/hanako/config.json": b"{}",
        "README.md": b"# Voices",
    }


@pytest.fixture
def content_below():
    """Tells what a folder has in it."""

    def read(folder):
        return {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in folder.rglob("*")
            if file.is_file()
        }

    return read


@pytest.fixture(scope="session")
def hana(voice):
    """What lies under the prefix."""
    return {
        path.removeprefix(f"{PREFIX}/"): content
        for path, content in voice.items()
        if path.startswith(f"{PREFIX}/")
    }


@pytest.fixture(scope="session")
def servers():
    """The module of the servers for tests."""
    sys.path.insert(0, str(SERVERS))
    try:
        import hub
    finally:
        sys.path.remove(str(SERVERS))
    return hub


@pytest.fixture
def hub(servers, voice, monkeypatch):
    """A hub with the voice in me/voices; nobody is logged in on this machine."""
    pytest.importorskip("huggingface_hub")
    import huggingface_hub.constants

    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", "/nowhere")
    with servers.HubServer() as server:
        server.commit("me/voices", voice)
        yield server


@pytest.fixture
def access(tmp_path):
    """An empty cache, and little patience."""
    return SourceAccess(tmp_path / "cache", patience=Patience(4, first_delay_s=0.01))


@pytest.fixture
def fetch(hub, access):
    """Fetches from the hub; its keywords change the access."""

    def run(prefix=PREFIX, uri="hf://me/voices", **changes):
        here = replace(access, **({"hf_endpoint": hub.url} | changes))
        return open_source(uri, here).fetch(prefix)

    return run


@pytest.fixture
def sha256():
    return lambda content: hashlib.sha256(content).hexdigest()


@pytest.fixture
def unused_port():
    """A port on which nobody listens."""
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
