"""What torch computes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hayakoe_engine.errors import BadOption
from hayakoe_engine.voices.sbv2.torch.batching import Gate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Device:
    """A device that is there.

    Attributes:
        name: What users call it.
        place: What torch calls it.
        half: Numbers of 16 bits that it is fast with.
        gate: The way to it.
    """

    name: str
    place: torch.device
    half: torch.dtype
    gate: Gate = field(default_factory=Gate)

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """An array, brought there."""
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.place)

    def padded(self, rows: Sequence[NDArray[Any]], length: int) -> Tensor:
        """Rows ``[..., n]`` of different lengths as one tensor ``[batch, ..., length]``."""
        joined = np.zeros((len(rows), *rows[0].shape[:-1], length), rows[0].dtype)
        for place, row in zip(joined, rows, strict=True):
            place[..., : row.shape[-1]] = row
        return self.tensor(joined)

    def allow_short_mantissas(self, *, allowed: bool) -> None:
        """Whether products of float32 may be computed with 10 bits of mantissa, much faster.

        This is a setting of the whole process, so whoever computes sets it, while nobody else does.
        """
        if self.place.type == "cuda":
            torch.set_float32_matmul_precision("high" if allowed else "highest")
            torch.backends.cudnn.allow_tf32 = allowed


def open_device(name: str) -> Device:
    """Open a device: "cuda" or "torch-cpu".

    Raises:
        BadOption: It is not there.
    """
    if name == "torch-cpu":
        return Device(name, torch.device("cpu"), torch.bfloat16)
    if not has_gpu():
        build = "is built without CUDA" if torch.version.cuda is None else "finds no GPU"
        raise BadOption(
            f"device cuda: torch {torch.__version__} {build}",
            hint="nvidia-smi shows whether the driver is there; device auto takes the CPU then",
        )
    return Device(name, torch.device("cuda"), torch.float16)


def has_gpu() -> bool:
    """Whether there is a GPU that torch can use."""
    return torch.cuda.is_available()
