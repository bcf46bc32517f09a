"""What is told of a neural voice, and who says so."""

import shutil
from dataclasses import replace

import pytest

from hayakoe_engine import TTS
from hayakoe_engine.voices import catalogue

PREFIX = "onnx/speakers/hana"
CARD = "---\nvoice:\n  title: 花\n  licence: CC0\n  version: '7'\n---\n# 花\n"


@pytest.fixture
def info_of(repository, cache, tts):  # noqa: ARG001 - it has installed the voice
    """Facts about the voice as it is loaded from a place."""

    def info_of(source):
        with TTS(cache_dir=cache, precision="exact", bert_source=str(repository)) as engine:
            return engine.load("hana", source=str(source)).prepare().speakers["hana"].info

    return info_of


def test_where_nobody_says_anything_the_publisher_is_to_be_asked(info_of, repository):
    info = info_of(repository)
    assert info.licence == "see the voice's publisher"
    assert (info.title, info.credit, info.url) == ("hana", "", "")


def test_a_card_beside_the_files_is_believed(info_of, repository, tmp_path):
    folder = shutil.copytree(repository / PREFIX, tmp_path / PREFIX)
    (folder / "README.md").write_text(CARD, "utf-8")
    info = info_of(tmp_path)
    assert (info.title, info.licence, info.version) == ("花", "CC0", "7")
    assert info.credit == ""


def test_the_catalogue_knows_better(info_of, repository, tmp_path, monkeypatch):
    folder = shutil.copytree(repository / PREFIX, tmp_path / PREFIX)
    (folder / "README.md").write_text(CARD, "utf-8")
    known = replace(catalogue.catalogue()[0], name="hana", source=f"file://{tmp_path}")
    monkeypatch.setattr(catalogue, "catalogue", lambda: (known,))
    info = info_of(f"file://{tmp_path}")
    assert (info.title, info.licence) == (known.title, "CC BY-SA 4.0")
    assert (info.credit, info.url) == (known.credit, known.terms)
    assert info_of(tmp_path).licence == "CC0"
