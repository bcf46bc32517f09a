"""Parts of the network that map frames to frames, of rows that may differ in length."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, TypeVar, cast

import numpy as np
import torch

from hayakoe_engine.errors import InferenceFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from hayakoe_engine.voices.sbv2.torch.device import Device

_Run = TypeVar("_Run", bound="Callable[..., Any]")

_BUCKETS: Final = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768)
_LARGE_BUCKET: Final = 1024


class Row(NamedTuple):
    """What a stage reads of a sentence, float32 ``[C, n]``, and its speaker, ``[1, G, 1]``."""

    values: Tensor
    speaker: Tensor


Call: TypeAlias = "Callable[[Any, Tensor, Tensor, Tensor | None], Tensor]"
"""Runs a module.

Takes the module, what it reads, ``[batch, C, n]``, the speakers, ``[batch, G, 1]``, and a mask of
frames, ``[batch, 1, frames]``, or None if all count; gives ``[batch, C', n']``.
"""


class Stage:
    """A part of the network on a device.

    Args:
        call: Runs the module.
        module: The part, in float32.
        device: Where the module is.
        in_half: Whether it computes in 16 bits.
        is_exact: Whether float32 must be computed with its full mantissa.
        is_compiled: Whether torch compiles it.
        steps: Of what it reads, in each frame.
        is_last: Whether what it makes is brought to the computer's memory.
    """

    def __init__(
        self,
        call: Call,
        module: nn.Module,
        device: Device,
        *,
        in_half: bool,
        is_exact: bool,
        is_compiled: bool,
        steps: int = 1,
        is_last: bool = False,
    ) -> None:
        self._device = device
        self._is_last = is_last
        self._is_exact = is_exact
        self._is_compiled = is_compiled
        self._steps = steps
        self._in_float = module
        self._module = copy.deepcopy(module).to(device.half) if in_half else module
        self._dtype = device.half if in_half else torch.float32
        self._call = call
        self._run = compiled(call) if is_compiled else call

    def frames_of(self, row: Row) -> int:
        """Length of a row in frames."""
        return int(row.values.shape[-1]) // self._steps

    @torch.inference_mode()
    def compute(self, rows: Sequence[Row]) -> list[Tensor]:
        """Compute rows together; each gives what it would give alone, float32 ``[C', n']``.

        The device is waited for once, at the end.

        Raises:
            InferenceFailed: What comes out is no sound.
        """
        frames = [self.frames_of(row) for row in rows]
        longest = bucket(max(frames)) if self._is_compiled else max(frames)
        x = self._device.joined([row.values for row in rows], longest * self._steps)
        speakers = torch.cat([row.speaker for row in rows])
        mask = None
        if self._is_compiled or min(frames) < longest:
            mask = length_mask(frames, longest, self._device)
        self._device.allow_short_mantissas(allowed=not self._is_exact)
        given = (x, speakers, mask)
        made = self._computed(self._run, self._module, self._dtype, given)
        if not made.isfinite().all():
            # 16 bits may be too few for what a voice does rarely.
            made = self._computed(self._call, self._in_float, torch.float32, given)
            if not made.isfinite().all():
                raise InferenceFailed("the network gives what is no number")
        steps = made.shape[-1] // longest
        ends = [count * steps for count in frames]
        # A row of its own: no sentence keeps what others have long done with.
        return [
            one if made.shape[:1] == (1,) and end == made.shape[-1] else one[:, :end].clone()
            for one, end in zip(made, ends, strict=True)
        ]

    def _computed(
        self, run: Call, module: nn.Module, dtype: torch.dtype, given: tuple[Tensor | None, ...]
    ) -> Tensor:
        x, speakers, mask = (None if tensor is None else tensor.to(dtype) for tensor in given)
        made = run(module, cast("Tensor", x), cast("Tensor", speakers), mask).to(torch.float32)
        return made.cpu() if self._is_last else made


def compiled(run: _Run) -> _Run:
    """A computation as torch compiles it: once for all lengths, and once for single rows.

    It must be a function that is given its module, the same one for all modules: torch keeps so
    much compiled code of each function, and no more, and uses it for modules of the same sizes.
    """
    return cast("_Run", torch.compile(run, dynamic=True))


def bucket(length: int) -> int:
    """The length that a row is padded to for compiled code, so that it sees few of them."""
    for size in _BUCKETS:
        if length <= size:
            return size
    return -(-length // _LARGE_BUCKET) * _LARGE_BUCKET


def length_mask(lengths: Sequence[int], longest: int, device: Device) -> Tensor:
    """1 at the first ``lengths[b]`` places: float32 ``[batch, 1, longest]``."""
    mask = np.arange(longest) < np.array(lengths)[:, None]
    return device.tensor(mask[:, None].astype(np.float32))
