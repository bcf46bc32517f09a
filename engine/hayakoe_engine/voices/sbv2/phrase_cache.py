"""Sentences that were spoken before: homes say the same things every day."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from dataclasses import asdict, dataclass, fields
from functools import cache, partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, Literal

from hayakoe_engine.window import MadeWindow, Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from hayakoe_engine.options import Remember, SynthesisOptions
    from hayakoe_engine.text.reading import Reading
    from hayakoe_engine.voices.phrase_store import PhraseStore
    from hayakoe_engine.voices.sbv2.phones import PhoneSequence
    from hayakoe_engine.voices.voice import VoiceInfo

    Phrase: TypeAlias = tuple[MadeWindow, ...]

Place = Literal["disk", "memory", "nowhere"]

PHRASE_BYTES: Final = 16 << 20
"""Audio that is kept in memory: about a minute and a half at 44.1 kHz."""


def phrase_key(
    identity: str,
    info: VoiceInfo,
    phones: PhoneSequence,
    reading: Reading,
    options: SynthesisOptions,
) -> bytes:
    """A hash of everything that the sound of a sentence depends on, 32 bytes.

    Args:
        identity: Of the voice: its content, its precision and its language model.
        info: Facts about it, which say what options mean to it.
        phones: What is said, and what the language model reads.
        reading: What it was made of; how it ends and is delivered.
        options: How it is said.
    """
    silent = {"remember", *info.ignored_options}
    said = {
        field.name: _as_number(getattr(options, field.name))
        for field in fields(options)
        if field.name not in silent
    }
    said["style"] = options.style or info.styles[0]
    delivery = None if reading.delivery is None else asdict(reading.delivery)
    pause_s = _as_number(reading.end_pause_s)
    spoken = [getattr(phones, field.name) for field in fields(phones)]
    everything = [_engine_version(), identity, spoken, pause_s, delivery, said]
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).digest()


def windows_of(phrase: Phrase) -> Iterator[Window]:
    """The windows of a sentence that is kept, as a voice gives them."""
    for made in phrase:
        yield Window(partial(_same, made), len(made.samples))


def _same(made: MadeWindow) -> MadeWindow:
    return made


@cache
def _engine_version() -> str:
    return version("wyoming-hayakoe")


def _as_number(value: float | str | None) -> float | str | None:
    """Numbers that are equal are written in the same way."""
    return float(value) if isinstance(value, int) else value


@dataclass(frozen=True, slots=True)
class PhraseCacheFigures:
    """What has become of the sentences that could have been remembered, and what is kept.

    Attributes:
        memory_hits: Sentences spoken from memory.
        disk_hits: Sentences spoken from the disk.
        misses: Sentences that had to be made.
        memory_phrases: Sentences in memory.
        memory_bytes: Size of their samples.
        disk_phrases: Sentences on the disk, when something was written for the last time.
        disk_bytes: Their size.
        disk: Whether sentences are kept on the disk: "failed" if the last one could not be.
    """

    memory_hits: int = 0
    disk_hits: int = 0
    misses: int = 0
    memory_phrases: int = 0
    memory_bytes: int = 0
    disk_phrases: int = 0
    disk_bytes: int = 0
    disk: Literal["off", "on", "failed"] = "off"


class PhraseCache:
    """Windows of whole sentences, the least recently used dropped first.

    In memory they are the very same windows; from the store they come as it gives them. What is
    remembered ``until-spoken`` is dropped after everything else, but no more than half of the
    place is for such sentences; beyond that the oldest are as all others.

    May be used from many threads at once.

    Args:
        max_bytes: Bound of the samples kept in memory.
        store: Keeps sentences for later; it is closed with the cache.
    """

    def __init__(self, max_bytes: int = PHRASE_BYTES, store: PhraseStore | None = None) -> None:
        self._max_bytes = max_bytes
        self._store = store
        self._lock = threading.Lock()
        self._phrases: OrderedDict[bytes, _Kept] = OrderedDict()
        self._bytes = 0
        self._memory_hits = 0
        self._disk_hits = 0
        self._misses = 0

    @property
    def figures(self) -> PhraseCacheFigures:
        """How it is doing."""
        store = self._store
        with self._lock:
            return PhraseCacheFigures(
                memory_hits=self._memory_hits,
                disk_hits=self._disk_hits,
                misses=self._misses,
                memory_phrases=len(self._phrases),
                memory_bytes=self._bytes,
                disk_phrases=store.contents.phrases if store else 0,
                disk_bytes=store.contents.bytes if store else 0,
                disk=store.state if store else "off",
            )

    @property
    def place(self) -> Place:
        """Where sentences are kept."""
        if self._store is not None and self._store.state == "on":
            return "disk"
        return "memory" if self._max_bytes else "nowhere"

    def get(self, key: bytes, remember: Remember = "yes") -> Phrase | None:
        """The windows of this sentence, if they are kept."""
        if remember == "no":
            if self._store is not None:
                self._store.open()  # whoever rehearses wants the next one to be fast
            return None
        is_pinned = remember == "until-spoken"
        phrase = self._in_memory(key, is_pinned=is_pinned)
        is_in_memory = phrase is not None
        if phrase is None and self._store is not None:
            phrase = self._store.get(key)
            if phrase is not None:
                self._keep(key, phrase, is_pinned=is_pinned)
        if phrase is not None and self._store is not None:
            if is_pinned:
                self._store.put(key, phrase, pinned=True)
            else:
                self._store.use(key)
        if not is_pinned:
            with self._lock:
                self._memory_hits += is_in_memory
                self._disk_hits += phrase is not None and not is_in_memory
                self._misses += phrase is None
        return phrase

    def record(self, key: bytes, windows: int, remember: Remember = "yes") -> Recording:
        """Begin to keep a sentence of so many windows."""
        return Recording(self, key, windows, remember)

    def put(self, key: bytes, phrase: Phrase, remember: Remember = "yes") -> None:
        """Keep a sentence, unless it would take more than a quarter of the place."""
        if remember == "no":
            return
        is_pinned = remember == "until-spoken"
        self._keep(key, phrase, is_pinned=is_pinned)
        if self._store is not None:
            self._store.put(key, phrase, pinned=is_pinned)

    def flush(self) -> None:
        """Wait until what is to be kept on the disk is there."""
        if self._store is not None:
            self._store.flush()

    def close(self) -> None:
        """Let go of the disk; the second time does nothing."""
        if self._store is not None:
            self._store.close()

    def _in_memory(self, key: bytes, *, is_pinned: bool) -> Phrase | None:
        with self._lock:
            kept = self._phrases.get(key)
            if kept is None:
                return None
            self._phrases.move_to_end(key)
            kept.is_pinned = is_pinned
            self._unpin_oldest()
            return kept.phrase

    def _keep(self, key: bytes, phrase: Phrase, *, is_pinned: bool) -> None:
        kept = _Kept(phrase, sum(window.samples.nbytes for window in phrase), is_pinned)
        if kept.size_bytes > self._max_bytes // 4:
            return
        with self._lock:
            before = self._phrases.pop(key, None)
            self._bytes += kept.size_bytes - (before.size_bytes if before else 0)
            self._phrases[key] = kept
            self._unpin_oldest()
            while self._bytes > self._max_bytes:
                oldest = min(self._phrases, key=lambda key: self._phrases[key].is_pinned)
                self._bytes -= self._phrases.pop(oldest).size_bytes

    def _unpin_oldest(self) -> None:
        pinned_bytes = 0
        for kept in reversed(self._phrases.values()):
            if kept.is_pinned:
                pinned_bytes += kept.size_bytes
                kept.is_pinned = pinned_bytes <= self._max_bytes // 2


@dataclass(slots=True)
class _Kept:
    """A sentence in memory."""

    phrase: Phrase
    size_bytes: int
    is_pinned: bool


class Recording:
    """A sentence on its way into the cache; it gets there when its last window is made."""

    def __init__(self, cache: PhraseCache, key: bytes, windows: int, remember: Remember) -> None:
        self._cache = cache
        self._key = key
        self._remember: Remember = remember
        self._windows: list[MadeWindow | None] = [None] * windows

    def add(self, number: int, made: MadeWindow) -> MadeWindow:
        """Take note of a window; returns it."""
        made.samples.flags.writeable = False  # the next listener gets the same array
        self._windows[number] = made
        phrase = tuple(window for window in self._windows if window is not None)
        if len(phrase) == len(self._windows):
            self._cache.put(self._key, phrase, self._remember)
        return made
