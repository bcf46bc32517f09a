"""A voice that speaks elsewhere, when those who speak for it fail. Needs no Ray."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest

from hayakoe_engine import TTS
from hayakoe_engine.audio import PhoneTiming, float_to_pcm16
from hayakoe_engine.errors import BusyError, InferenceFailed, StyleNotFound
from hayakoe_engine.scheduler import Priority
from hayakoe_engine.voices.voice import VoiceInfo
from hayakoe_engine.window import MadeWindow
from wyoming_hayakoe.cluster.remote_voice import RemoteVoice, ReplicaLost
from wyoming_hayakoe.cluster.sentence import Description, VoiceReference

RATE_HZ = 16_000
INFO = VoiceInfo(
    name="far",
    title="遠",
    sample_rate_hz=RATE_HZ,
    licence="",
    credit="",
    url="",
    version="1",
    styles=("Neutral",),
)
WINDOWS = [
    MadeWindow(np.arange(start, start + 100, dtype=np.float32) / 1000, (PhoneTiming("a", 0, 0.1),))
    for start in (0, 100, 200)
]
WHOLE = np.concatenate([window.samples for window in WINDOWS])


class Pool:
    """Replicas that do as they are told: each in turn gives some windows, and then fails."""

    def __init__(self, *fates):
        self.fates = list(fates)
        self.asked = []

    def ask(self, sentence):
        self.asked.append(sentence)
        windows, error = self.fates.pop(0) if self.fates else (WINDOWS, None)
        yield from windows
        if error is not None:
            raise error


@contextmanager
def engine_with(*pools, **arguments):
    description = Description(INFO, "a hash of its content", "1")
    with TTS(threads=2, **arguments) as tts:
        reference = VoiceReference("far", "file:///voices")
        voice = RemoteVoice(reference, description, lambda: pools, tts.phrases, lambda: True)
        yield tts.load("far", source=lambda: voice).prepare()


def spoken_with(*pools):
    with engine_with(*pools) as tts:
        return tts.speakers["far"].generate("はい。")


def test_windows_come_as_they_were_made():
    audio = spoken_with(Pool())
    np.testing.assert_array_equal(audio.samples, WHOLE)
    assert [timing.phone for timing in audio.timings] == ["a", "a", "a"]


@pytest.mark.parametrize("heard", [0, 1, 2])
def test_another_replica_goes_on_where_one_was_lost(heard):
    pool = Pool((WINDOWS[:heard], ReplicaLost("gone")))
    np.testing.assert_array_equal(spoken_with(pool).samples, WHOLE)
    assert len(pool.asked) == 2


def test_it_goes_on_within_a_window():
    halves = [MadeWindow(WHOLE[:50]), MadeWindow(WHOLE[50:150])]
    pool = Pool((halves, ReplicaLost("gone")))
    np.testing.assert_array_equal(spoken_with(pool).samples, WHOLE)


def test_the_next_pool_is_asked_when_one_is_busy():
    first, second = Pool(([], BusyError("full"))), Pool()
    np.testing.assert_array_equal(spoken_with(first, second).samples, WHOLE)
    assert len(second.asked) == 1


def test_it_is_busy_when_all_are():
    full = [([], BusyError("full"))] * 10
    with pytest.raises(BusyError, match="full"):
        spoken_with(Pool(*full), Pool(*full))


def test_the_embedded_voice_speaks_when_all_are_busy():
    with engine_with(Pool(*[([], BusyError("full"))] * 10)) as tts:
        tts.load("mei").prepare()
        with tts.speakers["far"].open(stand_in=tts.speakers["mei"], deadline_s=60) as utterance:
            utterance.push("起きる時間です。")
            utterance.finish()
            assert sum(audio.duration_s for audio in utterance) > 0.5
            (replacement,) = utterance.replacements
    assert isinstance(replacement.reason, BusyError)


def test_it_fails_where_there_is_no_cluster():
    with pytest.raises(InferenceFailed, match="the cluster is not there"):
        spoken_with()


@pytest.mark.parametrize("priority", Priority)
def test_replicas_are_told_the_priority(priority):
    pool = Pool()
    with (
        engine_with(pool) as tts,
        tts.speakers["far"].open(priority=priority) as utterance,
    ):
        utterance.push("はい。")
        utterance.finish()
        list(utterance)
    (sentence,) = pool.asked
    assert sentence.priority is priority


def test_what_was_said_is_remembered_here():
    pool = Pool()
    with engine_with(pool) as tts:
        first, second = (tts.speakers["far"].generate("はい。") for _ in range(2))
        tts.speakers["far"].generate("はい。", remember="no")
    np.testing.assert_array_equal(first.samples, second.samples)
    assert len(pool.asked) == 2


def test_what_was_broken_off_is_not_remembered():
    pool = Pool((WINDOWS[:1], StyleNotFound("no such style")))
    with engine_with(pool) as tts:
        with pytest.raises(StyleNotFound):
            tts.speakers["far"].generate("はい。")
        np.testing.assert_array_equal(tts.speakers["far"].generate("はい。").samples, WHOLE)


def test_what_was_made_ahead_needs_no_cluster(tmp_path):
    store = {"phrase_store_mb": 1, "phrase_dir": tmp_path}
    with engine_with(Pool(), **store) as tts:
        assert tts.speakers["far"].prerender("起きる時間です。").kept == "disk"
    with engine_with(**store) as tts:
        spoken = tts.speakers["far"].generate("起きる時間です。")
    assert spoken.pcm_bytes() == float_to_pcm16(WHOLE).tobytes()


def test_it_fails_when_all_are_lost():
    with pytest.raises(InferenceFailed, match="no replica could speak: gone"):
        spoken_with(Pool(*[([], ReplicaLost("gone"))] * 10))


def test_what_is_wrong_with_the_sentence_is_not_tried_again():
    pool = Pool(([], StyleNotFound("no such style")))
    with pytest.raises(StyleNotFound):
        spoken_with(pool)
    assert len(pool.asked) == 1


def test_every_replica_gets_the_same_random_numbers():
    pool = Pool((WINDOWS[:1], ReplicaLost("gone")))
    spoken_with(pool)
    first, second = (sentence.rng.random() for sentence in pool.asked[:1] * 2)
    assert first != second  # it is one generator, and nobody here has used it
    assert first == np.random.default_rng(0).random()
