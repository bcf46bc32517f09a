import numpy as np
import pytest

from hayakoe_engine import TTS
from hayakoe_engine.errors import BadMarkup, EmptyText


def speak(speaker, document):
    return speaker.generate(document, markup="ssml")


def test_a_document_is_spoken_like_its_text(mei):
    plain = mei.generate("お風呂が沸きました。ごゆっくりどうぞ。")
    marked = speak(mei, "<speak><s>お風呂が沸きました。</s><s>ごゆっくりどうぞ。</s></speak>")
    assert np.array_equal(plain.samples, marked.samples)


@pytest.mark.parametrize("text", ["お風呂が沸きました。", ""])
def test_a_break_is_exact(mei, text):
    short = speak(mei, f"<speak>{text}<break time='500ms'/>はい。</speak>")
    long = speak(mei, f"<speak>{text}<break time='1500ms'/>はい。</speak>")
    assert len(long.samples) - len(short.samples) == 48000


def test_prosody_changes_what_is_inside_it(mei):
    slow = speak(mei, "<speak><prosody rate='50%'>洗濯が終わりました。</prosody></speak>")
    assert slow.duration_s > 1.7 * mei.generate("洗濯が終わりました。").duration_s
    quiet = speak(mei, "<speak><prosody volume='-6dB'>はい。</prosody></speak>")
    assert np.allclose(quiet.samples, mei.generate("はい。", volume=10 ** (-6 / 20)).samples)


def test_a_given_reading_is_spoken(speaker_of, tone_voice):
    voice = tone_voice()
    speak(speaker_of(voice), '<speak><phoneme ph="カ\'キ">柿</phoneme>です。</speak>')
    assert voice.sentences == ["カキ", "です。"]


def test_a_manner_that_changes_within_a_sentence_makes_no_pause(mei):
    document = "<speak>今日は<prosody pitch='+2st'>とても</prosody>暑いです。</speak>"
    assert speak(mei, document).duration_s < mei.generate("今日はとても暑いです。").duration_s + 0.5


def test_what_is_no_ssml_is_refused_and_nothing_is_spoken(speaker_of, tone_voice):
    voice = tone_voice()
    with pytest.raises(BadMarkup, match="line 1, column"):
        speak(speaker_of(voice), "<speak>はい。<break time='long'/></speak>")
    assert voice.sentences == []


def test_a_document_without_text_is_empty(mei):
    with pytest.raises(EmptyText):
        speak(mei, "<speak> </speak>")


async def test_a_document_may_come_in_pieces(mei):
    document = "<speak>はい。<break time='1s'/>どうぞ。</speak>"

    async def pieces():
        for char in document:
            yield char

    audio = await mei.agenerate(pieces(), markup="ssml")
    assert np.array_equal(audio.samples, speak(mei, document).samples)


async def test_a_document_in_pieces_that_is_wrong_is_refused(mei):
    async def pieces():
        yield "<speak>はい。"

    with pytest.raises(BadMarkup):
        await mei.agenerate(pieces(), markup="ssml")


def test_another_voice_speaks_what_is_inside_its_element(tone_voice):
    tone = tone_voice()
    with TTS().load("mei").load("tone", source=lambda: tone).prepare() as tts:
        mei = tts.speakers["mei"]
        audio = speak(mei, "<speak>はい。<voice name='tone'>いいえ。</voice>どうぞ。</speak>")
        assert tone.sentences == ["いいえ。"]
        around = mei.generate("はい。").duration_s + mei.generate("どうぞ。").duration_s
        assert audio.sample_rate_hz == 48000
        assert audio.duration_s == pytest.approx(around + 0.3, abs=0.01)


def test_a_voice_that_is_not_there_is_read_through(tone_voice):
    tone = tone_voice()
    with TTS().load("mei").load("tone", source=lambda: tone).prepare() as tts:
        mei, document = tts.speakers["mei"], "<voice name='hana'>はい。</voice>"
        assert np.array_equal(speak(mei, document).samples, mei.generate("はい。").samples)
        speak(mei, "<voice name='tone'><voice name='hana'>はい。</voice></voice>")
        assert tone.sentences == ["はい。"]
