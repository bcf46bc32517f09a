"""What torch computes on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch.nn import functional

from hayakoe_engine.errors import BadOption
from hayakoe_engine.voices.sbv2.torch.batching import Gate
from hayakoe_engine.voices.sbv2.torch.health import Health

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

_Module = TypeVar("_Module", bound="nn.Module")
_In = TypeVar("_In")
_Out = TypeVar("_Out")


@dataclass(frozen=True, slots=True, eq=False)
class Device:
    """A device that is there.

    Attributes:
        name: What users call it.
        place: What torch calls it.
        half: Numbers of 16 bits that it is fast with.
        gate: The way to it.
        health: Whether it can be computed on.
    """

    name: str
    place: torch.device
    half: torch.dtype
    gate: Gate = field(default_factory=Gate)
    health: Health = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "health", Health(partial(_answer, self.place)))

    def guarded(self, run: Callable[[_In], _Out]) -> Callable[[_In], _Out]:
        """The same computation, but what is wrong with the device is said as ``Health`` does."""
        return lambda rows: self.health.run(partial(run, rows))

    def bring(self, network: _Module) -> _Module:
        """Have the weights of a network there.

        Raises:
            InferenceFailed: They do not fit.
        """
        return self.health.run(lambda: network.to(self.place))

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """An array, brought there; on a GPU in its turn, without waiting for what is computed."""
        here = torch.from_numpy(np.ascontiguousarray(values))
        if self.place.type == "cpu":
            return here
        # Pinned memory is given to nobody else before it has been copied.
        return here.pin_memory().to(self.place, non_blocking=True)

    def padded(self, rows: Sequence[NDArray[Any]], length: int) -> Tensor:
        """Rows ``[..., n]`` of different lengths as one tensor ``[batch, ..., length]``."""
        joined = np.zeros((len(rows), *rows[0].shape[:-1], length), rows[0].dtype)
        for place, row in zip(joined, rows, strict=True):
            place[..., : row.shape[-1]] = row
        return self.tensor(joined)

    def joined(self, rows: Sequence[Tensor], length: int) -> Tensor:
        """The same of rows that are there already."""
        if len(rows) == 1 and rows[0].shape[-1] == length:
            return rows[0].unsqueeze(0).contiguous()
        joined = rows[0].new_zeros(len(rows), *rows[0].shape[:-1], length)
        for place, row in zip(joined, rows, strict=True):
            place[..., : row.shape[-1]] = row
        return joined

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
    if (reason := why_no_gpu()) is not None:
        raise BadOption(
            f"device cuda: torch {torch.__version__} {reason}",
            hint="nvidia-smi shows whether the driver is there, and torch must be one for CUDA; "
            "device auto takes the CPU instead",
        )
    return Device(name, torch.device("cuda"), torch.float16)


def why_no_gpu() -> str | None:
    """Why torch can compute on no GPU, as the end of a sentence about it; None if it can.

    A GPU that is there may be older than what torch is built for, or its driver may be, so
    something is computed.
    """
    if torch.version.cuda is None:
        return "is built without CUDA"
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        if not torch.cuda.is_available():
            return f"finds no GPU{_first_line(warned[0].message) if warned else ''}"
        try:
            try_out(torch.device("cuda"))
        except RuntimeError as error:
            return f"cannot compute on the GPU{_first_line(error)}"
    return None


def _answer(place: torch.device) -> float:
    return torch.ones(1, device=place).item()


def try_out(place: torch.device) -> None:
    """Have a device compute what networks do.

    Raises:
        RuntimeError: It cannot.
    """
    values = torch.ones(1, 4, 8, device=place)
    made = functional.conv1d(values, values[:, :, :3]) @ values.new_ones(6, 1)
    if made.item() != 4 * 3 * 6:
        raise RuntimeError("it computes something else")


def _first_line(complaint: Exception | Warning | str) -> str:
    return f": {str(complaint).strip().partition(chr(10))[0]}"
