"""The commands for published voices."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

PREFIX = "onnx/speakers/mini"
LICENCE = ("--licence", "CC BY 4.0")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for variable in list(os.environ):  # noqa: TID251 - to be empty
        if variable.upper().startswith("HAYAKOE_"):
            monkeypatch.delenv(variable)


@pytest.fixture
def publish(run, published, installed, tmp_path):
    """Publishes the small voice in a folder."""
    folder = Path(shutil.copytree(published / PREFIX, tmp_path / "mini"))
    settings = (f"--set=cache={installed[0]}", f"--set=neural.bert_source={published}")

    def publish(*arguments, voice=folder, uri=tmp_path / "voices"):
        return run("publish", str(voice), str(uri), *arguments, *settings)

    return publish


# publish


def test_publish_says_what_it_does_and_what_is_there(publish, caplog, tmp_path):
    status, out, err = publish(*LICENCE, "--title", "ミニ", "--credit", "みに")
    assert status == 0, err
    *files, last = out.decode().splitlines()
    assert [line.partition("\t")[0] for line in files] == [
        f"{PREFIX}/{name}"
        for name in ("README.md", "config.json", "style_vectors.npy", "synthesizer.onnx")
    ]
    assert last.startswith(f"voice mini is at {tmp_path}/voices; it said テスト音声です。 in ")
    assert caplog.messages[-3:] == [
        "voice mini is in order and speaks",
        f"uploaded {tmp_path}/voices: {PREFIX}",
        "what came back is the same and speaks",
    ]
    card = (tmp_path / "voices" / PREFIX / "README.md").read_text("utf-8")
    assert "# ミニ\n" in card
    assert "- Credit: みに\n" in card


def test_what_is_said_of_a_published_voice_is_told(run, publish, installed, published, tmp_path):
    assert publish(*LICENCE, "--credit", "みに", "--terms", "https://example.com/")[0] == 0
    status, out, _ = run(
        "voices",
        "--json",
        f"--set=cache={installed[0]}",
        f"--set=voices.mini.source={tmp_path}/voices",
        f"--set=neural.bert_source={published}",
    )
    assert status == 0
    mini = next(entry for entry in json.loads(out) if entry["name"] == "mini")
    assert (mini["licence"], mini["credit"]) == ("CC BY 4.0", "みに")
    assert mini["url"] == "https://example.com/"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_voice_that_is_there_is_replaced_if_whoever_is_there_agrees(
    publish, tmp_path, monkeypatch
):
    assert publish(*LICENCE)[0] == 0
    card = tmp_path / "voices" / PREFIX / "README.md"
    question = f"{tmp_path}/voices: {PREFIX} is there already. Replace it? [y/N] "
    refusal = (
        f"wyoming-hayakoe: {tmp_path}/voices: {PREFIX} is there already\n"
        "hint: choose another name, or replace it with --yes\n"
    )
    for answer, asked in (("n\n", True), ("", True), (None, False)):
        terminal = io.StringIO() if answer is None else Terminal(answer)
        monkeypatch.setattr(sys, "stdin", terminal)
        status, out, err = publish(*LICENCE, "--title", "new")
        assert (status, out) == (1, b"")
        assert err.endswith(question + refusal if asked else refusal)
        assert (question in err) == asked
    assert "# new" not in card.read_text("utf-8")
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert publish(*LICENCE, "--title", "new")[0] == 0
    assert "# new" in card.read_text("utf-8")
    monkeypatch.setattr(sys, "stdin", None)
    assert publish(*LICENCE, "--title", "newer", "--yes")[0] == 0
    assert "# newer" in card.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        ((), 2, "it must be known under which licence the voice may be used\nhint: for example"),
        ((*LICENCE, "--name", "a b"), 2, "'a b' is no name for a voice"),
        (
            (*LICENCE, "--terms", "example.com"),
            2,
            "the address of the terms must be one",
        ),
        ((*LICENCE, "--set", "qqq=1"), 2, "qqq"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_published(
    publish, tmp_path, arguments, status, reason
):
    code, out, err = publish(*arguments)
    assert (code, out) == (status, b"")
    assert err.startswith(f"wyoming-hayakoe: {reason}")
    assert not (tmp_path / "voices").exists()


def test_places_and_voices_that_are_none_are_named(publish, tmp_path):
    status, _, err = publish(*LICENCE, uri="ftp://host/voices")
    assert status == 1
    assert "ftp://host/voices: unknown kind of source; known are hf://USER/REPO" in err
    status, _, err = publish(*LICENCE, voice=tmp_path / "nobody")
    assert status == 1
    assert f"{tmp_path}/nobody/config.json: is missing" in err


# voices --available


def test_known_voices_are_listed_without_any_of_them(run):
    status, out, err = run("voices", "--available")
    assert (status, err) == (0, "")
    lines = [line.split("\t") for line in out.decode().splitlines()]
    assert len(lines) == 11
    assert lines[0][:3] == ["jvnv-F1-jp", "JVNV 女性1", "ja"]
    assert lines[0][3].startswith("Neutral, Happy, Sad")
    assert lines[0][4] == "CC BY-SA 4.0"
    assert all(terms.startswith("https://") for *_, terms in lines)


def test_known_voices_as_json(run):
    status, out, err = run("voices", "--available", "--json")
    assert (status, err) == (0, "")
    voices = {voice["name"]: voice for voice in json.loads(out)}
    assert voices["tsukuyomi_chan"] == {
        "name": "tsukuyomi_chan",
        "title": "つくよみちゃん",
        "languages": ["ja"],
        "styles": ["Neutral"],
        "licence": "つくよみちゃんコーパスの利用規約",
        "credit": "つくよみちゃんコーパス（CV.夢前黎） (https://tyc.rei-yumesaki.net/material/corpus/)",
        "terms": "https://tyc.rei-yumesaki.net/material/corpus/",
        "source": "hf://lemondouble/hayakoe",
    }
