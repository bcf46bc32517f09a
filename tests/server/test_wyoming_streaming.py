"""Text streams, as Home Assistant sends them."""

from __future__ import annotations

from wyoming.event import Event
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

TEXT = "「やった！」と言った。気温は3.5度、**晴れ**です…そうですか？\n1. はい。 OK!さようなら"
SHORT_TEXT = "「やった！」と言った。3.5度、**晴れ**です"


async def test_a_text_cut_into_pieces_sounds_like_the_whole_one_sample_for_sample(serve):
    served = await serve("mei")
    async with served.client() as client:
        whole = await client.say(SHORT_TEXT)
        assert whole.pcm == served.pcm(SHORT_TEXT)
        for length in (1, 2, 7, len(SHORT_TEXT)):
            starts = range(0, len(SHORT_TEXT), length)
            pieces = [SHORT_TEXT[start : start + length] for start in starts]
            assert (await client.say_streamed(*pieces)).pcm == whole.pcm, pieces


async def test_a_text_cut_anywhere_sounds_the_same(serve, fake_voice):
    served = await serve(fake_voice())
    expected = served.pcm(TEXT)
    async with served.client() as client:
        for cut in range(len(TEXT) + 1):
            spoken = await client.say_streamed(TEXT[:cut], TEXT[cut:])
            assert spoken.pcm == expected, TEXT[:cut]


async def test_a_sentence_is_spoken_before_the_text_ends(serve, fake_voice):
    served = await serve(fake_voice(windows=1), idle_flush_s=60)
    async with served.client() as client:
        await client.send(SynthesizeStart(), SynthesizeChunk(text="こんにちは。今日は"))
        await client.expect("audio-start")
        assert await client.listen_chunk() == served.pcm("こんにちは。")
        await client.send(SynthesizeChunk(text="晴れです。"))
        assert await client.listen_chunk() == served.pcm("今日は晴れです。")
        await client.send(SynthesizeStop())
        await client.expect("audio-stop")
        await client.expect("synthesize-stopped")


async def test_the_copy_of_the_text_inside_a_stream_is_not_spoken(serve, fake_voice):
    served = await serve(fake_voice("a"), fake_voice("b"))
    async with served.client() as client:
        await client.send(
            SynthesizeStart(),
            Synthesize(text="違う。", voice=SynthesizeVoice(name="b")),
            SynthesizeChunk(text="はい。"),
            Synthesize(text="はい。"),
            SynthesizeStop(),
        )
        assert (await client.listen()).pcm == served.pcm("はい。")
        await client.expect("synthesize-stopped")
        assert (await client.say("違う。")).pcm == served.pcm("違う。")


async def test_a_stream_is_spoken_by_the_voice_it_asks_for(serve, fake_voice):
    served = await serve("mei", fake_voice("fake", styles=("普通", "怒り")))
    async with served.client() as client:
        spoken = await client.say_streamed("はい。", voice="fake:怒り")
    assert spoken.pcm == served.pcm("はい。", "fake", style="怒り")


async def test_several_streams_are_spoken_on_one_connection(serve, fake_voice):
    served = await serve(fake_voice())
    async with served.client() as client:
        for text in ("一つ。", "二つ", "三つ。"):
            assert (await client.say_streamed(text)).pcm == served.pcm(text)


async def test_a_stop_without_a_start_is_answered(serve, fake_voice):
    served = await serve(fake_voice())
    async with served.client() as client:
        await client.send(SynthesizeStop())
        await client.expect("synthesize-stopped")
        assert (await client.say_streamed("はい。")).pcm == served.pcm("はい。")


async def test_a_start_inside_a_stream_ends_that_stream(serve, fake_voice):
    served = await serve(fake_voice("a"), fake_voice("b", sample_rate_hz=8000))
    async with served.client() as client:
        await client.send(SynthesizeStart(), SynthesizeChunk(text="一つ"))
        await client.stream("二つ", voice="b")
        assert (await client.listen()).pcm == served.pcm("一つ")
        await client.expect("synthesize-stopped")
        second = await client.listen()
        assert (second.rate, second.pcm) == (8000, served.pcm("二つ", "b"))
        await client.expect("synthesize-stopped")


async def test_a_chunk_outside_a_stream_is_ignored(serve, fake_voice):
    served = await serve(fake_voice())
    async with served.client() as client:
        await client.send(SynthesizeChunk(text="違う。"), Event("synthesize-chunk"))
        assert (await client.say_streamed("はい。")).pcm == served.pcm("はい。")
        await client.send(SynthesizeChunk(text="違う。"))
        assert (await client.say("はい。")).pcm == served.pcm("はい。")


async def test_a_stream_without_text_is_a_short_silence(serve, fake_voice):
    served = await serve(fake_voice())
    async with served.client() as client:
        await client.send(SynthesizeStart(), SynthesizeStop())
        spoken = await client.listen()
        assert SynthesizeStopped.is_type((await client.read_event()).type)
    assert spoken.duration_s > 0
    assert not spoken.samples.any()


async def test_an_unfinished_sentence_is_spoken_when_no_more_text_comes(serve, fake_voice):
    served = await serve(fake_voice(windows=1), idle_flush_s=0.05)
    async with served.client() as client:
        await client.send(SynthesizeStart(), SynthesizeChunk(text="はい。調べます"))
        await client.expect("audio-start")
        for sentence in ("はい。", "調べます"):
            assert await client.listen_chunk() == served.pcm(sentence)
        await client.send(SynthesizeChunk(text="分かりました"), SynthesizeStop())
        assert await client.listen_chunk() == served.pcm("分かりました")
        await client.expect("audio-stop")
        await client.expect("synthesize-stopped")
