"""What a client of the Wyoming server sees: the voices, and texts spoken whole."""

from __future__ import annotations

import logging

import pytest
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize, SynthesizeStop

from wyoming_hayakoe import __version__

TEXT = "こんにちは。今日は晴れです。"


def warnings_in(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# describe


async def test_the_server_describes_one_installed_program_that_streams(serve):
    served = await serve("mei")
    async with served.client() as client:
        info = await client.describe()
    [program] = info.tts
    assert (program.name, program.version) == ("Hayakoe", __version__)
    assert program.installed
    assert program.supports_synthesize_streaming
    assert program.description == "日本語の音声合成"
    assert "Apache-2.0" in program.attribution.name
    assert not any([info.asr, info.handle, info.intent, info.wake, info.mic, info.snd])


async def test_a_server_that_is_told_so_takes_whole_texts_only(serve):
    served = await serve("mei", streaming=False)
    async with served.client() as client:
        info = await client.describe()
    assert not info.tts[0].supports_synthesize_streaming


async def test_every_voice_is_described_with_its_licence_and_credit(serve, fake_voice):
    served = await serve("mei", fake_voice("fake"))
    async with served.client() as client:
        [program] = (await client.describe()).tts
    mei, fake = program.voices
    assert (mei.name, mei.languages, mei.installed) == ("mei", ["ja"], True)
    assert "メイ" in mei.description
    assert "CC BY 3.0" in mei.attribution.name
    assert "Nagoya Institute of Technology" in mei.attribution.name
    assert mei.attribution.url.startswith("http")
    assert (fake.name, fake.version) == ("fake", "1.2")
    assert "偽の声" in fake.description
    assert fake.attribution.name == "credit of fake (licence of fake)"


async def test_styles_and_presets_are_voices_that_can_be_chosen(serve, fake_voice):
    served = await serve(
        fake_voice("fake", styles=("普通", "怒り")),
        presets={"angry": {"voice": "fake", "style": "怒り", "title": "怒る人"}},
    )
    async with served.client() as client:
        [program] = (await client.describe()).tts
        assert [voice.name for voice in program.voices] == [
            "fake",
            "fake:普通",
            "fake:怒り",
            "angry",
        ]
        assert "怒る人" in program.voices[3].description
        assert [speaker.name for speaker in program.voices[0].speakers] == ["普通", "怒り"]
        for name in ("fake:怒り", "angry"):
            assert (await client.say(TEXT, name)).pcm == served.pcm(TEXT, style="怒り")


async def test_a_preset_speaks_with_its_options(serve):
    served = await serve("mei", presets={"hasty": {"voice": "mei", "speed": 2.0}})
    async with served.client() as client:
        spoken = await client.say(TEXT, "hasty")
    assert spoken.pcm == served.pcm(TEXT, speed=2.0) != served.pcm(TEXT)


@pytest.mark.parametrize("title", ["あ", "ん", " ", "!", "", "★ 星", "😀", "\U0010ffff"])
async def test_the_default_voice_sorts_first_whatever_the_titles(serve, fake_voice, title):
    served = await serve(
        fake_voice("default", title=title),
        fake_voice("a", title="A", styles=("普通", "別")),
        fake_voice("b", title="!"),
        fake_voice("c", title=""),
        fake_voice("d", title="あ"),
        fake_voice("e", title="ん"),
        fake_voice("f", title="★ "),
    )
    async with served.client() as client:
        [program] = (await client.describe()).tts
    assert min(program.voices, key=lambda voice: voice.description).name == "default"
    others = [voice.description for voice in program.voices if voice.name != "default"]
    assert program.voices[0].description not in others


async def test_the_server_describes_itself_while_every_thread_is_speaking(serve, fake_voice, until):
    voice = fake_voice(gated=True)
    served = await serve(voice)
    speaking = [served.client() for _ in range(4)]
    for client in speaking:
        await client.connect()
        await client.ask(TEXT)
    await until(lambda: served.tts.active_utterances == 4 and voice.begun == 2)
    async with served.client() as client:
        assert (await client.describe()).tts
    await speaking[0].send(Describe())
    assert Info.is_type((await speaking[0].read_event()).type)
    assert voice.made == 0
    voice.open_gate()
    for client in speaking:
        assert (await client.listen()).pcm == served.pcm(TEXT)
        await client.disconnect()


# synthesize


async def test_a_text_is_spoken_as_the_engine_speaks_it(serve):
    served = await serve("mei")
    async with served.client() as client:
        spoken = await client.say(TEXT)
    assert spoken.rate == 48_000
    assert spoken.pcm == served.pcm(TEXT)
    assert spoken.duration_s > 1


async def test_audio_comes_in_small_pieces(serve, fake_voice):
    served = await serve(fake_voice(windows=1, window_s=2))
    async with served.client() as client:
        spoken = await client.say("はい。")
    assert spoken.duration_s == 2
    assert spoken.chunks >= spoken.duration_s * spoken.rate * 2 / 8192


async def test_several_texts_are_spoken_on_one_connection(serve, fake_voice):
    served = await serve(fake_voice())
    async with served.client() as client:
        for text in ("一つ。", "二つ。二つ。", "三つ。"):
            assert (await client.say(text)).pcm == served.pcm(text)


async def test_texts_sent_at_once_are_spoken_one_after_another(serve, fake_voice):
    served = await serve(fake_voice("a"), fake_voice("b", sample_rate_hz=8000))
    async with served.client() as client:
        await client.ask("一つ。")
        await client.ask("二つ。", "b")
        await client.stream("三つ。")
        first, second, third = [await client.listen() for _ in range(3)]
    assert first.pcm == served.pcm("一つ。")
    assert (second.rate, second.pcm) == (8000, served.pcm("二つ。", "b"))
    assert third.pcm == served.pcm("三つ。")


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_text_without_anything_to_speak_is_a_short_silence(serve, streamed):
    served = await serve("mei")
    async with served.client() as client:
        for text in ("", " \n", "😀🎉", "**", "---\n", "```\n```", "。。。", "🇯🇵👍🏽"):
            spoken = await (client.say_streamed(text) if streamed else client.say(text))
            assert 0.05 <= spoken.duration_s <= 0.5, text
            assert not spoken.samples.any(), text
        assert (await client.say("はい。")).pcm == served.pcm("はい。")


async def test_a_request_without_text_is_an_error(serve, fake_voice):
    served = await serve(fake_voice())
    async with served.client() as client:
        await client.send(Event("synthesize", {"text": None}))
        await client.expect_refusal("bad-event")


# voices


async def test_a_voice_is_chosen_by_name(serve, fake_voice):
    served = await serve("mei", fake_voice("fake"))
    async with served.client() as client:
        assert (await client.say(TEXT, "fake")).pcm == served.pcm(TEXT, "fake")
        assert (await client.say(TEXT, "mei")).pcm == served.pcm(TEXT, "mei")


@pytest.mark.parametrize("voice", [{"language": "ja"}, {}, None, {"name": None, "speaker": None}])
async def test_without_a_name_the_default_voice_speaks(serve, fake_voice, voice, caplog):
    served = await serve(fake_voice("a"), fake_voice("b", sample_rate_hz=8000), default="b")
    async with served.client() as client:
        await client.send(Event("synthesize", {"text": TEXT, "voice": voice}))
        spoken = await client.listen()
    assert (spoken.rate, spoken.pcm) == (8000, served.pcm(TEXT, "b"))
    assert not warnings_in(caplog)


@pytest.mark.parametrize("speaker", [None, "怒り"])
async def test_for_an_unknown_voice_the_default_one_speaks_and_the_log_says_so_once(
    serve, fake_voice, caplog, speaker
):
    served = await serve(fake_voice("fake"))
    async with served.client() as client:
        assert (await client.say(TEXT, "nobody", speaker)).pcm == served.pcm(TEXT)
    [warning] = warnings_in(caplog)
    assert "'nobody'" in warning
    assert "fake" in warning


async def test_the_speaker_of_a_request_is_the_style(serve, fake_voice, caplog):
    served = await serve(fake_voice("fake", styles=("普通", "怒り")))
    async with served.client() as client:
        assert (await client.say(TEXT, "fake", "怒り")).pcm == served.pcm(TEXT, style="怒り")
    assert served.pcm(TEXT, style="怒り") != served.pcm(TEXT)
    assert not warnings_in(caplog)


async def test_for_an_unknown_style_the_voice_speaks_in_its_own_and_the_log_says_so_once(
    serve, fake_voice, caplog
):
    served = await serve("mei", fake_voice("fake", styles=("普通", "怒り")))
    async with served.client() as client:
        assert (await client.say(TEXT, "fake", "喜び")).pcm == served.pcm(TEXT, "fake")
    [warning] = warnings_in(caplog)
    assert "'喜び'" in warning
    assert "普通, 怒り" in warning


@pytest.mark.parametrize("voice", ["mei", ["mei"], {"name": 5}, {"name": "fake", "speaker": []}])
async def test_a_voice_of_the_wrong_type_is_an_error(serve, fake_voice, voice):
    served = await serve(fake_voice("fake"))
    async with served.client() as client:
        await client.send(Event("synthesize", {"text": TEXT, "voice": voice}))
        await client.expect_refusal("bad-event")


# Other events


@pytest.mark.parametrize("text", ["", "元気？", "a" * 1000])
async def test_a_ping_is_answered_with_its_text(serve, fake_voice, text):
    served = await serve(fake_voice())
    async with served.client() as client:
        await client.send(Ping(text=text))
        assert Pong.from_event(await client.expect("pong")).text == text


async def test_a_ping_without_text_is_answered(serve, fake_voice):
    served = await serve(fake_voice())
    async with served.client() as client:
        await client.send(Ping(), Event("ping"))
        for _ in range(2):
            assert not Pong.from_event(await client.expect("pong")).text


async def test_half_a_character_in_a_ping_is_an_error(serve, fake_voice):
    served = await serve(fake_voice())
    async with served.client() as client:
        await client.send_bytes(b'{"type": "ping", "data": {"text": "\\ud800"}}\n')
        await client.expect_refusal("bad-event")


async def test_half_a_character_in_a_text_is_skipped(serve):
    served = await serve("mei")
    async with served.client() as client:
        await client.send_bytes(b'{"type": "synthesize", "data": {"text": "\\u3042\\ud83d"}}\n')
        assert (await client.listen()).pcm == served.pcm("あ")


async def test_unknown_events_are_ignored(serve, fake_voice):
    served = await serve(fake_voice())
    async with served.client() as client:
        await client.send(
            Event("select-program", {"name": "Hayakoe"}),
            Event("audio-chunk", {"rate": 16_000, "width": 2, "channels": 1}, b"\0" * 100_000),
            Event("未来", {"type": "synthesize"}, b'{"type": "synthesize"}\n'),
            Event(""),
        )
        await client.send_bytes(b'{"type": "future", "data": {"a": 1}, "extra": [1, 2]}\n')
        assert (await client.say(TEXT)).pcm == served.pcm(TEXT)


async def test_extra_members_of_known_events_are_ignored(serve, fake_voice):
    served = await serve(fake_voice())
    extra = {"context": {"a": 1}, "text_format": "text", "future": [1]}
    async with served.client() as client:
        await client.send(Event("synthesize", {"text": TEXT, **extra}, b"payload"))
        assert (await client.listen()).pcm == served.pcm(TEXT)


async def test_every_utterance_is_one_line_in_the_log_without_its_text(serve, fake_voice, caplog):
    served = await serve(fake_voice())
    async with served.client() as client:
        await client.describe()
        await client.say(TEXT)
        await client.say_streamed(TEXT)
    await served.wait_idle()
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert len(lines) == 2
    assert all("voice=fake" in line and "outcome=done" in line for line in lines)
    assert "晴れ" not in caplog.text


async def test_the_log_says_nothing_alarming_about_clients_that_come_and_go(
    serve, fake_voice, caplog
):
    served = await serve(fake_voice())
    for event in (Describe(), Synthesize(text=TEXT), SynthesizeStop()):
        async with served.client() as client:
            await client.send(event)
    await served.wait_idle()
    assert not warnings_in(caplog)


async def test_a_document_in_ssml_is_spoken_as_such(serve):
    served = await serve("mei")
    document = "<speak>はい。<break time='1s'/>どうぞ。</speak>"
    async with served.client() as client:
        await client.send(Synthesize(text=document, text_format="ssml"))
        marked = await client.listen()
        await client.send(Synthesize(text="はい。どうぞ。"))
        plain = await client.listen()
    assert len(marked.samples) - len(plain.samples) == round(0.6 * 48000)


@pytest.mark.parametrize(
    ("text", "text_format", "code"),
    [("<speak>はい。", "ssml", "bad-markup"), ("はい。", "html", "bad-event")],
)
async def test_a_document_that_is_wrong_is_an_error(serve, fake_voice, text, text_format, code):
    served = await serve(fake_voice())
    async with served.client() as client:
        await client.send(Synthesize(text=text, text_format=text_format))
        await client.expect_refusal(code)
