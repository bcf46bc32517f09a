import threading

import pytest

from hayakoe_engine import TTS
from hayakoe_engine.errors import BadVoiceFiles, BusyError, SourceOffline, VoiceNotFound


def test_a_voice_speaks_after_prepare():
    with TTS().load("mei") as tts:
        with pytest.raises(VoiceNotFound, match=r"call prepare\(\) first"):
            tts.speakers["mei"]
        assert tts.prepare().speakers["mei"].generate("はい").duration_s > 0.3


def test_a_voice_without_a_source_is_an_official_one(tmp_path):
    missing = "hf://lemondouble/hayakoe@main: onnx/speakers/nobody is not in"
    with (
        TTS(cache_dir=tmp_path, offline=True).load("nobody") as tts,
        pytest.raises(SourceOffline, match=missing) as caught,
    ):
        tts.prepare()
    assert "wyoming-hayakoe install" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_speaker_names_those_that_are_there():
    with TTS().load("mei").prepare() as tts:
        with pytest.raises(VoiceNotFound, match="'nobody'; prepared voices: mei"):
            tts.speakers["nobody"]
        assert "nobody" not in tts.speakers
        assert tts.speakers.get("nobody") is None


def test_preparing_again_adds_new_voices_and_keeps_the_old(tone_voice):
    with TTS().load("a", source=tone_voice).prepare() as tts:
        first = tts.speakers["a"]
        tts.load("b", source=tone_voice).prepare().prepare()
        assert tts.speakers["a"] is first
        assert sorted(tts.speakers) == ["a", "b"]


def test_preparing_from_many_threads_makes_every_voice_once(tone_voice):
    made = []

    def make():
        made.append(1)
        return tone_voice()

    with TTS().load("a", source=make) as tts:
        threads = [threading.Thread(target=tts.prepare) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) == 1


def test_a_voice_that_cannot_be_made_does_not_keep_the_others_back(tone_voice):
    broken = True

    def make():
        if broken:
            raise BadVoiceFiles("cannot use x: it is empty")
        return tone_voice()

    with TTS().load("bad", source=make).load("good", source=tone_voice) as tts:
        with pytest.raises(BadVoiceFiles, match="it is empty"):
            tts.prepare()
        assert list(tts.speakers) == ["good"]
        assert tts.speakers["good"].generate("はい").duration_s > 0
        broken = False
        assert "bad" in tts.prepare().speakers


def test_a_closed_engine_speaks_no_more(tone_voice):
    closed = []
    voice = tone_voice()
    voice.close = lambda: closed.append(1)
    tts = TTS().load("a", source=lambda: voice).prepare()
    speaker = tts.speakers["a"]
    tts.close()
    tts.close()
    assert closed == [1]
    with pytest.raises(BusyError, match="closed"):
        speaker.generate("はい")


def test_closing_breaks_off_what_is_spoken(gated_voice):
    voice = gated_voice()
    tts = TTS().load("a", source=lambda: voice).prepare()
    failures = []

    def speak():
        try:
            tts.speakers["a"].generate("あいうえお")
        except BusyError as error:
            failures.append(error)

    speaker = threading.Thread(target=speak)
    speaker.start()
    assert voice.begun.wait(10)
    closer = threading.Thread(target=tts.close)
    closer.start()
    voice.gate.set()
    closer.join(10)
    speaker.join(10)
    assert len(failures) == 1
    assert voice.windows <= 2


def test_a_text_is_read_sentence_by_sentence():
    with TTS() as tts:
        readings = tts.read("**室温**は23.5度です。😊\n寒いですか？")
        assert [reading.kana for reading in readings] == [
            "シツオンワニジューサンテンゴドデス",
            "サムイデスカ？",
        ]
        assert tts.read("😊") == []
