"""Voices become a part of the image when it is built, and speak in it without a network."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from pathlib import Path

import pytest
from hayakoe_addon import bake
from hayakoe_addon.baked import link_baked, read_index

from hayakoe_engine import TTS
from hayakoe_engine.errors import BadVoiceFiles

MODELS = Path(__file__).parents[1] / "models"
BATH = "お風呂が沸きました。"


@pytest.fixture(scope="session")
def published(model_folder):
    """A miniature voice, laid out as the published repository."""

    def make(root):
        pytest.importorskip("torch")
        pytest.importorskip("onnx")
        sys.path.insert(0, str(MODELS))
        try:
            import make_bert
            import make_voice
        finally:
            sys.path.remove(str(MODELS))
        make_bert.make_bert(root, width=make_voice.MINIATURE.bert_width, layers=3)
        make_voice.make_voice(root / "onnx/speakers/mini")

    return model_folder("published-for-baking", make)


@pytest.fixture(scope="session")
def baked(published, tmp_path_factory):
    """What an image has, with the voice in it."""
    voices = tmp_path_factory.mktemp("bake") / "voices.yaml"
    voices.write_text(f"mini:\n  source: file://{published}\n  title: ミニ\n", "utf-8")
    folder = tmp_path_factory.mktemp("image")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bake, "find_spec", lambda _name: None)  # torch is not where images are built
        assert bake.main([str(voices), str(folder), "mini"]) == 0
    return folder


@pytest.fixture
def image(baked):
    """The same as nobody may change it, not even root."""
    paths = [baked, *baked.rglob("*")]
    before = {path: path.stat() for path in paths}
    yield baked
    assert [baked, *baked.rglob("*")] == paths
    for path, state in before.items():
        assert path.stat().st_mtime_ns == state.st_mtime_ns, path


def speak(cache, image):
    voice = read_index(image)["mini"]
    with TTS(cache_dir=cache, offline=True) as tts:
        tts.load("mini", source=voice["source"]).prepare()
        return tts.speakers["mini"].generate(BATH, style=voice["styles"][0])


def test_the_image_knows_its_voices(image):
    index = read_index(image)
    assert list(index) == ["mini"]
    assert index["mini"]["title"] == "ミニ"
    assert index["mini"]["styles"] == ["Neutral", "Happy"]
    assert index["mini"]["source"].startswith(str(image)), "nothing outside the image is needed"


def test_nothing_of_the_building_machine_is_in_the_image(image):
    assert not (image / "tuned").exists()
    assert not list(image.rglob("*lock"))


def test_networks_are_in_the_image_once(image):
    assert not list(image.rglob("synthesizer.onnx"))
    assert not list(image.rglob("bert_q8.onnx"))


def test_an_image_with_torch_has_the_networks_that_a_gpu_takes_weights_from(
    baked, published, tmp_path
):
    voices = tmp_path / "voices.yaml"
    voices.write_text(f"mini:\n  source: file://{published}\n", "utf-8")
    image = shutil.copytree(baked, tmp_path / "image")  # so nothing has to be installed again
    assert bake.main([str(voices), str(image), "mini"]) == 0
    assert len(list(image.rglob("synthesizer.onnx"))) == 1
    assert len(list(image.rglob("bert_q8.onnx"))) == 1


def test_an_image_that_lacks_something_says_so(image, tmp_path):
    link_baked(image, tmp_path / "cache")
    for link in (tmp_path / "cache/installed").glob("voice-*"):
        link.unlink()
    with pytest.raises(BadVoiceFiles, match=r"synthesizer.onnx: was left out") as caught:
        speak(tmp_path / "cache", image)
    assert "must be built again" in caught.value.hint


def test_a_baked_voice_speaks_from_data_and_adapts_to_the_machine_there(image, tmp_path, caplog):
    caplog.set_level(logging.INFO, "hayakoe_engine")
    link_baked(image, tmp_path / "cache")
    audio = speak(tmp_path / "cache", image)
    assert audio.duration_s > 0.5
    assert list((tmp_path / "cache/tuned").rglob("graph.onnx"))
    assert "installing" not in caplog.text


def test_a_baked_voice_speaks_where_nothing_can_be_written(image, tmp_path, caplog):
    """As a read-only file system without /data."""
    link_baked(image, tmp_path / "cache")
    (tmp_path / "cache/tuned").write_text("no folder can be made here", "utf-8")
    audio = speak(tmp_path / "cache", image)
    assert audio.duration_s > 0.5
    assert "no copies for this machine" in caplog.text


def test_a_second_start_changes_nothing(image, tmp_path):
    cache = tmp_path / "cache"
    link_baked(image, cache)
    before = sorted(cache.rglob("*"))
    link_baked(image, cache)
    assert sorted(cache.rglob("*")) == before


def test_what_an_older_image_had_is_forgotten(image, tmp_path):
    cache = tmp_path / "cache"
    (cache / "installed").mkdir(parents=True)
    (cache / "installed/voice-old").symlink_to(tmp_path / "gone")
    link_baked(image, cache)
    assert not os.path.lexists(cache / "installed/voice-old")
    assert speak(cache, image).duration_s > 0.5


def test_what_the_user_has_installed_stays(image, tmp_path):
    cache = tmp_path / "cache"
    (cache / "installed/voice-own").mkdir(parents=True)
    link_baked(image, cache)
    assert (cache / "installed/voice-own").is_dir()


def test_an_image_without_voices_is_no_problem(tmp_path):
    link_baked(tmp_path / "baked", tmp_path / "cache")
    assert read_index(tmp_path / "baked") == {}


# The step of the build


@pytest.mark.parametrize(
    ("content", "names", "said"),
    [
        ("mini: {}", ["maxi"], "there is no voice maxi; there are mini"),
        ("- mini", ["mini"], "must hold voices by name"),
        ("mini: {uri: hf://a/b}", ["mini"], "uri"),
        ("mini: {source: ftp://a}", ["mini"], "unknown kind of source"),
        ("mini: {source: /nowhere}", ["mini"], "/nowhere"),
    ],
)
def test_a_build_that_cannot_bake_fails_and_says_why(tmp_path, capsys, content, names, said):
    voices = tmp_path / "voices.yaml"
    voices.write_text(content, "utf-8")
    assert bake.main([str(voices), str(tmp_path / "baked"), *names]) == 1
    assert said in capsys.readouterr().err


def test_a_build_without_voices_bakes_nothing(tmp_path):
    voices = Path(__file__).parents[2] / "addon/voices.yaml"
    assert bake.main([str(voices), str(tmp_path / "baked")]) == 0
    assert list((tmp_path / "baked").iterdir()) == []


def test_the_voices_of_the_file_are_known_to_be_published():
    from hayakoe_engine.voices.catalogue import catalogue

    voices = bake.read_voices(Path(__file__).parents[2] / "addon/voices.yaml")
    published = {voice.name: voice.source for voice in catalogue()}
    assert {name: voice.source for name, voice in voices.items()}.items() <= published.items()
