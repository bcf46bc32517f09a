"""Voices are loaded, reloaded and unloaded while others are made and while they speak."""

import threading
import time

import pytest

from hayakoe_engine import TTS, Window
from hayakoe_engine.errors import BadVoiceFiles, BusyError, HayakoeError, VoiceNotFound
from hayakoe_engine.window import MadeWindow

WAIT_S = 30


class Gate:
    """Makes a voice, but not before it is opened."""

    def __init__(self, voice):
        self.voice = voice
        self.begun = threading.Event()
        self.opened = threading.Event()
        self.times = 0

    def __call__(self):
        self.times += 1
        self.begun.set()
        assert self.opened.wait(WAIT_S)
        return self.voice


class Closing:
    """Mixed into a voice: notes when it is closed and whether it was speaking then."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.is_closed = threading.Event()
        self.spoke_closed = False

    def begin(self, reading, options, rng):
        for samples in super().begin(reading, options, rng):
            self.spoke_closed |= self.is_closed.is_set()
            yield Window(lambda samples=samples: MadeWindow(samples), len(samples))

    def close(self):
        assert not self.is_closed.is_set()
        self.is_closed.set()


@pytest.fixture
def closing_voice(tone_voice):
    return type("ClosingVoice", (Closing, tone_voice), {})


@pytest.fixture
def tts():
    with TTS(threads=2) as tts:
        yield tts


@pytest.fixture
def in_background():
    """Starts something in a thread; returns what waits for its end and raises its error."""
    threads = []

    def start(action):
        errors = []

        def run():
            try:
                action()
            except HayakoeError as error:
                errors.append(error)

        thread = threading.Thread(target=run)
        threads.append(thread)
        thread.start()

        def join():
            thread.join(WAIT_S)
            assert not thread.is_alive()
            if errors:
                raise errors[0]

        return join

    yield start
    for thread in threads:
        thread.join(WAIT_S)


def test_while_a_voice_is_made_everything_else_goes_on(tts, tone_voice, in_background):
    slow = Gate(tone_voice(name="slow"))
    tts.load("a", source=tone_voice).prepare().load("slow", source=slow)
    join = in_background(tts.prepare)
    assert slow.begun.wait(WAIT_S)
    assert tts.read("はい。")[0].kana == "ハイ"
    assert not tts.add_word("早声", "ハヤコエ")
    assert tts.speakers["a"].generate("はい。").duration_s > 0
    tts.load("b", source=tone_voice).load("c", source=tone_voice).unload("c").prepare(["b"])
    tts.reload("a")
    assert sorted(tts.speakers) == ["a", "b"]
    slow.opened.set()
    join()
    assert sorted(tts.speakers) == ["a", "b", "slow"]


def test_only_the_voices_asked_for_are_made(tts, tone_voice):
    tts.load("a", source=tone_voice).load("b", source=tone_voice)
    assert list(tts.prepare(names=["b"]).speakers) == ["b"]
    with pytest.raises(VoiceNotFound, match="'nobody'; loaded voices: a, b"):
        tts.prepare(names=["a", "nobody"])
    with pytest.raises(VoiceNotFound, match="'nobody'"):
        tts.pre_download(names=["nobody"])
    assert list(tts.speakers) == ["b"]


def test_a_voice_that_two_want_is_made_once(tts, tone_voice, in_background):
    slow = Gate(tone_voice())
    tts.load("slow", source=slow)
    joins = [in_background(lambda: tts.prepare(["slow"])) for _ in range(4)]
    assert slow.begun.wait(WAIT_S)
    slow.opened.set()
    for join in joins:
        join()
        assert "slow" in tts.speakers
    assert slow.times == 1


def test_a_voice_unloaded_while_it_is_made_does_not_come(tts, closing_voice, in_background):
    voice = closing_voice()
    slow = Gate(voice)
    tts.load("slow", source=slow)
    join = in_background(tts.prepare)
    assert slow.begun.wait(WAIT_S)
    tts.unload("slow")
    slow.opened.set()
    join()
    assert not tts.speakers
    assert voice.is_closed.is_set()


def test_a_voice_loaded_from_elsewhere_while_it_is_made_comes_from_there(
    tts, closing_voice, tone_voice, in_background
):
    voice = closing_voice()
    slow = Gate(voice)
    tts.load("slow", source=slow)
    join = in_background(tts.prepare)
    assert slow.begun.wait(WAIT_S)
    tts.load("slow", source=lambda: tone_voice(styles=("Neutral", "Happy")))
    slow.opened.set()
    join()
    assert tts.speakers["slow"].info.styles == ("Neutral", "Happy")
    assert voice.is_closed.is_set()


def test_an_engine_closed_while_a_voice_is_made_ends_in_order(closing_voice, in_background):
    voice = closing_voice()
    slow = Gate(voice)
    tts = TTS().load("slow", source=slow)
    join = in_background(tts.prepare)
    assert slow.begun.wait(WAIT_S)
    tts.close()
    slow.opened.set()
    with pytest.raises(BusyError, match="closed"):
        join()
    assert voice.is_closed.is_set()
    assert not tts.speakers


def test_an_engine_closed_while_it_downloads_breaks_off(
    tmp_path, monkeypatch, in_background, caplog
):
    pytest.importorskip("obstore")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    tts = TTS(cache_dir=tmp_path).load("far", source="s3://nowhere")
    join = in_background(tts.prepare)
    while "trying again in 1 s" not in caplog.text:
        time.sleep(0.01)
    tts.close()
    with pytest.raises(BusyError, match="closed"):
        join()


def test_a_reloaded_voice_is_never_missing(tts, closing_voice, in_background):
    first, second = closing_voice(), closing_voice(styles=("Neutral", "Happy"))
    slow = Gate(second)
    tts.load("a", source=lambda: first).prepare()
    speaker = tts.speakers["a"]
    tts.load("a", source=slow).prepare()
    assert slow.times == 0
    join = in_background(lambda: tts.reload("a"))
    assert slow.begun.wait(WAIT_S)
    assert speaker.generate("はい。").duration_s > 0
    utterance = speaker.open()
    utterance.push("一つ。")
    slow.opened.set()
    join()
    assert tts.speakers["a"] is speaker
    assert speaker.info.styles == ("Neutral", "Happy")
    assert speaker.generate("いいえ。", style="Happy").duration_s > 0
    assert second.sentences == ["いいえ。"]
    assert not first.is_closed.is_set()
    utterance.push("二つ。")
    utterance.finish()
    assert sum(audio.duration_s for audio in utterance) > 0.5
    assert first.sentences == ["はい。", "一つ。", "二つ。"]
    utterance.close()
    del utterance
    assert first.is_closed.wait(WAIT_S)
    assert not first.spoke_closed
    assert not second.is_closed.is_set()


def test_a_voice_that_cannot_be_made_again_stays_as_it_is(tts, tone_voice):
    def fail():
        raise BadVoiceFiles("config.json: is no JSON")

    tts.load("a", source=tone_voice).prepare().load("a", source=fail)
    with pytest.raises(BadVoiceFiles, match="is no JSON"):
        tts.reload("a")
    assert tts.speakers["a"].generate("はい。").duration_s > 0
    with pytest.raises(VoiceNotFound, match="'b'"):
        tts.reload("b")


def test_a_voice_unloaded_in_mid_sentence_speaks_it_to_the_end(tts, closing_voice):
    voice = closing_voice()
    text = "あいうえお" * 30 + "。かきくけこ。"
    whole = tts.load("a", source=lambda: voice).prepare().speakers["a"].generate(text)
    speaker = tts.speakers["a"]
    heard = speaker.stream(text)
    parts = [next(heard)]
    tts.unload("a")
    assert "a" not in tts.speakers
    assert speaker.info.name == "tone"
    with pytest.raises(VoiceNotFound, match="voice a has been unloaded"):
        speaker.generate("はい。")
    parts += heard
    assert sum(part.duration_s for part in parts) == pytest.approx(whole.duration_s)
    assert voice.is_closed.wait(WAIT_S)
    assert not voice.spoke_closed


def test_a_voice_that_nobody_uses_is_closed_when_it_is_unloaded(tts, closing_voice):
    voice = closing_voice()
    tts.load("a", source=lambda: voice).prepare().speakers["a"].generate("はい。")
    # The worker lets go of the utterance a moment after its last window was taken.
    tts.unload("a")
    assert voice.is_closed.wait(WAIT_S)


def test_closing_the_engine_closes_voices_that_still_speak_after_unload(closing_voice):
    voice = closing_voice()
    tts = TTS().load("a", source=lambda: voice).prepare()
    utterance = tts.speakers["a"].open()
    tts.unload("a")
    assert not voice.is_closed.is_set()
    tts.close()
    assert voice.is_closed.wait(WAIT_S)
    with pytest.raises(BusyError):
        next(utterance)
    for thread in threading.enumerate():
        if thread.name == "hayakoe-closer":
            thread.join(WAIT_S)
            assert not thread.is_alive()


def test_voices_come_and_go_while_others_speak(tts, tone_voice, in_background):
    tts.load("a", source=tone_voice).prepare()
    until = time.monotonic() + 0.5

    def change(name):
        while time.monotonic() < until:
            tts.load(name, source=tone_voice).prepare().reload("a").unload(name)

    joins = [in_background(lambda name=name: change(name)) for name in "bc"]
    spoken = 0
    while time.monotonic() < until:
        for name, speaker in tts.speakers.items():
            if name == "a":
                assert speaker.generate("はい。").duration_s == pytest.approx(0.2)
                spoken += 1
    for join in joins:
        join()
    assert spoken
