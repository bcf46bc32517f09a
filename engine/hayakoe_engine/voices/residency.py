"""Which voices are in memory: opened when they are needed, the longest unused dropped first."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T_co = TypeVar("_T_co", covariant=True)


class Residency:
    """Keeps what is open within a budget. May be used from many threads at once.

    Args:
        max_bytes: Budget; None is no limit. What is needed now is open even if it alone is larger.
    """

    def __init__(self, max_bytes: int | None = None) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        # Weak, so that what nobody has any more leaves without saying so.
        self._open: weakref.WeakKeyDictionary[Resident[object], int] = weakref.WeakKeyDictionary()

    def admit(self, resident: Resident[object], size_bytes: int) -> None:
        """Take note that it is used; drops others that have not been for longest."""
        with self._lock:
            self._open.pop(resident, None)
            self._open[resident] = size_bytes
            if self._max_bytes is None:
                return
            for other in list(self._open):
                if sum(self._open.values()) <= self._max_bytes or other is resident:
                    break
                del self._open[other]
                other.drop()

    def forget(self, resident: Resident[object]) -> None:
        """Take note that it is closed."""
        with self._lock:
            self._open.pop(resident, None)


class Resident(Generic[_T_co]):
    """Something that is opened at its first use and again after it was dropped.

    Args:
        residency: Whose budget counts.
        size_bytes: Memory it takes, about.
        open_it: Opens it.
    """

    def __init__(self, residency: Residency, size_bytes: int, open_it: Callable[[], _T_co]) -> None:
        self._residency = residency
        self._size_bytes = size_bytes
        self._open_it = open_it
        self._lock = threading.Lock()
        self._value: _T_co | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is in memory."""
        return self._value is not None

    def get(self) -> _T_co:
        """It, opened now if it is not open."""
        with self._lock:
            value = self._value
            if value is None:
                value = self._value = self._open_it()
        self._residency.admit(self, self._size_bytes)
        return value

    def drop(self) -> None:
        """Let go of it; it ends with its last user."""
        self._value = None

    def close(self) -> None:
        """Drop it for good."""
        self._residency.forget(self)
        self.drop()
