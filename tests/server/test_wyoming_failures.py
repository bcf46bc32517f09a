"""Voices that fail and clients that go away."""

from __future__ import annotations

import pytest
from wyoming.tts import SynthesizeChunk, SynthesizeStart

TEXT = "こんにちは。今日は晴れです。"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("fails_at", [0, 1, 3])
async def test_a_failing_voice_is_an_error_and_the_end_of_the_connection(
    serve, fake_voice, fails_at, streamed
):
    served = await serve(fake_voice(windows=5, fails_at=fails_at))
    async with served.client() as client:
        await (client.stream(TEXT) if streamed else client.ask(TEXT))
        for kind in ["audio-start"] * bool(fails_at) + ["audio-chunk"] * fails_at:
            await client.expect(kind)
        error = await client.expect_refusal("inference-failed")
        assert "hoarse" in error.text
    await served.wait_idle()


async def test_a_voice_that_fails_in_its_second_sentence_never_ends_as_if_all_were_said(
    serve, fake_voice
):
    class Forgetful(fake_voice):
        def begin(self, reading, options, rng):
            if "晴れ" in reading.text:
                raise RuntimeError("forgotten")
            return super().begin(reading, options, rng)

    served = await serve(Forgetful())
    async with served.client() as client:
        await client.stream(TEXT)
        await client.expect_refusal("inference-failed")


async def test_a_failing_voice_disturbs_nobody_else(serve, fake_voice, until):
    good, bad = fake_voice("good", gated=True), fake_voice("bad", fails_at=1)
    served = await serve(good, bad)
    async with served.client() as patient, served.client() as unlucky:
        await patient.ask(TEXT)
        await until(lambda: good.begun == 1)
        await unlucky.ask(TEXT, "bad")
        await unlucky.expect_refusal("inference-failed")
        good.open_gate()
        assert (await patient.listen()).pcm == served.pcm(TEXT)
        assert (await patient.say(TEXT)).pcm == served.pcm(TEXT)


async def test_what_waits_behind_a_failed_utterance_is_not_spoken(serve, fake_voice):
    good = fake_voice("good")
    served = await serve(good, fake_voice("bad", gated=True, fails_at=0))
    async with served.client() as client:
        await client.ask(TEXT, "bad")
        await client.ask(TEXT, "good")
        served.voices[1].open_gate()
        await client.expect_refusal("inference-failed")
    await served.wait_idle()


@pytest.mark.parametrize("way", ["close", "vanish"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_the_work_for_a_client_that_goes_away_ends_within_a_window(
    serve, fake_voice, until, streamed, way
):
    voice = fake_voice(windows=1000, gated=True)
    served = await serve(voice)
    client = served.client()
    await client.connect()
    if streamed:
        await client.send(SynthesizeStart(), SynthesizeChunk(text=TEXT))
    else:
        await client.ask(TEXT)
    voice.let(3)
    for kind in ["audio-start"] + ["audio-chunk"] * 3:
        await client.expect(kind)
    if way == "close":
        await client.disconnect()
    else:
        client.vanish()
    await until(lambda: served.connections == 0)
    voice.open_gate()
    await until(lambda: served.tts.active_utterances == 0)
    assert voice.made <= 4
    async with served.client() as another:
        await another.ask("はい。")
        await another.expect("audio-start")


async def test_a_client_that_goes_away_before_anything_is_made_costs_one_window_at_most(
    serve, fake_voice, until
):
    voice = fake_voice(windows=1000, gated=True)
    served = await serve(voice)
    async with served.client() as client:
        await client.stream(TEXT)
        await client.ask(TEXT)
        await until(lambda: voice.begun == 2)
    await until(lambda: served.connections == 0)
    voice.open_gate()
    await until(lambda: served.tts.active_utterances == 0)
    assert voice.made <= 2
