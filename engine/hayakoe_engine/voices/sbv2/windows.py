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
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hayakoe_engine.voices.sbv2.backend import DecoderParts

HEAD_FRAMES: Final = (30, 90, 180)
TAIL_FRAMES: Final = (15, 30, 45, 60, 90)
"""Frames decoded for the first window, the second, and so on; the last holds for all others."""

SHORTEST_FRAMES: Final = 10
"""No window that is given out is shorter, unless the sentence is."""

_FIRST_TRIES: Final = 4


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


@dataclass(frozen=True, slots=True)
class DecodingPlan:
    """How a latent is decoded.

    Attributes:
        heads: Windows of the decoder's first part.
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
    first = first_size(parts, frame_s)
    heads = plan_windows(frames, parts.head_context_frames, parts.multiple, HEAD_FRAMES)
    tails = plan_windows(frames, parts.tail_context_frames, parts.multiple, TAIL_FRAMES[first:])
    if any(plan.decoded_frames % parts.multiple for plan in (*heads, *tails)):
        return None
    return DecodingPlan(tuple(heads), tuple(tails))


def first_size(parts: DecoderParts, frame_s: float) -> int:
    """Place in ``TAIL_FRAMES`` of the first window to begin with.

    The smallest one whose audio plays until the next window is decoded. Where the machine is
    slower than playing, none does, and the first sound comes as soon as it can.
    """
    for place, (size, following) in enumerate(pairwise(TAIL_FRAMES)):
        until_s = (size - parts.tail_context_frames) * frame_s
        if parts.pairs_windows:
            until_s += size * parts.frame_cost_s
        if following * parts.frame_cost_s <= until_s:
            return place
    return 0


def plan_windows(
    frames: int, context_frames: int, multiple: int, sizes: Sequence[int]
) -> list[WindowPlan]:
    """Cut a latent for one part of the decoder.

    Args:
        frames: Its length.
        context_frames: Frames to be decoded on either side of what is given out.
        multiple: The decoder takes windows whose decoded length is a multiple of this; a short
            latent may have none that is.
        sizes: Frames to decode for the first window, the second, and so on.

    Returns:
        Windows that cover all frames, in order.
    """
    # A larger first window may leave a last one of a length that fits.
    for more in range(_FIRST_TRIES):
        tried = (sizes[0] + more * multiple, *sizes[1:])
        plans = list(_windows(frames, context_frames, multiple, tried))
        if not any(plan.decoded_frames % multiple for plan in plans):
            return plans
    return list(_windows(frames, context_frames, multiple, sizes))


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
