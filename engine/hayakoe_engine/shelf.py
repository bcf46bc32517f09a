"""The voices that are ready, each kept open as long as something speaks with it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hayakoe_engine.voices.voice import Voice


class Held:
    """A voice; when nobody has this object any more, nobody speaks with the voice.

    Attributes:
        voice: The voice.
    """

    def __init__(self, voice: Voice, unused: SimpleQueue[Voice | None]) -> None:
        self.voice = voice
        # Objects may go at any moment in any thread, where nothing else would be safe to do.
        self.end = weakref.finalize(self, unused.put, voice)
        self.end.atexit = False


class Shelf:
    """Voices by name. May be used from many threads at once.

    A voice that is taken away or replaced is closed when the last request that has borrowed it is
    gone.

    Attributes:
        is_closed: Whether there will be no voices any more.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready: dict[str, Held] = {}
        self._all: weakref.WeakSet[Held] = weakref.WeakSet()
        self._lent: weakref.WeakKeyDictionary[object, list[Held]] = weakref.WeakKeyDictionary()
        self._unused: SimpleQueue[Voice | None] = SimpleQueue()
        self._closers = 0
        self.is_closed = False

    def __contains__(self, name: str) -> bool:
        return name in self._ready

    def names(self) -> list[str]:
        """Of the voices that are ready."""
        with self._lock:
            return list(self._ready)

    def get(self, name: str) -> Held | None:
        """The voice that has this name now."""
        return self._ready.get(name)

    def put(self, name: str, voice: Voice) -> bool:
        """Let a voice have this name from now on; returns whether another one had it."""
        with self._lock:
            is_replacing = name in self._ready
            held = Held(voice, self._unused)
            self._all.add(held)
            self._ready[name] = held
        return is_replacing

    def take_away(self, name: str) -> bool:
        """Let no voice have this name; returns whether one had it."""
        with self._lock:
            return self._ready.pop(name, None) is not None

    def close_unused(self) -> None:
        """Close a voice that was replaced or taken away, if it still speaks when it has ended.

        To be called once for each.
        """
        if not self._close_one():
            with self._lock:
                self._closers += 1
            threading.Thread(
                target=_close_next, args=(self._unused,), name="hayakoe-closer", daemon=True
            ).start()

    def lend(self, held: Held, borrower: object) -> None:
        """Keep a voice open as long as the borrower exists."""
        with self._lock:
            self._lent.setdefault(borrower, []).append(held)

    def lent_to(self, borrower: object) -> Mapping[str, Voice]:
        """All voices for a borrower; one that it looks up stays the same for it, and open."""
        return _Lent(self, borrower)

    def close(self) -> None:
        """Close all voices, with none of which anybody speaks any more."""
        with self._lock:
            self.is_closed = True
            self._ready.clear()
            held = list(self._all)
        for voice in held:
            voice.end()
        while self._close_one():
            pass
        for _ in range(self._closers):
            self._unused.put(None)

    def _close_one(self) -> bool:
        try:
            _close(self._unused.get_nowait())
        except Empty:
            return False
        return True


class _Lent(Mapping[str, "Voice"]):
    def __init__(self, shelf: Shelf, borrower: object) -> None:
        self._shelf = shelf
        self._borrower = borrower
        self._voices: dict[str, Voice] = {}

    def __getitem__(self, name: str) -> Voice:
        if name not in self._voices:
            held = self._shelf.get(name)
            if held is None:
                raise KeyError(name)
            self._shelf.lend(held, self._borrower)
            self._voices[name] = held.voice
        return self._voices[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shelf.names())

    def __len__(self) -> int:
        return len(self._shelf.names())


def _close_next(unused: SimpleQueue[Voice | None]) -> None:
    _close(unused.get())


def _close(voice: Voice | None) -> None:
    if voice is not None:  # else there is nothing left to wait for
        voice.close()
