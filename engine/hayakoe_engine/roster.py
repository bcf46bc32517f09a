"""The voices of an engine by their names: named, being made, ready, and let go."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from hayakoe_engine.errors import BusyError, VoiceNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from hayakoe_engine.shelf import Shelf
    from hayakoe_engine.speaker import Speaker
    from hayakoe_engine.voices.voice import Voice

    Origin: TypeAlias = str | Callable[[], Voice]
    """Where a voice comes from: the URI of a source, or what makes it."""


class Roster:
    """Which voices there are. May be used from many threads at once.

    While a voice is made only those wait who want the same one.

    Args:
        shelf: Takes the voices that are ready.
        speaker_of: Makes the speaker for a name.
    """

    def __init__(self, shelf: Shelf, speaker_of: Callable[[str], Speaker]) -> None:
        self._shelf = shelf
        self._speaker_of = speaker_of
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._speakers = _Speakers()
        self._is_closed = False

    @property
    def speakers(self) -> Mapping[str, Speaker]:
        """Who can speak at this moment; an unknown name is a ``VoiceNotFound``."""
        return self._speakers

    def name(self, name: str, origin: Origin) -> None:
        """Say that there is to be a voice, or that the next one of this name comes from here."""
        with self._lock:
            self._entries.setdefault(name, _Entry(origin)).origin = origin

    def origins(self, names: Collection[str] | None = None) -> dict[str, Origin]:
        """Where the voices of these names come from; None is all of them.

        Raises:
            VoiceNotFound: One has not been named.
            BusyError: The roster is closed.
        """
        self._check_open()
        with self._lock:
            wanted = self._entries if names is None else names
            return {name: self._entry(name).origin for name in wanted}

    def fill(
        self, name: str, make: Callable[[str, Origin], Voice], *, may_stay: bool = True
    ) -> None:
        """Have a voice made, unless it has been unloaded by now.

        Args:
            name: Of the voice.
            make: Makes it. What it raises is raised here, and then nothing has changed.
            may_stay: Whether the voice that is there may stay, if there is one.

        Raises:
            BusyError: The roster is closed.
        """
        entry = self._entries.get(name)
        if entry is None:
            return
        with entry.making:
            while self._entries.get(name) is entry:
                self._check_open()
                if may_stay and name in self._shelf:
                    return
                origin = entry.origin
                voice = make(name, origin)
                if self._seat(name, entry, origin, voice):
                    return
                voice.close()
        self._check_open()

    def remove(self, name: str) -> None:
        """Forget a voice.

        Raises:
            VoiceNotFound: There is none of this name.
        """
        with self._lock:
            self._entry(name)
            del self._entries[name]
            was_ready = self._shelf.take_away(name)
            self._show_speakers()
        if was_ready:
            self._shelf.close_unused()

    def close(self) -> None:
        """Close all voices, none of which is speaking; what is being made is closed when it is."""
        with self._lock:
            self._is_closed = True
            self._entries.clear()
            self._show_speakers()
        self._shelf.close()

    def _entry(self, name: str) -> _Entry:
        try:
            return self._entries[name]
        except KeyError:
            known = ", ".join(self._entries) or "none"
            raise VoiceNotFound(f"there is no voice {name!r}; loaded voices: {known}") from None

    def _check_open(self) -> None:
        if self._is_closed:
            raise BusyError("the engine is closed")

    def _seat(self, name: str, entry: _Entry, origin: Origin, voice: Voice) -> bool:
        """Let it speak from now on; not if it is not what is wanted any more."""
        with self._lock:
            if self._entries.get(name) is not entry or entry.origin != origin:
                return False
            is_replacing = self._shelf.put(name, voice)
            self._show_speakers()
        if is_replacing:
            self._shelf.close_unused()
        return True

    def _show_speakers(self) -> None:
        """Take another mapping, because somebody may be iterating over this one."""
        self._speakers = _Speakers(
            {
                name: self._speakers.get(name) or self._speaker_of(name)
                for name in self._shelf.names()
                if name in self._entries
            }
        )


@dataclass(slots=True, eq=False)
class _Entry:
    """A name.

    Attributes:
        origin: Where its next voice comes from.
        making: Held while one is made.
    """

    origin: Origin
    making: threading.Lock = field(default_factory=threading.Lock)


class _Speakers(dict[str, "Speaker"]):
    def __missing__(self, name: str) -> Speaker:
        prepared = ", ".join(self) or "none; call prepare() first"
        raise VoiceNotFound(f"there is no voice {name!r}; prepared voices: {prepared}")
