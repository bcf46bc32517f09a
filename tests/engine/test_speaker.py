import asyncio
import threading
from dataclasses import replace

import numpy as np
import pytest

from hayakoe_engine import Audio, SynthesisOptions, streaming_wav_header
from hayakoe_engine.errors import BadOption, BusyError, EmptyText, InferenceFailed, StyleNotFound
from hayakoe_engine.text.reading import Reader

TEXT = "お風呂が沸きました。設定温度は41度、湯量は200リットルです。ごゆっくりどうぞ！"


def same(one, other):
    return one.sample_rate_hz == other.sample_rate_hz and np.array_equal(one.samples, other.samples)


async def in_pieces(text, length=1):
    for start in range(0, len(text), length):
        await asyncio.sleep(0)
        yield text[start : start + length]


def test_a_text_is_audible_speech(mei):
    audio = mei.generate(TEXT)
    assert audio.sample_rate_hz == 48000
    assert audio.samples.dtype == np.float32
    assert 4 < audio.duration_s < 12
    assert 0.01 < np.sqrt(np.mean(audio.samples**2)) < 0.3
    assert 0.1 < np.abs(audio.samples).max() < 1.0


def test_generate_is_the_concatenation_of_stream(mei):
    windows = list(mei.stream(TEXT))
    assert len(windows) > 6
    assert same(Audio.concatenate(windows, 48000), mei.generate(TEXT))


def test_windows_come_inside_a_sentence(mei):
    sentence = "明日の朝は雲が多いものの昼前からはよく晴れて気温が上がる見込みです。"
    windows = list(mei.stream(sentence))
    assert len(windows) >= 3
    assert windows[0].duration_s < 2


async def test_async_is_the_same_audio(mei):
    whole = mei.generate(TEXT)
    assert same(await mei.agenerate(TEXT), whole)
    parts = [audio async for audio in mei.astream(TEXT)]
    assert same(Audio.concatenate(parts, 48000), whole)


@pytest.mark.parametrize("length", [1, 3, 7, 1000])
async def test_text_in_pieces_is_the_same_audio(mei, length):
    assert same(await mei.agenerate(in_pieces(TEXT, length)), mei.generate(TEXT))


async def test_a_stream_of_wav_is_one_file(mei):
    whole = mei.generate(TEXT)
    pieces = list(mei.stream_wav(TEXT))
    assert b"".join(pieces) == streaming_wav_header(mei.sample_rate_hz) + whole.pcm_bytes()
    assert [piece async for piece in mei.astream_wav(TEXT)] == pieces
    with pytest.raises(BadOption):
        mei.stream_wav(TEXT, speed=0)
    with pytest.raises(EmptyText):
        next(mei.stream_wav("。"))


def test_a_speaker_says_who_it_is(speaker_of, tone_voice):
    speaker = speaker_of(tone_voice(styles=("Neutral", "Happy")))
    assert speaker.name == "tone"
    assert speaker.styles == ("Neutral", "Happy")
    assert speaker.sample_rate_hz == 1000


async def test_the_first_sentence_is_heard_before_the_text_has_ended(mei):
    go_on = asyncio.Event()

    async def text():
        yield "お風呂が沸きました。ごゆっくり"
        await go_on.wait()
        yield "どうぞ。"

    heard = 0.0
    async for audio in mei.astream(text()):
        heard += audio.duration_s
        if heard > 1:
            go_on.set()
    assert heard > 2


def test_options_may_be_an_object_or_names_or_both(mei):
    options = SynthesisOptions(speed=2.0, volume=0.5)
    assert same(mei.generate(TEXT, options), mei.generate(TEXT, speed=2.0, volume=0.5))
    assert same(mei.generate(TEXT, options, volume=1.0), mei.generate(TEXT, speed=2.0))


def test_wrong_options_are_refused_before_anything_is_spoken(mei):
    with pytest.raises(BadOption, match="speed"):
        mei.stream(TEXT, speed=0)
    with pytest.raises(BadOption, match="loudness"):
        mei.generate(TEXT, loudness=2)
    with pytest.raises(StyleNotFound, match="mei has no style 'Happy'; it has no styles"):
        mei.generate(TEXT, style="Happy")


def test_an_unknown_style_names_the_styles(speaker_of, tone_voice):
    speaker = speaker_of(tone_voice(styles=("Neutral", "Happy")))
    assert speaker.generate("あ", style="Happy").duration_s > 0
    with pytest.raises(StyleNotFound, match="Neutral, Happy"):
        speaker.generate("あ", style="Sad")


@pytest.mark.parametrize("text", ["", " ", "\n\n", "。", "！？", "😊👍", "**\n- \n```", "\u200b"])
def test_text_with_nothing_to_speak_is_an_error(mei, text):
    with pytest.raises(EmptyText, match="nothing to speak"):
        mei.generate(text)


async def test_a_text_stream_with_nothing_to_speak_is_an_error(mei):
    with pytest.raises(EmptyText):
        await mei.agenerate(in_pieces("。😊"))


def test_silent_sentences_between_others_are_left_out(mei):
    assert same(mei.generate("はい。\n\n😊\n\n**\nいいえ。"), mei.generate("はい。いいえ。"))


def test_nothing_is_spoken_twice_or_lost(speaker_of, tone_voice):
    voice = tone_voice()
    speaker_of(voice).generate("一つ。二つ！「三つ。」と言った。四つ\n五つ")
    assert "".join(voice.sentences) == "一つ。二つ！「三つ。」と言った。四つ五つ"


