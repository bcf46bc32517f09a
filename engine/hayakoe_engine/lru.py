"""What was used last, within a bound of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_T = TypeVar("_T")


class LruCache(Generic[_T]):
    """Keeps values, the least recently used dropped first. May be used from many threads at once.

    Args:
        max_bytes: Bound of all values together.
        size_of: How many bytes a value takes; always the same for the same value.
    """

    def __init__(self, max_bytes: int, size_of: Callable[[_T], int]) -> None:
        self._max_bytes = max_bytes
        self._size_of = size_of
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, _T] = OrderedDict()
        self._bytes = 0

    @property
    def size_bytes(self) -> int:
        """What all values take."""
        return self._bytes

    def get(self, key: Hashable) -> _T | None:
        """The value, if it is kept; it counts as used."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: Hashable, value: _T) -> None:
        """Keep a value in place of the one that was kept, unless it alone is above the bound."""
        size_bytes = self._size_of(value)
        with self._lock:
            if key in self._values:
                self._bytes -= self._size_of(self._values.pop(key))
            if size_bytes > self._max_bytes:
                return
            self._values[key] = value
            self._bytes += size_bytes
            while self._bytes > self._max_bytes:
                self._bytes -= self._size_of(self._values.popitem(last=False)[1])
