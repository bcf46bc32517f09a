"""Limits: what a client may not do, and how long it may do nothing."""

from __future__ import annotations

import asyncio
import gc
import json
import random

import pytest
from wyoming.event import Event
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop

TEXT = "こんにちは。今日は晴れです。"


def line(**header):
    return json.dumps(header).encode() + b"\n"


async def standstill(voice):
    """Wait until the voice works no more because nobody takes its audio."""
    made = -1
    while voice.made != made:
        made = voice.made
        await asyncio.sleep(0.3)


# Sizes


@pytest.mark.parametrize(
    "data",
    [
        b"x" * 70_000,
        b'{"type": "describe", "a": "' + b"x" * 70_000 + b'"}\n',
        b"GET / HTTP/1.1\r\n",
        line(type="describe", data_length=2_000_000_000),
        line(type="describe", payload_length=2_000_000_000),
        line(type="describe", data_length=-1),
        line(type="describe", payload_length="all"),
        line(type="describe", data={"a": 1}, data_length=1e3),
        line(type="synthesize", data_length=60_000) + b'{"a":' + b"[" * 59_995,
        b'{"type": "describe", "data": ' + b'{"a":' * 12_000 + b"\n",
        line(data={"text": "あ"}),
        line(type="synthesize", data=["あ"]),
    ],
    ids=lambda data: repr(data[:45]),
)
async def test_what_is_no_event_or_too_large_is_an_error_and_nobody_else_notices(
    serve, fake_voice, data
):
    served = await serve(fake_voice())
    async with served.client() as good, served.client() as bad:
        await bad.send_bytes(data)
        await bad.expect_refusal("bad-event")
        assert (await good.say(TEXT)).pcm == served.pcm(TEXT)


async def test_a_client_that_never_stops_sending_is_cut_off(serve, fake_voice):
    served = await serve(fake_voice())
    async with served.client() as bad:
        with pytest.raises(ConnectionError):  # noqa: PT012 - which one fails is chance
            while True:
                await bad.send_bytes(b"x" * 1_000_000)
    await served.wait_idle()


async def test_a_text_that_is_too_long_is_an_error(serve, fake_voice):
    served = await serve(fake_voice(), max_text_chars=100)
    async with served.client() as client:
        assert (await client.say("あ" * 100)).pcm == served.pcm("あ" * 100)
        await client.ask("あ" * 101)
        assert "100" in (await client.expect_refusal("text-too-long")).text
    await served.wait_idle()


async def test_a_text_that_grows_too_long_in_pieces_is_an_error(serve, fake_voice):
    served = await serve(fake_voice(), max_text_chars=100)
    async with served.client() as client:
        assert (await client.say_streamed(*["あい。"] * 33, "あ")).duration_s > 0
        await client.stream(*["あい。"] * 33, "あい")
        await client.expect_refusal("text-too-long")
    await served.wait_idle()


async def test_after_an_error_no_audio_follows(serve, fake_voice):
    """The audio still on its way when the error happens would look like an answer."""
    voice = fake_voice(windows=150, window_s=1, sample_rate_hz=48_000)
    served = await serve(voice)
    async with served.client() as client:
        client.stop_reading()
        await client.send(SynthesizeStart(), SynthesizeChunk(text=TEXT))
        await standstill(voice)
        await client.send(SynthesizeChunk(text="あ" * 20_000))
        client.read_on()
        await client.expect_refusal("text-too-long")
    await served.wait_idle()


# Numbers


async def test_too_many_texts_waiting_on_one_connection_are_an_error(serve, fake_voice):
    voice = fake_voice(gated=True)
    served = await serve(voice)
    async with served.client() as client:
        for _ in range(16):
            await client.ask("はい。")
        await client.ask("はい。")
        await client.expect_refusal("busy")
    voice.open_gate()
    await served.wait_idle()


async def test_as_many_texts_as_may_wait_are_all_spoken(serve, fake_voice):
    voice = fake_voice(gated=True)
    served = await serve(voice)
    async with served.client() as client:
        for number in range(16):
            await client.ask(f"{number}。")
        voice.open_gate()
        for number in range(16):
            assert (await client.listen()).pcm == served.pcm(f"{number}。")


async def test_one_connection_too_many_is_told_that_the_server_is_busy(serve, fake_voice, until):
    served = await serve(fake_voice(), max_connections=2)
    async with served.client() as first, served.client() as second:
        await first.describe()
        await second.describe()
        async with served.client() as third:
            await third.expect_refusal("busy")
        assert (await first.say(TEXT)).pcm == served.pcm(TEXT)
        await second.disconnect()
        await until(lambda: served.connections == 1)
        async with served.client() as fourth:
            assert (await fourth.say(TEXT)).pcm == served.pcm(TEXT)


async def test_one_utterance_too_many_is_told_that_the_server_is_busy(serve, fake_voice, until):
    voice = fake_voice(gated=True)
    served = await serve(voice, max_utterances=2)
    async with served.client() as first, served.client() as second:
        await first.ask(TEXT)
        await second.send(SynthesizeStart())
        await until(lambda: served.tts.active_utterances == 2)
        async with served.client() as third:
            await third.ask(TEXT)
            await third.expect_refusal("busy")
        voice.open_gate()
        heard = await first.listen()
        await until(lambda: served.tts.active_utterances == 1)
        assert heard.pcm == served.pcm(TEXT)
        await second.send(SynthesizeChunk(text=TEXT), SynthesizeStop())
        assert (await second.listen()).pcm == served.pcm(TEXT)
    await served.wait_idle()


# Patience


async def test_a_silent_client_is_told_so_and_cut_off(serve, fake_voice):
    served = await serve(fake_voice(), idle_close_s=0.2)
    async with served.client() as client:
        await client.expect_refusal("timeout")
    async with served.client() as client:
        await client.describe()
        await client.say(TEXT)
        await client.expect_refusal("timeout")
    await served.wait_idle()


