import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hayakoe_engine import SynthesisOptions
from hayakoe_engine.errors import BadOption
from hayakoe_engine.options import RANGES

NUMERIC = sorted(RANGES)


def test_the_defaults_are_the_voice_as_it_is():
    options = SynthesisOptions()
    assert (options.speed, options.pitch_scale, options.volume) == (1.0, 1.0, 1.0)
    assert (options.intonation_scale, options.pause_scale) == (1.0, 1.0)
    assert (options.style, options.seed) == (None, 0)


@pytest.mark.parametrize("name", NUMERIC)
def test_both_ends_of_a_range_are_allowed(name):
    for value in RANGES[name]:
        assert getattr(SynthesisOptions(**{name: value}), name) == value


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize("excess", [1, 1e9, math.inf])
def test_what_lies_outside_is_refused_with_the_range(name, excess):
    low, high = RANGES[name]
    for value in (low - excess, high + excess):
        with pytest.raises(BadOption) as caught:
            SynthesisOptions(**{name: value})
        assert name in str(caught.value)
        assert f"{low:g} to {high:g}" in str(caught.value)


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize("value", [math.nan, "1", None, True, [1], 1j])
def test_what_is_no_number_is_refused(name, value):
    with pytest.raises(BadOption, match=name):
        SynthesisOptions(**{name: value})


def test_speed_zero_which_hangs_the_hts_engine_is_refused():
    for speed in (0, -1, 1e-6):
        with pytest.raises(BadOption, match=r"speed must be from 0\.25 to 4"):
            SynthesisOptions(speed=speed)


def test_a_seed_is_a_whole_number():
    with pytest.raises(BadOption, match="seed must be a whole number"):
        SynthesisOptions(seed=1.5)


def test_a_style_is_a_name():
    assert SynthesisOptions(style="Happy").style == "Happy"
    with pytest.raises(BadOption, match="style"):
        SynthesisOptions(style=3)


def test_an_unknown_option_is_refused_with_those_that_exist():
    with pytest.raises(BadOption, match=r"'pitch'.*pitch_scale.*volume"):
        SynthesisOptions().changed(pitch=2)


def test_options_cannot_be_changed_in_place():
    with pytest.raises(AttributeError):
        SynthesisOptions().speed = 2


@given(st.sampled_from(NUMERIC), st.floats(allow_nan=True) | st.integers())
def test_a_value_is_kept_or_refused(name, value):
    try:
        options = SynthesisOptions(**{name: value})
    except BadOption:
        return
    low, high = RANGES[name]
    assert low <= getattr(options, name) <= high
