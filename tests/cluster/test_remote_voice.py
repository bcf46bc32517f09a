"""A voice that speaks elsewhere, when those who speak for it fail. Needs no Ray."""

from __future__ import annotations

import numpy as np
import pytest

from hayakoe_engine import TTS
from hayakoe_engine.audio import PhoneTiming
from hayakoe_engine.errors import BusyError, InferenceFailed, StyleNotFound
from hayakoe_engine.voices.voice import VoiceInfo
from hayakoe_engine.window import MadeWindow
from wyoming_hayakoe.cluster.remote_voice import RemoteVoice, ReplicaLost
from wyoming_hayakoe.cluster.sentence import VoiceReference

RATE_HZ = 16_000
INFO = VoiceInfo(
    name="far", title="遠", sample_rate_hz=RATE_HZ, licence="", credit="", url="", version="1"
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


def spoken_with(*pools):
    voice = RemoteVoice(VoiceReference("far", "file:///voices"), INFO, lambda: pools)
    with TTS(threads=2).load("far", source=lambda: voice).prepare() as tts:
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
