import pytest
from hypothesis import given
from hypothesis import strategies as st

from hayakoe_engine.voices.sbv2.windows import (
    DECODED_FRAMES,
    SHORTEST_FRAMES,
    first_size,
    plan_windows,
)


@given(
    frames=st.integers(1, 3000),
    context=st.integers(0, 40),
    multiple=st.sampled_from([1, 4, 15, 105]),
)
def test_windows_cover_a_latent_once_with_all_the_context_they_need(frames, context, multiple):
    place = 0
    plans = list(plan_windows(frames, context, multiple))
    for plan in plans:
        assert plan.start == place
        place = plan.stop
        assert 0 <= plan.decode_start <= max(0, plan.start - context)
        assert min(frames, plan.stop + context) <= plan.decode_stop <= frames
        assert plan.frames >= min(frames, SHORTEST_FRAMES)
    assert place == frames
    assert all(plan.decoded_frames % multiple == 0 for plan in plans[:-1])


def test_from_half_a_second_on_all_windows_are_of_fitting_lengths():
    for frames in range(45, 400):
        assert all(plan.decoded_frames % 15 == 0 for plan in plan_windows(frames, 13, 15))


def test_the_first_window_is_small_and_the_others_grow():
    plans = list(plan_windows(2000, 13, 15))
    assert [plan.decoded_frames for plan in plans[:5]] == list(DECODED_FRAMES)
    assert {plan.decoded_frames for plan in plans[4:-1]} == {DECODED_FRAMES[-1]}
    assert plans[0].frames == DECODED_FRAMES[0] - 13


def test_a_latent_without_frames_has_no_window():
    assert list(plan_windows(0, 13, 15)) == []


@pytest.mark.parametrize(
    ("cost_of_playing", "size"),
    [(0.1, 30), (0.37, 30), (0.4, 45), (0.6, 90), (1.0, 30), (4.0, 30)],
)
def test_the_first_window_plays_until_the_second_is_there_if_one_can(cost_of_playing, size):
    assert DECODED_FRAMES[first_size(cost_of_playing * 0.0116, 0.0116, 13)] == size
    first = first_size(cost_of_playing * 0.0116, 0.0116, 13)
    assert plan_windows(1000, 13, 15, first)[0].decoded_frames == size
