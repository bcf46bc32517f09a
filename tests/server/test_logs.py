"""The log: one line a record, for people and for machines."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from hayakoe_engine import TTS
from wyoming_hayakoe.logs import set_up_logging
from wyoming_hayakoe.settings import LogSettings, SpeechSettings
from wyoming_hayakoe.speech import Request, Speech
from wyoming_hayakoe.voices import VoiceBook

FORGED = "晴れです。\n2026-01-01 00:00:00,000 ERROR   broken\r\x1b[31m\x85\u2028\0"


@pytest.fixture(autouse=True)
def _own_logging():
    """Leave the root logger as it was found."""
    root, quiet = logging.getLogger(), logging.getLogger("zeroconf")
    handlers, level, quiet_level = root.handlers[:], root.level, quiet.level
    root.handlers.clear()  # set_up_logging would close them
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    quiet.setLevel(quiet_level)


@pytest.fixture(scope="module")
def voices():
    with TTS(threads=1).load("mei").prepare() as tts:
        yield VoiceBook(tts.speakers, SpeechSettings(), {}, "mei")


@pytest.fixture
def speak(voices, capsys):
    """Speak a text and return the lines in the log."""

    async def speak(text, *, log_text, fmt):
        set_up_logging(LogSettings(format=fmt))
        speech = Speech(voices, max_text_chars=1000, log_text=log_text)
        narration = speech.begin(Request(interface="test"))
        narration.push(text)
        narration.finish()
        async for _ in narration:
            pass
        narration.close()
        written = capsys.readouterr()
        assert written.out == ""
        return written.err.split("\n")

    return speak


async def test_an_utterance_is_one_line_with_its_facts(speak):
    line, rest = await speak("晴れです。", log_text=False, fmt="text")
    assert rest == ""
    assert " INFO    spoke: request=1 interface=test voice=mei characters=5 queue_ms=" in line
    assert line.endswith(" outcome=done")
    assert "晴れ" not in line


async def test_in_json_the_facts_are_members(speak):
    line, rest = await speak("晴れです。", log_text=False, fmt="json")
    assert rest == ""
    entry = json.loads(line)
    assert entry["level"] == "info"
    assert entry["logger"] == "wyoming_hayakoe.spoken"
    assert entry["time"].endswith("+00:00")
    assert (entry["request"], entry["voice"], entry["characters"]) == ("1", "mei", 5)
    assert entry["audio_s"] > 0.3
    assert entry["ttfa_ms"] >= 0
    assert entry["rtf"] > 0
    assert entry["outcome"] == "done"
    assert "text" not in entry
    assert "晴れ" not in line


async def test_a_text_cannot_forge_a_line(speak):
    line, rest = await speak(FORGED, log_text=True, fmt="text")
    assert rest == ""
    assert (
        "text=晴れです。\\n2026-01-01 00:00:00,000 ERROR   broken\\r\\x1b[31m\\x85\\u2028\\x00"
        in line
    )
    assert len(line.splitlines()) == 1


async def test_a_text_cannot_forge_a_line_in_json(speak):
    line, rest = await speak(FORGED, log_text=True, fmt="json")
    assert rest == ""
    assert json.loads(line)["text"] == FORGED


@pytest.mark.parametrize("fmt", ["text", "json"])
def test_japanese_is_written_as_it_is(capsys, fmt):
    set_up_logging(LogSettings(format=fmt))
    logging.getLogger("x").warning("声　が\t「%s」", "出ない")
    assert "声　が\\t「出ない」" in capsys.readouterr().err


def raise_and_log(message):
    try:
        raise ValueError(message)  # noqa: TRY301 - it is to be caught
    except ValueError:
        logging.getLogger("x").exception("it failed")


def test_a_tracebacks_lines_are_indented(capsys):
    set_up_logging(LogSettings())
    raise_and_log("bad\n2026-01-01 00:00:00,000 ERROR   forged\x1b")
    first, *others = capsys.readouterr().err.splitlines()
    assert first.endswith(" ERROR   it failed")
    assert others[0] == "  Traceback (most recent call last):"
    assert others[-1] == "  2026-01-01 00:00:00,000 ERROR   forged\\x1b"
    assert all(line.startswith("  ") for line in others)


def test_in_json_a_traceback_is_a_member(capsys):
    set_up_logging(LogSettings(format="json"))
    raise_and_log("bad\nworse")
    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert entry["message"] == "it failed"
    assert entry["traceback"].endswith("ValueError: bad\nworse")


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_the_level_is_the_least_severity(capsys, level, seen):
    set_up_logging(LogSettings(level=level))
    for name in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger("x"), name)(name)
    assert [line.split()[-1] for line in capsys.readouterr().err.splitlines()] == seen


def test_the_routine_of_zeroconf_stays_out(capsys):
    set_up_logging(LogSettings(level="debug"))
    logging.getLogger("zeroconf").info("routine")
    logging.getLogger("zeroconf").warning("trouble")
    assert [line.split()[-1] for line in capsys.readouterr().err.splitlines()] == ["trouble"]


def test_setting_up_twice_does_not_double_the_lines(capsys):
    set_up_logging(LogSettings())
    set_up_logging(LogSettings())
    logging.getLogger("x").warning("once")
    assert capsys.readouterr().err.count("once") == 1
    assert sys.stderr is logging.getLogger().handlers[0].stream
