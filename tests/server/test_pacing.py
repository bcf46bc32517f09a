"""No playback runs dry that waiting could have kept from it, and nothing waits in vain."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wyoming_hayakoe.pacing import HALF_LIFE_S, Pacing

CHARS_PER_S = 7.0


class Clock:
    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


def learnt(rtf, *, chars_per_s=CHARS_PER_S, **kwargs):
    """A pacing that knows one voice exactly, and its clock."""
    clock = Clock()
    pacing = Pacing(clock=clock, **kwargs)
    pacing.learn("hana", audio_s=100.0, work_wall_s=100.0 * rtf, chars=round(100 * chars_per_s))
    return pacing, clock


def made_at(pieces_s, rtf, first_work_s):
    """When each piece is there, if one is made after the other."""
    made_s, audio_s = [], 0.0
    for piece_s in pieces_s:
        audio_s += piece_s
        made_s.append(first_work_s + rtf * audio_s)
    return made_s


def gaps_s(pieces_s, there_s, start_s):
    """The waits of a player that starts then."""
    gaps, plays_s = [], start_s
    for piece_s, there in zip(pieces_s, there_s, strict=True):
        gaps.append(max(0.0, there - plays_s))
        plays_s = max(plays_s, there) + piece_s
    return gaps


rtfs = st.floats(0.05, 5.0)
slow = st.floats(1.001, 5.0)
lengths = st.lists(st.floats(0.05, 1.0), min_size=1, max_size=40)


@given(st.floats(0.05, 0.999), st.floats(0.0, 60.0), st.integers(0, 20_000), st.floats(0, 100))
def test_nothing_is_held_where_audio_is_made_faster_than_it_plays(rtf, made_s, chars, elapsed_s):
    pacing, clock = learnt(rtf, limit_s=1000.0)
    pacer = pacing.begin("hana")
    clock.now_s += elapsed_s
    assert pacer.hold_s(made_s, chars) == 0.0


@given(rtfs, st.floats(0.0, 60.0), st.integers(0, 20_000), st.floats(0, 10), st.floats(0, 5))
def test_nothing_is_held_longer_than_the_limit(rtf, made_s, chars, elapsed_s, limit_s):
    pacing, clock = learnt(rtf, limit_s=limit_s)
    pacer = pacing.begin("hana")
    clock.now_s += elapsed_s
    hold_s = pacer.hold_s(made_s, chars)
    assert hold_s >= 0.0
    assert hold_s == 0.0 or elapsed_s + hold_s <= limit_s + 1e-9


@given(slow, lengths, st.floats(0.0, 3.0))
def test_playback_does_not_run_dry_where_pace_and_length_are_known(rtf, pieces_s, first_work_s):
    total_s = sum(pieces_s)
    chars = math.ceil(total_s * CHARS_PER_S)
    pacing, clock = learnt(rtf, limit_s=1e6)
    pacer = pacing.begin("hana")
    there_s = made_at(pieces_s, rtf, first_work_s)
    clock.now_s += there_s[0]
    start_s = there_s[0] + pacer.hold_s(pieces_s[0], chars)
    assert max(gaps_s(pieces_s, there_s, start_s)) < 1e-6


@given(slow, lengths, st.floats(0.0, 3.0), st.floats(0.0, 1.0))
def test_asked_again_later_it_says_how_much_is_left(rtf, pieces_s, first_work_s, share):
    """Waiting in several steps ends when waiting in one would have."""
    chars = math.ceil(sum(pieces_s) * CHARS_PER_S)
    pacing, clock = learnt(rtf, limit_s=1e6, piece_s=0.0)  # audio comes as it is made
    pacer = pacing.begin("hana")
    made_s = pieces_s[0]
    clock.now_s += first_work_s + rtf * made_s
    hold_s = pacer.hold_s(made_s, chars)
    waited_s = share * hold_s
    clock.now_s += waited_s
    again_s = pacer.hold_s(made_s + waited_s / rtf, chars)
    assert waited_s + again_s == pytest.approx(hold_s, abs=1e-6)


@given(slow, st.integers(1, 5000), st.integers(1, 5000))
def test_a_longer_text_is_held_longer(rtf, chars, more):
    pacing, clock = learnt(rtf, limit_s=1e6)
    pacer = pacing.begin("hana")
    clock.now_s += 10.0
    assert pacer.hold_s(0.3, chars) <= pacer.hold_s(0.3, chars + more)


@given(rtfs, st.floats(1.0, 20.0), st.lists(st.floats(0.5, 20.0), min_size=1, max_size=30))
def test_what_is_learnt_lies_between_what_was_measured(rtf, chars_per_s, audios_s):
    pacing = Pacing()
    for audio_s in audios_s:
        chars = max(1, round(chars_per_s * audio_s))
        pacing.learn("hana", audio_s=audio_s, work_wall_s=rtf * audio_s, chars=chars)
    rates = [max(1, round(chars_per_s * audio_s)) / audio_s for audio_s in audios_s]
    pace = pacing.pace("hana")
    assert pace.rtf == pytest.approx(rtf)
    assert min(rates) - 1e-6 <= pace.chars_per_s <= max(rates) + 1e-6


def test_the_latest_utterances_count_most():
    pacing = Pacing()
    pacing.learn("hana", audio_s=1000.0, work_wall_s=500.0, chars=7000)
    pacing.learn("hana", audio_s=HALF_LIFE_S, work_wall_s=2 * HALF_LIFE_S, chars=210)
    assert 0.5 < pacing.pace("hana").rtf < 1.0
    for _ in range(5):
        pacing.learn("hana", audio_s=HALF_LIFE_S, work_wall_s=2 * HALF_LIFE_S, chars=210)
    assert 1.5 < pacing.pace("hana").rtf < 2.0


def test_of_a_voice_that_nothing_is_known_of_nothing_is_held():
    pacing, _ = learnt(4.0)
    assert pacing.pace("taro") is None
    assert pacing.begin("taro").hold_s(0.2, 500) == 0.0
    assert pacing.begin("hana").hold_s(0.0, 500) > 0.0


def test_what_was_remembered_is_not_held_and_teaches_nothing():
    pacing, clock = learnt(4.0)
    pacer = pacing.begin("hana")
    clock.now_s += 0.003
    assert pacer.hold_s(0.2, 500) == 0.0
    pacing.learn("hana", audio_s=5.0, work_wall_s=0.003, chars=35)
    assert pacing.pace("hana").rtf == pytest.approx(4.0)


@pytest.mark.parametrize(("audio_s", "chars"), [(0.0, 10), (1.0, 0)])
def test_an_utterance_without_sound_or_text_teaches_nothing(audio_s, chars):
    pacing = Pacing()
    pacing.learn("hana", audio_s=audio_s, work_wall_s=1.0, chars=chars)
    assert pacing.pace("hana") is None


@given(slow, st.integers(1, 300), st.integers(1, 300))
def test_of_text_that_is_still_coming_what_has_come_counts(rtf, chars, more):
    pacing, clock = learnt(rtf)
    pacer = pacing.begin("hana")
    clock.now_s += 0.2 * rtf + 0.1
    first_s = pacer.hold_s(0.2, chars)
    assume(first_s > 0)
    assert pacer.hold_s(0.2, chars + more) >= first_s
