"""Whether a device can still be computed on, and what is done when its memory is used up."""

from __future__ import annotations

import logging
import threading
import traceback
from typing import TYPE_CHECKING, Final, TypeVar

import torch

from hayakoe_engine.errors import InferenceFailed

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = logging.getLogger(__name__)

_Made = TypeVar("_Made")

_NO_MEMORY: Final = (
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "can't allocate memory",
)
"""What is said of memory that is not there by others than torch's allocator of a GPU."""

_MEMORY_HINT: Final = (
    "nvidia-smi shows what else takes memory of it; neural.memory_mb keeps fewer voices open"
)
_LOST_HINT: Final = "nothing can be computed on it before the program is started again"


class Health:
    """Of a device. May be used from many threads at once.

    Args:
        answer: Has the device compute something small; raises a ``RuntimeError`` if it does not.
    """

    def __init__(self, answer: Callable[[], object]) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self._lost: str | None = None

    def run(self, work: Callable[[], _Made]) -> _Made:
        """Have the device do something; if its memory is used up, again with all that is free.

        Raises:
            InferenceFailed: There is too little memory even so; or the device answers no more,
                which from then on is said at once of everything.
        """
        try:
            return self._attempt(work)
        except _NoMemory:
            pass  # and forgotten, with all that it holds
        torch.cuda.empty_cache()
        try:
            return self._attempt(work)
        except _NoMemory as error:
            raise InferenceFailed(
                f"the device has too little memory: {error}", hint=_MEMORY_HINT
            ) from None

    def _attempt(self, work: Callable[[], _Made]) -> _Made:
        if self._lost is not None:
            raise InferenceFailed(f"the GPU is lost: {self._lost}", hint=_LOST_HINT)
        try:
            return work()
        except RuntimeError as error:
            # What has failed must not hold memory for as long as somebody has the error.
            traceback.clear_frames(error.__traceback__)
            said = str(error).strip().partition("\n")[0]
            if _is_about_memory(error):
                raise _NoMemory(said) from None
            if self._answers():
                raise
            with self._lock:
                if self._lost is None:
                    self._lost = said
                    _LOG.error("the GPU is lost: %s; %s", said, _LOST_HINT)
            raise InferenceFailed(f"the GPU is lost: {said}", hint=_LOST_HINT) from error

    def _answers(self) -> bool:
        try:
            self._answer()
        except RuntimeError as error:
            return _is_about_memory(error)
        return True


def _is_about_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or any(e in str(error) for e in _NO_MEMORY)


class _NoMemory(Exception):
    """Something needs more memory than there is."""
