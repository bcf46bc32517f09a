"""How long a request waits for the voice that it asked for, before the embedded one speaks."""

from __future__ import annotations

import asyncio

import pytest

from hayakoe_engine.errors import BadOption
from hayakoe_engine.scheduler import Priority
from hayakoe_engine.tts import TTS
from wyoming_hayakoe.settings import SpeechSettings
from wyoming_hayakoe.speech import Request, Speech
from wyoming_hayakoe.voice_suffixes import Suffixed, split_suffixes
from wyoming_hayakoe.voices import VoiceBook

HANG_S = 30.0
TEXT = "起きる時間です。"
NEVER_S = 600.0
"""No test waits for so long: in it only the request's own deadline is ever over."""


@pytest.fixture
def stuck(fake_voice):
    """A voice that makes nothing until it is let, and a book with it and the embedded one."""
    voice = fake_voice(gated=True)
    with TTS(threads=2).load("mei").load("fake", source=lambda: voice).prepare() as tts:
        yield voice, VoiceBook(tts.speakers, SpeechSettings(), {}, "fake")
        voice.open_gate()


async def stand_ins(speech, **request):
    """The sentences of a narration that the embedded voice has said."""
    narration = speech.begin(Request(interface="test", **request))
    narration.push(TEXT)
    narration.finish()
    async with asyncio.timeout(HANG_S):
        assert [audio async for audio in narration]
    return narration.stand_ins


@pytest.mark.parametrize(
    "request_",
    [
        {"deadline_s": 0.1},
        {"voice": "fake@0.1s"},
        {"voice": "@alarm@0.1s"},
        {"voice": "fake@batch@0.1s"},
        {"voice": "fake@600s", "deadline_s": 0.1},
        {"priority": Priority.BATCH, "deadline_s": 0.1},
    ],
    ids=str,
)
async def test_a_request_may_have_a_deadline_of_its_own(stuck, request_):
    _, book = stuck
    speech = Speech(book, max_text_chars=100, fallback_after_s=NEVER_S)
    assert await stand_ins(speech, **request_) == 1


async def test_a_request_may_be_more_patient_than_the_settings(stuck):
    voice, book = stuck
    speech = Speech(book, max_text_chars=100, fallback_after_s=0.001)
    assert await stand_ins(speech) == 1
    voice.open_gate()
    assert await stand_ins(speech, deadline_s=NEVER_S) == 0


async def test_where_nobody_may_stand_in_a_deadline_changes_nothing(stuck):
    voice, book = stuck
    voice.open_gate()
    assert await stand_ins(Speech(book, max_text_chars=100), deadline_s=0.1) == 0


@pytest.mark.parametrize("request_", [{"deadline_s": 0.01}, {"voice": "fake@601s"}], ids=str)
async def test_a_deadline_out_of_bounds_is_refused(stuck, request_):
    _, book = stuck
    speech = Speech(book, max_text_chars=100, fallback_after_s=NEVER_S)
    with pytest.raises(BadOption, match=r"a deadline is 0\.1 to 600 s, not"):
        speech.begin(Request(interface="test", **request_))
    assert speech.active == 0


async def test_where_nobody_reads_errors_it_is_as_if_there_was_none(stuck, caplog):
    voice, book = stuck
    voice.open_gate()
    speech = Speech(book, max_text_chars=100, fallback_after_s=NEVER_S)
    assert await stand_ins(speech, voice="fake@0s", is_lenient=True) == 0
    assert "a deadline is 0.1 to 600 s, not 0 s; that of the settings counts" in caplog.text


async def test_over_wyoming_the_name_of_the_voice_says_it(serve, fake_voice):
    served = await serve(fake_voice(gated=True), "mei", fallback_after_s=NEVER_S)
    async with served.client() as client:
        spoken = await client.say(TEXT, voice="fake@alarm@0.1s")
    assert spoken.duration_s > 0.5  # the fake voice would have said it in 0.1 s


@pytest.mark.parametrize(
    ("voice", "found"),
    [
        (None, Suffixed(None)),
        ("", Suffixed(None)),
        ("mei", Suffixed("mei")),
        ("mei@alarm", Suffixed("mei", Priority.ALARM)),
        ("mei@Alarm@2s", Suffixed("mei", Priority.ALARM, 2.0)),
        ("mei@0.25s@batch", Suffixed("mei", Priority.BATCH, 0.25)),
        ("jvnv-F1-jp:Happy@1s", Suffixed("jvnv-F1-jp:Happy", None, 1.0)),
        ("@1s", Suffixed(None, None, 1.0)),
        ("mei@", Suffixed("mei@")),
        ("mei@1", Suffixed("mei@1")),
        ("mei@-1s", Suffixed("mei@-1s")),
        ("mei@1e3s", Suffixed("mei@1e3s")),
        ("mei@１s", Suffixed("mei@１s")),
        ("alarm", Suffixed("alarm")),
        ("1s", Suffixed("1s")),
        ("a@b@alarm", Suffixed("a@b", Priority.ALARM)),
        ("mei@alarm@batch", Suffixed("mei@alarm", Priority.BATCH)),
        ("mei@1s@2s", Suffixed("mei@1s", None, 2.0)),
    ],
)
def test_what_the_name_of_a_voice_may_end_with(voice, found):
    assert split_suffixes(voice) == found
