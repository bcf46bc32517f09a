"""A voice that fails, or takes too long, is replaced sentence by sentence."""

import asyncio
import threading

import numpy as np
import pytest

from hayakoe_engine.errors import InferenceFailed
from hayakoe_engine.scheduler import AGING_S, Priority, Scheduler
from hayakoe_engine.tts import TTS
from hayakoe_engine.voices.voice import VoiceInfo
from hayakoe_engine.window import MadeWindow, Window

RATE_HZ = 24_000
LEVEL = 0.5
"""Of every sample of the voice that is tried first; the embedded voice never keeps still."""

PATIENCE_S = 30
SOON_S = 0.05


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class ToldVoice:
    """Does with each sentence what ``plans`` says for its text; without a plan it speaks."""

    def __init__(self, **plans):
        self.info = VoiceInfo(
            name="told",
            title="Told",
            sample_rate_hz=RATE_HZ,
            licence="none",
            credit="",
            url="",
            version="1",
            styles=("Neutral", "Happy"),
        )
        self.plans = plans
        self.begun = []

    def begin(self, reading, *_):
        self.begun.append(reading.text)
        plan = self.plans.get(reading.text.rstrip("。"))
        return plan() if plan else iter([sound()])

    def close(self):
        pass


def sound(seconds=0.5):
    return np.full(round(seconds * RATE_HZ), LEVEL, np.float32)


def fail_at_once():
    raise RuntimeError("no memory")
    yield


def fail_in_a_window():
    def make():
        raise MemoryError

    yield Window(make, 1000)


def fail_after_a_window():
    yield sound()
    raise RuntimeError("too late")


@pytest.fixture
def engine():
    made = []

    def make(voice, **options):
        tts = TTS(**options).load("mei").load("told", source=lambda: voice).prepare()
        made.append(tts)
        return tts

    yield make
    for tts in made:
        tts.close()


def speak(tts, text, deadline_s=None, **options):
    """Audio by the sentence, and the replacements."""
    speakers = tts.speakers
    with speakers["told"].open(
        stand_in=speakers["mei"], deadline_s=deadline_s, **options
    ) as utterance:
        utterance.push(text)
        utterance.finish()
        sentences = {}
        for audio in utterance:
            assert audio.sample_rate_hz == RATE_HZ
            if audio.sentence is not None:
                current = sentences.setdefault(audio.sentence, [])
            current.append(audio.samples)
        joined = {text: np.concatenate(parts) for text, parts in sentences.items()}
        return joined, list(utterance.replacements)


def is_told(samples):
    return bool((samples == LEVEL).all())


@pytest.mark.parametrize("failing", [fail_at_once, fail_in_a_window])
def test_a_sentence_that_fails_is_said_by_the_embedded_voice_and_the_others_are_not(
    engine, failing
):
    tts = engine(ToldVoice(二番=failing))
    sentences, replacements = speak(tts, "一番。二番。三番。", style="Happy")
    assert list(sentences) == ["一番。", "二番。", "三番。"]
    assert [is_told(samples) for samples in sentences.values()] == [True, False, True]
    assert np.abs(sentences["二番。"]).max() > 0.05
    assert [(r.text, r.is_lost) for r in replacements] == [("二番。", False)]
    assert isinstance(replacements[0].reason, InferenceFailed)


def test_the_embedded_voice_sounds_as_it_does_alone_at_this_rate(engine):
    tts = engine(ToldVoice(一番=fail_at_once))
    sentences, _ = speak(tts, "一番。")
    alone = tts.speakers["mei"].generate("一番。").resampled(RATE_HZ).samples
    length = min(len(alone), len(sentences["一番。"]))
    assert abs(len(alone) - len(sentences["一番。"])) < 10
    assert np.abs(alone[:length] - sentences["一番。"][:length]).max() < 1e-3


def test_a_sentence_whose_beginning_was_heard_is_never_said_twice(engine):
    heard = threading.Event()

    def fail_when_heard():
        yield sound()
        assert heard.wait(PATIENCE_S)
        raise RuntimeError("too late")

    voice = ToldVoice(一番=fail_when_heard)
    tts = engine(voice)
    speakers = tts.speakers
    with speakers["told"].open(stand_in=speakers["mei"]) as utterance:
        utterance.push("一番。二番。")
        utterance.finish()
        first = next(utterance)
        heard.set()
        rest = list(utterance)
    assert is_told(first.samples)
    assert [audio.sentence for audio in rest if audio.sentence] == ["二番。"]
    assert not any(is_told(audio.samples) for audio in rest)
    assert [(r.text, r.is_lost) for r in utterance.replacements] == [("一番。", True)]