def test_the_seed_decides_what_is_random(speaker_of, tone_voice):
    speaker = speaker_of(tone_voice())
    assert same(speaker.generate("はい。", seed=1), speaker.generate("はい。", seed=1))
    assert not same(speaker.generate("はい。", seed=1), speaker.generate("はい。", seed=2))


def test_closing_the_iterator_cancels(speaker_of, gated_voice):
    voice = gated_voice()
    stream = speaker_of(voice).stream("あいうえお" * 10)
    taker = threading.Thread(target=lambda: next(stream))
    taker.start()
    assert voice.begun.wait(10)
    voice.gate.set()
    taker.join(10)
    stream.close()
    made = voice.windows
    assert made <= 50
    while not voice.closed:
        pass
    assert voice.windows <= made + 1


async def test_leaving_an_async_loop_cancels(speaker_of, tone_voice):
    voice = tone_voice()
    speaker = speaker_of(voice)
    stream = speaker.astream("あいうえお" * 300)
    async for _ in stream:
        break
    await stream.aclose()
    assert voice.windows < 1500
    assert same(await speaker.agenerate("はい。"), speaker.generate("はい。"))


def test_a_voice_that_fails_is_an_error_and_the_next_text_is_spoken(speaker_of, tone_voice):
    class Failing(tone_voice):
        def begin(self, reading, options, rng):
            yield from super().begin(reading, options, rng)
            if "だめ" in reading.text:
                raise RuntimeError("broken")

    speaker = speaker_of(Failing())
    heard = []
    with pytest.raises(InferenceFailed, match="broken"):
        heard.extend(speaker.stream("よし。だめ。よし。"))
    assert len(heard) == 4
    assert speaker.generate("よし。").duration_s == pytest.approx(0.2)


def test_an_open_utterance_speaks_what_is_flushed(speaker_of, tone_voice):
    with speaker_of(tone_voice()).open() as utterance:
        utterance.push("お待ち")
        utterance.flush()
        assert next(utterance).duration_s > 0
        utterance.push("ください")
        utterance.finish()
        assert sum(audio.duration_s for audio in utterance) == pytest.approx(0.6)
        assert utterance.characters == 7
        assert utterance.audio_s == pytest.approx(0.7)


def test_too_many_utterances_are_refused(speaker_of, tone_voice):
    speaker = speaker_of(tone_voice(), max_utterances=2)
    first, second = speaker.open(), speaker.open()
    with pytest.raises(BusyError):
        speaker.generate("はい。")
    first.close()
    second.close()
    assert speaker.generate("はい。").duration_s > 0


def test_many_threads_speak_at_once_and_get_what_one_alone_gets(mei):
    texts = [f"{number}番の荷物が、{number * 3}個届きました。" for number in range(8)]
    alone = [mei.generate(text) for text in texts]
    together = [None] * len(texts)

    def speak(index):
        together[index] = mei.generate(texts[index])

    threads = [threading.Thread(target=speak, args=(index,)) for index in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(map(same, together, alone))


async def test_many_tasks_speak_at_once_and_get_what_one_alone_gets(mei):
    texts = [f"{number}時{number}分になりました。" for number in range(1, 9)]
    alone = [mei.generate(text) for text in texts]
    together = await asyncio.gather(*(mei.agenerate(text) for text in texts))
    assert all(map(same, together, alone))


def test_readings_are_spoken_as_they_are_given(mei):
    with mei.open(volume=0.5) as utterance:
        utterance.push("はい。")
        utterance.say(Reader().read_kana("ア'メ"))
        utterance.pause(0.25)
        utterance.say(replace(Reader().read("雨です。"), end_pause_s=1.0))
        utterance.finish()
        parts = list(utterance)
    spoken = [part.sentence for part in parts if part.sentence is not None]
    assert spoken[-3:] == ["はい。", "アメ", "雨です。"]
    assert any(len(part.samples) == 12_000 and not part.samples.any() for part in parts)


async def test_a_delivery_must_be_that_of_the_reading(mei):
    one, other = Reader().read("雨です。"), Reader().read("雪です。")
    (delivery,) = await mei.ameasure([one])
    with mei.open() as utterance:
        utterance.say(replace(one, delivery=delivery))
        with pytest.raises(BadOption, match="not that of 'ユキデス'"):
            utterance.say(replace(other, delivery=delivery))
        with pytest.raises(BadOption, match="0 pauses"):
            utterance.say(replace(Reader().read("はい、雨。"), delivery=delivery))


async def test_a_reading_can_be_measured_without_being_spoken(mei):
    readings = [Reader().read("雨です。"), Reader().read("はい、そうです。")]
    deliveries = await mei.ameasure(readings, volume=0.5)
    assert [len(delivery.moras) for delivery in deliveries] == [4, 6]
    assert [len(delivery.pauses_s) for delivery in deliveries] == [0, 1]


async def test_what_does_not_know_its_lengths_has_ordinary_ones(speaker_of, tone_voice):
    (delivery,) = await speaker_of(tone_voice()).ameasure([Reader().read("はい、そうです。")])
    assert [mora.vowel_s for mora in delivery.moras] == [0.09] * 6
    assert [mora.consonant_s for mora in delivery.moras][:2] == [0.06, None]
    assert len(delivery.pauses_s) == 1
