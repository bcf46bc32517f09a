import pytest
from hypothesis import example, given
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


def parts(cost_of_playing=0.1, head_multiple=15, tail_multiple=15, *, pairs_windows=False):
    return DecoderParts(
        head_multiple=head_multiple,
        rows_per_frame=8,
        tail_multiple=tail_multiple,
        head_context_frames=12,
        tail_context_frames=2,
        frame_cost_s=cost_of_playing * FRAME_S,
        pairs_windows=pairs_windows,
    )


@given(
    frames=st.integers(1, 3000),
    context=st.integers(0, 40),
    multiple=st.sampled_from([1, 4, 15, 105]),
    rows_per_frame=st.sampled_from([1, 2, 8]),
    sizes=st.sampled_from([HEAD_FRAMES, TAIL_FRAMES, TAIL_FRAMES[-1:]]),
)
def test_windows_cover_a_latent_once_with_all_the_context_they_need(
    frames, context, multiple, rows_per_frame, sizes
):
    place = 0
    plans = plan_windows(frames, context, multiple, sizes, rows_per_frame=rows_per_frame)
    for plan in plans:
        assert plan.start == place
        place = plan.stop
        assert 0 <= plan.decode_start <= max(0, plan.start - context) * rows_per_frame
        needed = min(frames, plan.stop + context) * rows_per_frame
        assert needed <= plan.decode_stop <= frames * rows_per_frame
        assert plan.frames >= min(frames, SHORTEST_FRAMES)
    assert place == frames
    assert all(plan.decoded_rows % multiple == 0 for plan in plans[:-1])


@given(
    frames=st.integers(54, 3000),
    cost=st.floats(0.01, 5),
    head_multiple=st.sampled_from([1, 15]),
    tail_multiple=st.sampled_from([1, 15, 120]),
)
@example(frames=59, cost=0.35, head_multiple=15, tail_multiple=15)
@example(frames=104, cost=0.65, head_multiple=15, tail_multiple=120)
def test_from_two_thirds_of_a_second_on_both_parts_get_lengths_that_they_take(
    frames, cost, head_multiple, tail_multiple
):
    plan = plan_decoding(frames, parts(cost, head_multiple, tail_multiple), FRAME_S)
    assert plan is not None
    assert all(window.decoded_rows % head_multiple == 0 for window in plan.heads)
    assert all(window.decoded_rows % tail_multiple == 0 for window in plan.tails)


def test_the_first_window_is_small_and_the_others_grow():
    plan = plan_decoding(2000, parts(), FRAME_S)
    assert [window.decoded_rows for window in plan.heads[:4]] == [45, 45, 90, 180]
    # Of each frame the second part reads eight rows, of which it takes a multiple of fifteen.
    assert [window.decoded_rows for window in plan.tails[:7]] == [75, 120, 180, 240, 360, 480, 720]
    assert {window.decoded_rows for window in plan.tails[6:-1]} == {720}
    assert plan.tails[0].frames == 7


def test_the_first_part_does_at_first_no_more_than_two_windows_need():
    plan = plan_decoding(2000, parts(head_multiple=1), FRAME_S)
    assert plan.tails[1].decode_stop == 20 * 8
    assert plan.heads[0].decoded_rows == 20 + 12


def test_what_is_too_short_to_be_cut_is_decoded_whole():
    assert plan_decoding(7, parts(), FRAME_S) is None


def test_a_decoder_that_takes_any_length_is_cut_all_the_same():
    plan = plan_decoding(200, parts(head_multiple=1, tail_multiple=1), FRAME_S)
    assert len(plan.tails) > 2


@pytest.mark.parametrize(
    ("cost_of_playing", "size"), [(0.1, 9), (0.3, 9), (0.35, 15), (0.6, 22), (1.0, 9), (4, 9)]
)
def test_the_first_window_lets_every_other_one_be_there_in_time_if_one_can(cost_of_playing, size):
    slow = parts(cost_of_playing, head_multiple=1, tail_multiple=1)
    assert TAIL_FRAMES[first_size(slow, FRAME_S)] == size
    assert plan_decoding(1000, slow, FRAME_S).tails[0].decoded_rows == size * 8


@pytest.mark.parametrize(("cost_of_playing", "size"), [(0.5, 9), (0.6, 15), (0.7, 30), (4, 9)])
def test_a_second_window_made_beside_the_first_lets_it_be_smaller(cost_of_playing, size):
    pairing = parts(cost_of_playing, pairs_windows=True)
    assert TAIL_FRAMES[first_size(pairing, FRAME_S)] == size
