"""The voices of an engine by their names: named, being made, ready, and let go."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, field, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

from hayakoe_engine.errors import BusyError, VoiceNotFound
from hayakoe_engine.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from hayakoe_engine.options import SynthesisOptions
    from hayakoe_engine.speaker import Speaker
    from hayakoe_engine.text.reading import Reading
    from hayakoe_engine.voices.voice import Voice, VoiceInfo
    from hayakoe_engine.window import MadeWindow

    Origin: TypeAlias = str | Callable[[], Voice]
    """Where a voice comes from: the URI of a source, or what makes it."""


class Roster:
    """Which voices there are. May be used from many threads at once.

    While a voice is made only those wait who want the same one. A voice that has been unloaded or
    replaced is closed when the last utterance that speaks with it has ended.

    Args:
        speaker_of: Makes the speaker for a name.
    """

    def __init__(self, speaker_of: Callable[[str], Speaker]) -> None:
        self._speaker_of = speaker_of
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._voices: dict[str, Voice] = {}
        self._speakers = _Speakers()
        self._held: weakref.WeakSet[_HeldVoice] = weakref.WeakSet()
        self._unused: SimpleQueue[Voice] = SimpleQueue()
        self._is_closed = False

    @property
    def voices(self) -> Mapping[str, Voice]:
        """The voices that are ready, always the same mapping."""
        return self._voices

    @property
    def speakers(self) -> Mapping[str, Speaker]:
        """Their speakers as they are at this moment; an unknown name is a ``VoiceNotFound``."""
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
                if may_stay and name in self._voices:
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
            was_ready = self._voices.pop(name, None) is not None
            self._show_speakers()
        if was_ready:
            self._close_unused()

    def close(self) -> None:
        """Close all voices, none of which is speaking; what is being made is closed when it is."""
        with self._lock:
            self._is_closed = True
            self._entries.clear()
            self._show_speakers()
            held = list(self._held)
        for voice in held:
            voice.end()
        while self._close_one():
            pass

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
            is_replacing = name in self._voices
            held = _HeldVoice(voice, self._unused)
            self._held.add(held)
            self._voices[name] = held
            self._show_speakers()
        if is_replacing:
            self._close_unused()
        return True

    def _show_speakers(self) -> None:
        """Take another mapping, because somebody may be iterating over this one."""
        self._speakers = _Speakers(
            {
                name: self._speakers.get(name) or self._speaker_of(name)
                for name in self._voices
                if name in self._entries
            }
        )

    def _close_unused(self) -> None:
        """Close a voice that was let go, now or, if it is still speaking, when it has finished."""
        if not self._close_one():
            threading.Thread(
                target=_close_next, args=(self._unused,), name="hayakoe-closer", daemon=True
            ).start()

    def _close_one(self) -> bool:
        try:
            voice = self._unused.get_nowait()
        except Empty:
            return False
        voice.close()
        return True


@dataclass(slots=True, eq=False)
class _Entry:
    """A name.

    Attributes:
        origin: Where its next voice comes from.
        making: Held while one is made.
    """

    origin: Origin
    making: threading.Lock = field(default_factory=threading.Lock)


class _HeldVoice:
    """A voice as everybody else sees it: whatever speaks with it, keeps it.

    So when this object is gone nobody speaks with the voice any more.

    Args:
        voice: The voice.
        unused: Where it goes then.
    """

    def __init__(self, voice: Voice, unused: SimpleQueue[Voice]) -> None:
        self._voice = voice
        # Objects may go at any moment in any thread, where nothing else is safe to do.
        self._end = weakref.finalize(self, unused.put, voice)
        self._end.atexit = False

    @property
    def info(self) -> VoiceInfo:
        return self._voice.info

    def begin(
        self, reading: Reading, options: SynthesisOptions, rng: np.random.Generator
    ) -> Iterator[NDArray[np.float32] | Window]:
        return map(self._keeping, self._voice.begin(reading, options, rng))

    def close(self) -> None:
        self._voice.close()

    def end(self) -> None:
        """Treat it as gone."""
        self._end()

    def _keeping(self, window: NDArray[np.float32] | Window) -> NDArray[np.float32] | Window:
        if not isinstance(window, Window):
            return window
        return replace(window, make=partial(self._make, window.make))

    def _make(self, make: Callable[[], MadeWindow]) -> MadeWindow:
        return make()


class _Speakers(dict[str, "Speaker"]):
    def __missing__(self, name: str) -> Speaker:
        prepared = ", ".join(self) or "none; call prepare() first"
        raise VoiceNotFound(f"there is no voice {name!r}; prepared voices: {prepared}")


def _close_next(unused: SimpleQueue[Voice]) -> None:
    unused.get().close()
