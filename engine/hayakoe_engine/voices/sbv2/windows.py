"""Where a sentence's latent is cut, so that its first sound is there before its last is computed.

A window is decoded with so many frames on both sides as its samples depend on (the receptive
field), so the windows' audio is what one decoding of the whole would give. The first window is
small; the later ones grow, because the frames on both sides are decoded twice. The plan depends on
nothing but the length of the latent and the speed of the machine: the same sentence is always cut
in the same places.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DECODED_FRAMES: Final = (30, 45, 60, 90, 120)
"""Frames decoded for the first window, the second, and so on; the last holds for all others."""

SHORTEST_FRAMES: Final = 15
"""No window that is given out is shorter, unless the sentence is."""


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """One window, in latent frames.

    Attributes:
        start: First frame that is given out.
        stop: Frame after the last one that is given out.
        decode_start: First frame that is decoded.
        decode_stop: Frame after the last one that is decoded.
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
    def decoded_frames(self) -> int:
        """Frames that are decoded."""
        return self.decode_stop - self.decode_start


def first_size(frame_cost_s: float, frame_s: float, context_frames: int) -> int:
    """Place in ``DECODED_FRAMES`` of the first window to begin with.

    The smallest one whose audio plays until the next window is decoded. Where the machine is
    slower than playing, none does, and the first sound comes as soon as it can.

    Args:
        frame_cost_s: Time that decoding a frame takes.
        frame_s: Time that it plays.
        context_frames: Frames to be decoded on either side of what is given out.
    """
    sizes = DECODED_FRAMES
    for place, (size, following) in enumerate(pairwise(sizes)):
        if following * frame_cost_s <= (size - context_frames) * frame_s:
            return place
    return 0


def plan_windows(
    frames: int, context_frames: int, multiple: int = 1, first: int = 0
) -> list[WindowPlan]:
    """Cut a latent.

    Args:
        frames: Its length.
        context_frames: Frames to be decoded on either side of what is given out.
        multiple: The decoder prefers windows whose decoded length is a multiple of this; a short
            latent may have none that is.
        first: Place in ``DECODED_FRAMES`` of the first window.

    Returns:
        Windows that cover all frames, in order.
    """
    # A larger first window may leave a last one of a length that fits.
    for sizes in (DECODED_FRAMES[first:], DECODED_FRAMES[first + 1 :]):
        plans = list(_windows(frames, context_frames, multiple, sizes))
        if not any(plan.decoded_frames % multiple for plan in plans):
            return plans
    return list(_windows(frames, context_frames, multiple, DECODED_FRAMES[first:]))


def _windows(
    frames: int, context_frames: int, multiple: int, sizes: Sequence[int]
) -> Iterator[WindowPlan]:
    start = 0
    for number in range(frames):
        wanted = sizes[min(number, len(sizes) - 1)]
        decode_start = max(0, start - context_frames)
        # Where the plan's own sizes do not fit the decoder (a longer receptive field), the
        # window grows until something of it can be given out.
        while wanted - (start - decode_start) - context_frames < SHORTEST_FRAMES:
            wanted += multiple
        decode_stop = decode_start + _round_up(wanted, multiple)
        stop = decode_stop - context_frames
        if max(decode_stop, stop + SHORTEST_FRAMES) >= frames:
            yield _last(start, decode_start, frames, multiple)
            return
        yield WindowPlan(start, stop, decode_start, decode_stop)
        start = stop


def _last(start: int, decode_start: int, frames: int, multiple: int) -> WindowPlan:
    """The window up to the end, which begins earlier if that makes its length a multiple."""
    length = _round_up(frames - decode_start, multiple)
    return WindowPlan(start, frames, frames - length if length <= frames else decode_start, frames)


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