def test_a_sentence_that_failed_before_it_was_heard_is_said_anew(engine):
    tts = engine(ToldVoice(一番=fail_after_a_window), threads=1)
    speakers = tts.speakers
    with speakers["told"].open(stand_in=speakers["mei"]) as utterance:
        utterance.push("一番。")
        utterance.finish()
        while not utterance.replacements:
            threading.Event().wait(0.01)
        sound_again = [audio.samples for audio in utterance]
    assert not any(is_told(samples) for samples in sound_again)


@pytest.mark.parametrize("threads", [1, 2])
def test_nothing_heard_in_time_although_every_worker_is_stuck(engine, threads):
    released = threading.Event()

    def stick():
        assert released.wait(PATIENCE_S)
        yield sound()

    tts = engine(ToldVoice(一番=stick), threads=threads)
    try:
        sentences, replacements = speak(tts, "一番。", deadline_s=SOON_S)
    finally:
        released.set()
    assert list(sentences) == ["一番。"]
    assert not is_told(sentences["一番。"])
    assert [(r.reason, r.is_lost) for r in replacements] == [(None, False)]


def test_a_window_that_is_not_made_in_time_is_replaced_before_what_follows_it(engine):
    released = threading.Event()

    def stick_in_a_window():
        def make():
            assert released.wait(PATIENCE_S)
            return MadeWindow(sound())

        yield Window(make, round(0.5 * RATE_HZ))

    tts = engine(ToldVoice(一番=stick_in_a_window), threads=2)
    try:
        sentences, _ = speak(tts, "一番。二番。", deadline_s=SOON_S)
    finally:
        released.set()
    assert list(sentences) == ["一番。", "二番。"]
    assert not is_told(sentences["一番。"])


def test_who_waits_behind_others_is_answered_in_time_too(engine):
    """The text itself has not been looked at yet when it is due."""
    released = threading.Event()

    def stick():
        assert released.wait(PATIENCE_S)
        yield sound()

    tts = engine(ToldVoice(一番=stick), threads=1)
    other = tts.speakers["told"].open(priority=Priority.ALARM)
    try:
        other.push("一番。")
        other.flush()
        sentences, replacements = speak(tts, "二番。", deadline_s=SOON_S)
    finally:
        released.set()
        other.close()
    assert not is_told(sentences["二番。"])
    assert len(replacements) == 1


def test_text_that_has_no_sentence_yet_is_not_due(engine):
    tts = engine(ToldVoice())
    speakers = tts.speakers
    with speakers["told"].open(stand_in=speakers["mei"], deadline_s=SOON_S) as utterance:
        utterance.push("お風呂が")
        threading.Event().wait(4 * SOON_S)
        utterance.push("沸きました。")
        utterance.finish()
        assert is_told(np.concatenate([audio.samples for audio in utterance]))
    assert not utterance.replacements


def test_without_a_stand_in_the_utterance_fails(engine):
    tts = engine(ToldVoice(一番=fail_at_once))
    with pytest.raises(InferenceFailed, match="no memory"):
        tts.speakers["told"].generate("一番。")


def test_the_embedded_voice_does_not_stand_in_for_itself(engine):
    tts = engine(ToldVoice())
    mei = tts.speakers["mei"]
    with mei.open(stand_in=mei, deadline_s=1e-6) as utterance:
        utterance.push("はい。")
        utterance.finish()
        assert list(utterance)
    assert not utterance.replacements


async def test_tasks_hear_the_stand_in_too(engine):
    tts = engine(ToldVoice(一番=fail_at_once))
    speakers = tts.speakers
    with speakers["told"].open(stand_in=speakers["mei"]) as utterance:
        utterance.push("一番。二番。")
        utterance.finish()
        async with asyncio.timeout(PATIENCE_S):
            audio = [audio async for audio in utterance]
    assert [a.sentence for a in audio if a.sentence] == ["一番。", "二番。"]


def test_a_batch_gets_its_turn_beside_endless_conversation():
    clock = Clock()
    scheduler = Scheduler(threads=1, clock=clock)
    log = []

    def talk():
        while True:
            clock.now += 1
            log.append("talk")
            yield np.zeros(1, np.float32)

    def render():
        log.append("render")
        yield np.zeros(1, np.float32)

    try:
        begun = threading.Event()
        gate = scheduler.open(1000, Priority.ALARM)
        gate.add(lambda: iter([begun.wait(PATIENCE_S) and np.zeros(0, np.float32)]))
        batch = scheduler.open(1000, Priority.BATCH)
        batch.add(render)
        batch.end()
        conversation = scheduler.open(1000, Priority.INTERACTIVE)
        conversation.add(talk)
        begun.set()
        assert [len(window.samples) for window in batch] == [1]
        conversation.close()
        gate.close()
    finally:
        scheduler.close()
    assert log.index("render") <= 3 * AGING_S
