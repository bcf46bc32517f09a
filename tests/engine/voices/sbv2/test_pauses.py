import numpy as np
import pytest

from hayakoe_engine.voices.sbv2.pauses import MIN_PAUSE_S, EndPause, arrange_pauses, end_with
from hayakoe_engine.voices.sbv2.symbols import SYMBOL_IDS

RATE_HZ = 1000
FRAME_S = 0.01


def ids(*phones):
    return np.array([SYMBOL_IDS[phone] for phone in phones])


#            silence  a       comma       i       full stop  silence
PHONES = ids("_", "_", "_", "a", "_", ",", "_", "i", "_", ".", "_", "_", "_")
DURATIONS = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])


def arranged(scale=1.0, exact_end_s=None):
    return arrange_pauses(PHONES, DURATIONS, scale=scale, exact_end_s=exact_end_s, frame_s=FRAME_S)


def test_the_pause_after_a_sentence_is_its_last_mark_with_the_blanks_beside_it():
    durations, end = arranged()
    assert durations.tolist() == DURATIONS.tolist()
    assert end == EndPause(pytest.approx((9 + 10 + 11) * FRAME_S), is_exact=False)


def test_marks_and_the_blanks_beside_them_are_scaled():
    durations, end = arranged(scale=0.5)
    assert durations.tolist() == [1, 2, 3, 4, 3, 3, 4, 8, 5, 5, 6, 12, 13]
    assert end.seconds == pytest.approx(0.16)


def test_scale_zero_takes_the_pauses_out():
    durations, end = arranged(scale=0)
    assert durations.tolist() == [1, 2, 3, 4, 0, 0, 0, 8, 0, 0, 0, 12, 13]
    assert end.seconds == 0


def test_an_exact_pause_replaces_that_of_the_network():
    durations, end = arranged(exact_end_s=0.5)
    assert durations.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 1, 12, 13]
    assert end == EndPause(0.5, is_exact=True)


def test_a_sentence_without_a_mark_has_the_least_pause():
    phones = ids("_", "a", "_")
    _, end = arrange_pauses(
        phones, np.array([9, 9, 9]), scale=1.0, exact_end_s=None, frame_s=FRAME_S
    )
    assert end.seconds == MIN_PAUSE_S


def speech(spoken_s, silent_s):
    return np.concatenate(
        [np.full(round(spoken_s * RATE_HZ), 0.5), np.zeros(round(silent_s * RATE_HZ))]
    ).astype(np.float32)


@pytest.mark.parametrize(
    ("pause", "length_s"),
    [
        (EndPause(0.5, is_exact=False), 1.5),
        (EndPause(0.1, is_exact=False), 1.3),  # silence that is there stays
        (EndPause(0.1, is_exact=True), 1.1),
        (EndPause(0.5, is_exact=True), 1.5),
        (EndPause(0.0, is_exact=True), 1.0),
    ],
)
def test_silence_at_the_end_counts(pause, length_s):
    ended = end_with(pause, speech(1.0, 0.3), RATE_HZ)
    assert len(ended) == round(length_s * RATE_HZ)
    assert ended.dtype == np.float32
    assert np.count_nonzero(ended) == RATE_HZ


def test_samples_that_are_all_silent_or_too_few_to_tell():
    pause = EndPause(0.2, is_exact=True)
    assert len(end_with(pause, speech(0, 0.5), RATE_HZ)) == 200
    assert len(end_with(pause, np.ones(3, np.float32), RATE_HZ)) == 203
    assert len(end_with(pause, np.zeros(0, np.float32), RATE_HZ)) == 200
