"""Where a sentence's latent is cut, so that its first sound is there before its last is computed.

The decoder runs in two parts, and each is given so many frames on both sides of a window as what
it makes depends on; so the windows' audio is what one decoding of the whole would give. Most of
those frames matter only to the first part, which is the lesser part of the work. The first window
is small; the later ones grow, because the frames on both sides are decoded twice. The plan depends
on nothing but the length of the latent and the speed of the machine: the same sentence is always
cut in the same places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hayakoe_engine.voices.sbv2.backend import DecoderParts

HEAD_FRAMES: Final = (45, 90, 180)
"""Frames decoded for the second window of the first part, the third, and so on; the last holds for
all others. The first one is what the first two windows that are heard need."""
TAIL_FRAMES: Final = (9, 15, 22, 30, 45, 60, 90)
"""Frames decoded for the first window that is heard, the second, and so on, about."""

SHORTEST_FRAMES: Final = 7
"""No window that is given out is shorter, unless the sentence is."""

_FIRST_TRIES: Final = 4
_SLOWER: Final = 1.5
"""So many times as long a frame may take beside other work than alone."""


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """One window.

    Attributes:
        start: First latent frame that is given out.
        stop: Frame after the last one that is given out.
        decode_start: First row that is decoded: what a part of the decoder reads has one or more
            rows for every frame.
        decode_stop: Row after the last one that is decoded.
    """

    start: int
    stop: int
    decode_start: int
    decode_stop: int

    @property
    def frames(self) -> int:
        """Frames that are given out."""
        return self.stop - self.start

    @property
    def decoded_rows(self) -> int:
        """Rows that are decoded."""
        return self.decode_stop - self.decode_start


@dataclass(frozen=True, slots=True)
class DecodingPlan:
    """How a latent is decoded.

    Attributes:
        heads: Windows of the decoder's first part, which reads one row a frame.
        tails: Windows of the second; they are what is heard.
    """

    heads: tuple[WindowPlan, ...]
    tails: tuple[WindowPlan, ...]


def plan_decoding(frames: int, parts: DecoderParts, frame_s: float) -> DecodingPlan | None:
    """Cut a latent; None if it is so short that the decoder had better be run whole.

    Args:
        frames: Length of the latent.
        parts: About the decoder.
        frame_s: Time that a frame plays.
    """
    # A short latent may have windows of lengths that fit only if the first ones are smaller.
    for place in dict.fromkeys((first_size(parts, frame_s), 0)):
        tails = plan_windows(
            frames,
            parts.tail_context_frames,
            parts.tail_multiple,
            TAIL_FRAMES[place:],
            rows_per_frame=parts.rows_per_frame,
        )
        if not _fit(tails, parts.tail_multiple):
            continue
        # At best the second one can be decoded at once when the first one is, or beside it.
        for window in reversed(tails[:2]):
            needed = frames_of(window.decode_stop, parts.rows_per_frame)
            heads = plan_windows(
                frames,
                parts.head_context_frames,
                parts.head_multiple,
                (needed + parts.head_context_frames, *HEAD_FRAMES),
            )
            if _fit(heads, parts.head_multiple):
                return DecodingPlan(tuple(heads), tuple(tails))
    return None


def _fit(plans: Sequence[WindowPlan], multiple: int) -> bool:
    return not any(plan.decoded_rows % multiple for plan in plans)


def frames_of(rows: int, rows_per_frame: int) -> int:
    """Frames that so many rows belong to."""
    return -(-rows // rows_per_frame)


def first_size(parts: DecoderParts, frame_s: float) -> int:
    """Place in ``TAIL_FRAMES`` of the first window to begin with.

    The smallest one with which every window is decoded before those ahead of it have been heard,
    if there is one also when decoding takes longer than it should. Where the machine is too slow
    for that, the first sound comes as soon as it can.
    """
    cost = parts.frame_cost_s / frame_s
    for slower in (_SLOWER, 1):
        for place in range(len(TAIL_FRAMES) - 1):
            if _plays_through(TAIL_FRAMES[place:], slower * cost, parts):
                return place
    return 0


def _plays_through(sizes: Sequence[int], cost: float, parts: DecoderParts) -> bool:
    """Whether windows of these sizes are there in time; ``cost`` is in frames per frame."""
    free = [0.0] * (2 if parts.pairs_windows else 1)
    heard_until = None
    for size in sizes:
        done = min(free) + size * cost
        free[free.index(min(free))] = done
        if heard_until is None:
            heard_until = done + parts.tail_context_frames
        elif done > heard_until:
            return False
        heard_until += size - 2 * parts.tail_context_frames
    return True


def plan_windows(
    frames: int,
    context_frames: int,
    multiple: int,
    sizes: Sequence[int],
    *,
    rows_per_frame: int = 1,
) -> list[WindowPlan]:
    """Cut a latent for one part of the decoder.

    Args:
        frames: Its length.
        context_frames: Frames to be decoded on either side of what is given out.
        multiple: The part takes windows whose rows are a multiple of this; a short latent may have
            none that are.
        sizes: Frames to decode for the first window, the second, and so on.
        rows_per_frame: Of what the part reads.

    Returns:
        Windows that cover all frames, in order.
    """
    rows = [size * rows_per_frame for size in sizes]
    # A larger first window may leave a last one of a length that fits.
    for more in range(_FIRST_TRIES):
        tried = (rows[0] + more * multiple, *rows[1:])
        plans = list(_windows(frames, context_frames, multiple, tried, rows_per_frame))
        if _fit(plans, multiple):
            return plans
    return list(_windows(frames, context_frames, multiple, rows, rows_per_frame))


def _windows(
    frames: int, context_frames: int, multiple: int, sizes: Sequence[int], rows_per_frame: int
) -> Iterator[WindowPlan]:
    context = context_frames * rows_per_frame
    shortest = SHORTEST_FRAMES * rows_per_frame
    rows = frames * rows_per_frame
    start = 0
    for number in range(frames):
        wanted = sizes[min(number, len(sizes) - 1)]
        decode_start = max(0, start * rows_per_frame - context)
        # Where the plan's own sizes do not fit the decoder (a longer receptive field), the
        # window grows until something of it can be given out.
        while wanted - (start * rows_per_frame - decode_start) - context < shortest:
            wanted += multiple
        decode_stop = decode_start + _round_up(wanted, multiple)
        stop = (decode_stop - context) // rows_per_frame
        if max(decode_stop, stop * rows_per_frame + shortest) >= rows:
            # The window up to the end begins earlier if that makes its length a multiple.
            length = _round_up(rows - decode_start, multiple)
            first = rows - length if length <= rows else decode_start
            yield WindowPlan(start, frames, first, rows)
            return
        yield WindowPlan(start, stop, decode_start, decode_stop)
        start = stop


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
