"""Lengths and pitch that are asked of the embedded voice."""

from dataclasses import replace

import numpy as np
import pytest

from hayakoe_engine.options import SynthesisOptions
from hayakoe_engine.text.reading import Reader
from hayakoe_engine.voices import world
from hayakoe_engine.voices.openjtalk import OpenJTalkVoice

VOICE = OpenJTalkVoice()
READING = Reader().read("明日は、晴れます。")
NATURAL = SynthesisOptions()


def result_of(steps):
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def measured():
    return result_of(VOICE.measure(READING, NATURAL, np.random.default_rng(0)))


def spoken(delivery, options=NATURAL):
    reading = replace(READING, delivery=delivery, end_pause_s=0.1)
    return np.concatenate(list(VOICE.begin(reading, options, np.random.default_rng(0))))


def with_mora(delivery, number, **changes):
    moras = list(delivery.moras)
    moras[number] = replace(moras[number], **changes)
    return replace(delivery, moras=tuple(moras))


def pitch_hz(samples, start_s, stop_s):
    import pyworld

    found_hz, times_s = pyworld.harvest(samples.astype(np.float64), VOICE.info.sample_rate_hz)
    inside = (times_s >= start_s) & (times_s < stop_s) & (found_hz > 0)
    return float(np.median(found_hz[inside]))


def test_what_was_measured_changes_nothing():
    delivery = measured()
    assert len(delivery.moras) == 8
    assert len(delivery.pauses_s) == 1
    assert np.array_equal(spoken(delivery), spoken(None))


def test_a_longer_mora_makes_the_sentence_as_much_longer():
    delivery = measured()
    longer = with_mora(delivery, 3, vowel_s=delivery.moras[3].vowel_s + 0.5)
    rate_hz = VOICE.info.sample_rate_hz
    assert len(spoken(longer)) - len(spoken(None)) == pytest.approx(0.5 * rate_hz, abs=10)
    faster = SynthesisOptions(speed=2.0)
    assert len(spoken(longer, faster)) / len(spoken(longer)) == pytest.approx(0.5, abs=0.05)


def test_only_the_mora_that_is_asked_for_gets_higher():
    delivery = measured()
    starts_s = np.cumsum([0.02, *delivery.phone_lengths_s])
    vowel = len(replace(delivery, moras=delivery.moras[:4]).phone_lengths_s)
    place = starts_s[vowel - 1] + 0.02, starts_s[vowel] - 0.01
    higher = spoken(with_mora(delivery, 3, pitch_factor=1.5))
    assert pitch_hz(higher, *place) > 1.3 * pitch_hz(spoken(None), *place)
    assert pitch_hz(higher, 1.0, 1.8) == pytest.approx(pitch_hz(spoken(None), 1.0, 1.8), rel=0.05)


def test_pauses_need_no_vocoder(monkeypatch):
    monkeypatch.setattr(world, "is_available", lambda: False)
    delivery = measured()
    samples = spoken(replace(delivery, pauses_s=(1.0,)))
    longer_s = (len(samples) - len(spoken(None))) / VOICE.info.sample_rate_hz
    assert longer_s == pytest.approx(1.0 - delivery.pauses_s[0], abs=0.01)
    # Lengths and pitch do; without it they stay the voice's own.
    assert np.array_equal(spoken(with_mora(delivery, 0, pitch_factor=2.0)), spoken(None))
