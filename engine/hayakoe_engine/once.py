"""Something that is made at its first use."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class Once(Generic[_T]):
    """Something that is made at its first use, once, however many threads ask for it.

    Args:
        make: Makes it.
    """

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._value: _T | None = None

    def begin(self) -> None:
        """Make it beside other things, if it is not there; what goes wrong ``get`` will raise."""
        if self._value is None:
            threading.Thread(target=self._try, name="hayakoe-once", daemon=True).start()

    def get(self) -> _T:
        """It, made now if it has not been yet."""
        with self._lock:
            if self._value is None:
                self._value = self._make()
            return self._value

    def _try(self) -> None:
        with suppress(Exception):
            self.get()
