"""Lengths and pitch that are asked of a neural voice."""

from dataclasses import replace

import numpy as np
import pytest

from hayakoe_engine.options import SynthesisOptions
from hayakoe_engine.text.reading import Reader
from hayakoe_engine.voices.sbv2.lengths import apply_lengths, measured, phones_spoken
from hayakoe_engine.voices.sbv2.phones import phones_of
from hayakoe_engine.window import Window

OPTIONS = SynthesisOptions(seed=3)
FRAME_S = 0.01


def phones_and_durations(reading, *, add_blank=True):
    spoken = phones_spoken(phones_of(reading), add_blank=add_blank)
    return spoken, np.random.default_rng(0).integers(0, 9, len(spoken))


@pytest.mark.parametrize("add_blank", [True, False])
@pytest.mark.parametrize(
    "text", ["明日は、「晴れ」です。", "はい。", "えーっ！？", "行く／行かない"]
)
def test_every_phone_of_the_reading_is_some_of_the_networks(text, add_blank):
    reading = Reader().read(text)
    spoken, durations = phones_and_durations(reading, add_blank=add_blank)
    phones = sum(map(len, reading.mora_phones))
    assert set(spoken[spoken >= 0]) == set(range(phones))
    delivery = measured(reading, spoken, durations, FRAME_S)
    assert len(delivery.moras) == len(reading.mora_phones)
    assert len(delivery.phone_lengths_s) == phones
    same = apply_lengths(
        replace(reading, delivery=delivery),
        spoken,
        durations,
        frames_per_s=1 / FRAME_S,
        pause_scale=1.0,
    )
    assert np.array_equal(same, durations)


def test_lengths_are_frames_that_add_up():
    reading = Reader().read("明日は、晴れです。")
    spoken, durations = phones_and_durations(reading)
    delivery = measured(reading, spoken, durations, FRAME_S)
    wanted = replace(
        delivery,
        moras=tuple(replace(mora, vowel_s=0.333) for mora in delivery.moras),
        pauses_s=(0.5,),
    )
    fitted = apply_lengths(
        replace(reading, delivery=wanted),
        spoken,
        durations,
        frames_per_s=1 / FRAME_S,
        pause_scale=2.0,
    )
    again = measured(reading, spoken, fitted, FRAME_S)
    assert [mora.vowel_s for mora in again.moras] == pytest.approx([0.33] * len(again.moras))
    assert again.pauses_s == pytest.approx((1.0,))
    assert [mora.consonant_s for mora in again.moras] == [
        mora.consonant_s for mora in delivery.moras
    ]


def steps(making):
    """What a generator gives, its windows made, and what it returns."""
    made = []
    while True:
        try:
            window = next(making)
        except StopIteration as end:
            return made, end.value
        made.append(window.make().samples if isinstance(window, Window) else window)


def test_a_voice_speaks_as_long_as_it_is_asked_to(hana):
    reading, voice = Reader().read("明日は、晴れます。"), hana.voice

    def say(delivery):
        rng = np.random.default_rng(OPTIONS.seed)
        return np.concatenate(
            steps(voice.begin(replace(reading, delivery=delivery), OPTIONS, rng))[0]
        )

    delivery = steps(voice.measure(reading, OPTIONS, np.random.default_rng(OPTIONS.seed)))[1]
    natural = say(None)
    assert np.array_equal(say(delivery), natural)
    moras = list(delivery.moras)
    moras[2] = replace(moras[2], vowel_s=moras[2].vowel_s + 0.5)
    longer_s = (len(say(replace(delivery, moras=tuple(moras)))) - len(natural)) / 44100
    assert longer_s == pytest.approx(0.5, abs=0.02)
    moras = [replace(mora, pitch_factor=1.5) for mora in delivery.moras]
    higher = say(replace(delivery, moras=tuple(moras)))
    assert len(higher) == pytest.approx(len(natural), abs=5000)
    assert not np.array_equal(higher[: len(natural)], natural[: len(higher)])
