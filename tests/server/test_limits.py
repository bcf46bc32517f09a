"""Limits that keep one client from being noticed by the others, and a slow voice from silence."""

from __future__ import annotations

import asyncio

import pytest
from wyoming.tts import SynthesizeChunk, SynthesizeStart, SynthesizeStop

from hayakoe_engine.errors import TextTooLong
from hayakoe_engine.tts import TTS
from wyoming_hayakoe.pacing import Pacing
from wyoming_hayakoe.settings import SpeechSettings
from wyoming_hayakoe.speech import Request, Speech
from wyoming_hayakoe.voices import VoiceBook
from wyoming_hayakoe.wyoming_connection import MAX_WAITING

HANG_S = 30.0
TEXT = "こんにちは。"


@pytest.fixture
def speaking(fake_voice):
    """An engine with a voice that makes one window of each sentence when it is let."""
    voice = fake_voice(windows=2, gated=True)
    with TTS(threads=1).load("fake", source=lambda: voice).prepare() as tts:
        yield voice, VoiceBook(tts.speakers, SpeechSettings(), {}, "fake")
        voice.open_gate()


# One client and the others


async def test_a_listener_who_takes_nothing_holds_nobody_up(serve, fake_voice):
    greedy = fake_voice("greedy", windows=20, window_s=1, sample_rate_hz=48_000)
    served = await serve(fake_voice(), greedy)
    async with served.client() as silent, served.client() as other:
        silent.stop_reading()
        for number in range(MAX_WAITING):
            await silent.ask(f"{number}。", voice="greedy")
        for _ in range(3):
            assert (await other.say(TEXT)).pcm == served.pcm(TEXT)
        silent.read_on()
        for number in range(MAX_WAITING):
            assert (await silent.listen()).pcm == served.pcm(f"{number}。", "greedy")


async def test_an_utterance_that_waits_for_its_text_holds_nobody_up(serve, fake_voice):
    served = await serve(fake_voice(), idle_flush_s=60)
    async with served.client() as slow, served.client() as other:
        await slow.send(SynthesizeStart(), SynthesizeChunk(text="こん"))
        for _ in range(3):
            assert (await other.say(TEXT)).pcm == served.pcm(TEXT)
        await slow.send(SynthesizeChunk(text="にちは。"), SynthesizeStop())
        assert (await slow.listen()).pcm == served.pcm(TEXT)


# Text


async def test_a_request_may_have_a_limit_of_its_own(speaking):
    _, book = speaking
    speech = Speech(book, max_text_chars=5)
    for most, request in (
        (5, Request(interface="test")),
        (9, Request(interface="test", max_chars=9)),
    ):
        narration = speech.begin(request)
        narration.push("あ" * most)
        with pytest.raises(TextTooLong, match=f"longer than {most} characters"):
            narration.push("あ")
        narration.close()


# Slow machines


async def test_the_first_sound_is_not_held_for_ever(speaking):
    voice, book = speaking
    pacing = Pacing(limit_s=0.1)
    pacing.learn("fake", audio_s=1, work_wall_s=1000, chars=1)
    narration = Speech(book, max_text_chars=100, pacing=pacing).begin(Request(interface="test"))
    narration.push(TEXT)
    narration.finish()
    voice.let(1)
    async with asyncio.timeout(HANG_S):
        assert (await anext(narration)).duration_s > 0
    assert narration.is_speaking
    narration.close()
