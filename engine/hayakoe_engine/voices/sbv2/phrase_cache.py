"""Sentences that were spoken before: homes say the same things every day."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable

    from hayakoe_engine.window import MadeWindow

PHRASE_BYTES: Final = 16 << 20
"""Audio that is kept: about a minute and a half at 44.1 kHz."""


class PhraseCache:
    """Windows of whole sentences, the least recently used dropped first.

    May be used from many threads at once.

    Args:
        max_bytes: Bound of the samples kept.
    """

    def __init__(self, max_bytes: int = PHRASE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._phrases: OrderedDict[Hashable, tuple[MadeWindow, ...]] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable) -> tuple[MadeWindow, ...] | None:
        """The windows of this sentence, if they are kept."""
        with self._lock:
            if key in self._phrases:
                self._phrases.move_to_end(key)
            return self._phrases.get(key)

    def record(self, key: Hashable, windows: int) -> Recording:
        """Begin to keep a sentence of so many windows."""
        return Recording(self, key, windows)

    def put(self, key: Hashable, phrase: tuple[MadeWindow, ...]) -> None:
        """Keep a sentence, unless it would take more than a quarter of the place."""
        size = _size(phrase)
        if size > self._max_bytes // 4:
            return
        with self._lock:
            self._bytes += size - _size(self._phrases.pop(key, ()))
            self._phrases[key] = phrase
            while self._bytes > self._max_bytes:
                self._bytes -= _size(self._phrases.popitem(last=False)[1])


class Recording:
    """A sentence on its way into the cache; it gets there when its last window is made."""

    def __init__(self, cache: PhraseCache, key: Hashable, windows: int) -> None:
        self._cache = cache
        self._key = key
        self._windows: list[MadeWindow | None] = [None] * windows

    def add(self, number: int, made: MadeWindow) -> MadeWindow:
        """Take note of a window; returns it."""
        made.samples.flags.writeable = False  # the next listener gets the same array
        self._windows[number] = made
        phrase = tuple(window for window in self._windows if window is not None)
        if len(phrase) == len(self._windows):
            self._cache.put(self._key, phrase)
        return made


def _size(phrase: tuple[MadeWindow, ...]) -> int:
    return sum(window.samples.nbytes for window in phrase)