async def test_an_abandoned_stream_is_spoken_then_cut_off(serve, fake_voice):
    voice = fake_voice()
    served = await serve(voice, idle_flush_s=0.05, idle_close_s=0.5)
    async with served.client() as client:
        await client.send(SynthesizeStart(), SynthesizeChunk(text="調べます"))
        await client.expect_refusal("timeout")
    await served.wait_idle()
    assert voice.made == 2


async def test_a_stream_abandoned_before_any_text_is_cut_off(serve, fake_voice):
    served = await serve(fake_voice(), idle_flush_s=0.05, idle_close_s=0.2)
    async with served.client() as client:
        await client.send(SynthesizeStart())
        await client.expect_refusal("timeout")
    await served.wait_idle()


async def test_half_an_event_does_not_keep_a_connection_open(serve, fake_voice):
    served = await serve(fake_voice(), idle_close_s=0.2)
    async with served.client() as client:
        await client.send_bytes(b'{"type": "describe", "data_length": 100}\n{"a"')
        await client.expect_refusal("timeout")


async def test_a_client_that_waits_for_a_slow_voice_is_not_cut_off(serve, fake_voice):
    voice = fake_voice(gated=True)
    served = await serve(voice, idle_flush_s=0.05, idle_close_s=0.1)
    async with served.client() as client:
        await client.ask(TEXT)
        await asyncio.sleep(0.5)
        voice.open_gate()
        assert (await client.listen()).pcm == served.pcm(TEXT)
        await client.expect_refusal("timeout")


async def test_a_stream_is_not_cut_off_while_its_text_is_being_spoken(serve, fake_voice):
    voice = fake_voice(gated=True)
    served = await serve(voice, idle_flush_s=0.05, idle_close_s=0.1)
    async with served.client() as client:
        await client.send(SynthesizeStart(), SynthesizeChunk(text=TEXT))
        for _ in range(3):
            voice.let(1)
            await asyncio.sleep(0.2)
        voice.open_gate()
        await client.expect("audio-start")
        for _ in range(4):
            await client.listen_chunk()
        await client.expect_refusal("timeout")


async def test_a_client_that_takes_no_audio_is_given_up(serve, fake_voice):
    """It must not find its audio cleanly ended when it wakes up, or it would keep half of it."""
    voice = fake_voice(windows=400, window_s=1, sample_rate_hz=48_000)
    served = await serve(voice, write_stall_s=0.2)
    async with served.client() as client:
        client.stop_reading()
        await client.ask("はい。")
        await served.wait_idle()
        client.read_on()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.rest()
    assert voice.made < 400


async def test_a_client_that_asks_and_takes_no_answers_is_given_up(serve, fake_voice):
    served = await serve(fake_voice(), write_stall_s=0.2)
    async with served.client() as client:
        client.stop_reading()
        with pytest.raises(ConnectionError):  # noqa: PT012 - which one fails is chance
            while True:
                await client.send_bytes(line(type="describe") * 1000)
    await served.wait_idle()


async def test_a_slow_client_gets_all_its_audio(serve, fake_voice):
    voice = fake_voice(windows=150, window_s=1, sample_rate_hz=48_000)
    served = await serve(voice)
    async with served.client() as client:
        client.stop_reading()
        await client.ask("はい。")
        await standstill(voice)
        client.read_on()
        assert (await client.listen()).pcm == served.pcm("はい。")


# Everything at once


async def misbehave(client, kind, noise):
    """One of the ways in which a client can be broken."""
    await client.connect()
    whole = line(type="synthesize", data={"text": TEXT})
    match kind:
        case 0:
            await client.send_bytes(noise)
        case 1:
            await client.send_bytes(whole[: len(noise) % len(whole)])
        case 2:
            await client.send_bytes(whole + noise)
        case 3:
            await client.send(SynthesizeStart(), SynthesizeChunk(text=TEXT), Event("x", {"a": 1}))
        case 4:
            await client.send_bytes(line(type="x", payload_length=1000) + noise[:999])
        case 5:
            await client.send(*[Synthesize(text=TEXT)] * 5)
    if len(noise) % 2:
        client.vanish()
    else:
        await client.disconnect()


async def test_a_hundred_clients_are_served_among_a_hundred_broken_ones(serve, fake_voice, until):
    served = await serve(fake_voice(windows=5), max_utterances=1000, max_connections=1000)
    texts = [f"{number}番です。はい。" for number in range(100)]
    expected = [served.pcm(text) for text in texts]
    tasks_before = asyncio.all_tasks()

    async def behave(text):
        async with served.client() as client:
            await client.describe()
            whole = await client.say(text)
            assert await client.say_streamed(*text) == whole
            return whole.pcm

    dice = random.Random(1)
    broken = [
        misbehave(served.client(), number % 6, dice.randbytes(dice.randrange(1, 500)))
        for number in range(100)
    ]
    everybody = [job for pair in zip(map(behave, texts), broken, strict=True) for job in pair]
    assert (await asyncio.gather(*everybody))[::2] == expected

    await served.wait_idle()
    await until(lambda: asyncio.all_tasks() == tasks_before)
    gc.collect()
    async with served.client() as client:
        assert (await client.say(TEXT)).pcm == served.pcm(TEXT)


@pytest.mark.parametrize("names", [("x" * 10_000, None), ("fake", "x" * 10_000)])
async def test_a_name_too_long_for_the_log_is_refused(serve, fake_voice, names):
    served = await serve(fake_voice())
    async with served.client() as client:
        await client.ask(TEXT, *names)
        await client.expect_refusal("bad-event")
