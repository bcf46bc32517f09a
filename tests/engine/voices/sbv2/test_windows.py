import pytest
from hypothesis import given
from hypothesis import strategies as st

from hayakoe_engine.voices.sbv2.backend import DecoderParts
from hayakoe_engine.voices.sbv2.windows import (
    HEAD_FRAMES,
    SHORTEST_FRAMES,
    TAIL_FRAMES,
    first_size,
    plan_decoding,
    plan_windows,
)

FRAME_S = 512 / 44100


def parts(cost_of_playing=0.1, multiple=15, *, pairs_windows=False):
    return DecoderParts(
        multiple=multiple,
        head_context_frames=12,
        tail_context_frames=2,
        frame_cost_s=cost_of_playing * FRAME_S,
        pairs_windows=pairs_windows,
    )


@given(
    frames=st.integers(1, 3000),
    context=st.integers(0, 40),
    multiple=st.sampled_from([1, 4, 15, 105]),
    sizes=st.sampled_from([HEAD_FRAMES, TAIL_FRAMES, TAIL_FRAMES[-1:]]),
)
def test_windows_cover_a_latent_once_with_all_the_context_they_need(
    frames, context, multiple, sizes
):
    place = 0
    plans = plan_windows(frames, context, multiple, sizes)
    for plan in plans:
        assert plan.start == place
        place = plan.stop
        assert 0 <= plan.decode_start <= max(0, plan.start - context)
        assert min(frames, plan.stop + context) <= plan.decode_stop <= frames
        assert plan.frames >= min(frames, SHORTEST_FRAMES)
    assert place == frames
    assert all(plan.decoded_frames % multiple == 0 for plan in plans[:-1])


@given(frames=st.integers(54, 3000), cost=st.floats(0.01, 5))
def test_from_two_thirds_of_a_second_on_both_parts_get_lengths_that_they_take(frames, cost):
    plan = plan_decoding(frames, parts(cost), FRAME_S)
    assert plan is not None
    assert all(window.decoded_frames % 15 == 0 for window in (*plan.heads, *plan.tails))


def test_the_first_window_is_small_and_the_others_grow():
    plan = plan_decoding(2000, parts(), FRAME_S)
    assert [window.decoded_frames for window in plan.heads[:3]] == list(HEAD_FRAMES)
    assert [window.decoded_frames for window in plan.tails[:5]] == list(TAIL_FRAMES)
    assert {window.decoded_frames for window in plan.tails[4:-1]} == {TAIL_FRAMES[-1]}
    assert plan.tails[0].frames == TAIL_FRAMES[0] - 2


def test_what_is_too_short_to_be_cut_is_decoded_whole():
    assert plan_decoding(7, parts(), FRAME_S) is None


def test_a_decoder_that_takes_any_length_is_cut_all_the_same():
    plan = plan_decoding(200, parts(multiple=1), FRAME_S)
    assert len(plan.tails) > 2


@pytest.mark.parametrize(
    ("cost_of_playing", "size"), [(0.1, 15), (0.43, 15), (0.5, 30), (0.7, 45), (1.0, 15), (4, 15)]
)
def test_the_first_window_plays_until_the_second_is_there_if_one_can(cost_of_playing, size):
    slow = parts(cost_of_playing)
    assert TAIL_FRAMES[first_size(slow, FRAME_S)] == size
    assert plan_decoding(1000, slow, FRAME_S).tails[0].decoded_frames == size


@pytest.mark.parametrize(("cost_of_playing", "size"), [(0.5, 15), (0.8, 15), (0.9, 30), (4, 15)])
def test_a_second_window_made_beside_the_first_lets_it_be_smaller(cost_of_playing, size):
    pairing = parts(cost_of_playing, pairs_windows=True)
    assert TAIL_FRAMES[first_size(pairing, FRAME_S)] == size
