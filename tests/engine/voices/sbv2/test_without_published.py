"""A voice whose networks are kept as installed only."""

import logging
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from hayakoe_engine import TTS
from hayakoe_engine.errors import BadOption, BadVoiceFiles
from hayakoe_engine.sources.cache import DownloadCache
from hayakoe_engine.sources.left_out import PublishedLeftOut
from hayakoe_engine.voices.sbv2.made_files import MadeFiles

SERVERS = Path(__file__).parents[3] / "servers"
URI = "hf://me/voices"
TEXT = "お風呂が沸きました。"
LEFT_OUT = {"bert_q8.onnx", "synthesizer.onnx"}


@pytest.fixture
def hub(repository, monkeypatch):
    pytest.importorskip("huggingface_hub")
    from huggingface_hub import constants

    sys.path.insert(0, str(SERVERS))
    try:
        from hub import HubServer
    finally:
        sys.path.remove(str(SERVERS))
    files = {
        file.relative_to(repository).as_posix(): file.read_bytes()
        for file in repository.rglob("*")
        if file.is_file() and "taro" not in file.parts
    }
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with HubServer() as server:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr("huggingface_hub.hf_api.ENDPOINT", server.url, raising=False)
        server.commit("me/voices", files)
        yield server


@pytest.fixture
def thin(hub, cache, tmp_path):
    """A cache with a voice from the hub, of which the networks were left out."""
    shutil.copytree(cache / "installed", tmp_path / "thin/installed")
    (tmp_path / "thin/installed/stamps.json").unlink()
    with TTS(cache_dir=tmp_path / "thin", threads=2) as engine:
        engine.load("hana", source=URI).pre_download(keep_published=False)
    del hub.requests[:]
    return tmp_path / "thin"


def speak(cache, *, source=URI, precision="exact", offline=True):
    with TTS(cache_dir=cache, offline=offline, precision=precision, threads=2) as engine:
        engine.load("hana", source=source).prepare(warmup=False)
        return engine.speakers["hana"].generate(TEXT, seed=1).samples


def test_what_was_published_is_gone_and_the_voice_says_the_same(thin, hana):
    assert not [file for file in thin.rglob("*") if file.name in LEFT_OUT]
    assert np.array_equal(speak(thin), hana.generate(TEXT, seed=1).samples)


@pytest.mark.parametrize("precision", ["balanced", "fast", "auto"])
def test_it_still_has_all_precisions(thin, precision):
    assert np.abs(speak(thin, precision=precision)).max() > 0.01


def test_what_looks_after_the_cache_tells_the_truth(thin):
    downloads, made = DownloadCache(thin), MadeFiles(thin)
    assert downloads.verify() == ()
    assert made.verify() == ()
    left_out = [file.path for one in downloads.folders() for file in downloads.left_out(one)]
    assert set(left_out) == LEFT_OUT
    before = sorted(path for path in thin.rglob("*") if path.suffix != ".lock")
    wanted = {folder.path.name[:4] for folder in made.folders(["hana"]) if folder.is_wanted}
    assert wanted == {"bert", "voic"}
    assert downloads.prune() == 0
    made.prune(["hana"])
    assert {path for path in before if "hana" in str(path)} <= set(thin.rglob("*"))
    assert speak(thin).size


def test_it_can_be_left_out_again(thin, hub):
    with TTS(cache_dir=thin, threads=2) as engine:
        engine.load("hana", source=URI).pre_download(keep_published=False)
    assert hub.requests == []


def lose_voice(cache):
    for folder in (cache / "installed").glob("voice-*"):
        shutil.rmtree(folder)


def test_without_what_was_made_of_it_an_error_says_what_to_do(thin):
    lose_voice(thin)
    with pytest.raises(PublishedLeftOut, match=r"synthesizer.onnx: was left out") as caught:
        speak(thin)
    assert "wyoming-hayakoe install" in caught.value.hint


def test_with_a_network_it_is_fetched_and_installed_again(thin, hub, caplog):
    lose_voice(thin)
    with caplog.at_level(logging.WARNING):
        assert speak(thin, offline=False).size
    assert "onnx/speakers/hana/synthesizer.onnx" in hub.files_sent()
    assert "synthesizer.onnx: was left out" in caplog.text


@pytest.mark.usefixtures("hub")
def test_nothing_is_left_out_if_what_was_made_of_it_is_damaged(cache, tmp_path):
    shutil.copytree(cache / "installed", tmp_path / "installed")
    for graph in tmp_path.glob("installed/voice-*/flow.onnx"):
        graph.write_bytes(b"damaged")
    with TTS(cache_dir=tmp_path, threads=2) as engine:
        engine.load("hana", source=URI)
        with pytest.raises(BadVoiceFiles, match=r"flow.onnx has 7 bytes") as caught:
            engine.pre_download(keep_published=False)
    assert "cache verify --repair" in caught.value.hint
    assert list(tmp_path.rglob("synthesizer.onnx"))


def test_a_folder_of_the_users_own_stays_as_it_is(repository, cache, tmp_path):
    shutil.copytree(cache / "installed", tmp_path / "installed")
    before = sorted(repository.rglob("*"))
    with TTS(cache_dir=tmp_path, threads=2) as engine:
        engine.load("hana", source=str(repository)).pre_download(keep_published=False)
    assert sorted(repository.rglob("*")) == before


def test_what_a_gpu_needs_is_not_left_out(repository, tmp_path):
    with TTS(cache_dir=tmp_path) as engine:
        engine.load("hana", source=str(repository))
        with pytest.raises(BadOption, match="kept as they were published"):
            engine.pre_download("cuda", keep_published=False)


def test_who_needs_what_was_published_says_so(thin):
    with TTS("torch-cpu", cache_dir=thin, offline=True, threads=2) as engine:
        engine.load("hana", source=URI)
        with pytest.raises(PublishedLeftOut, match="what was published"):
            engine.prepare(warmup=False)
