"""The voices of a running server: made ready in the background, added, made anew, removed."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, Literal

from hayakoe_engine.errors import (
    BadOption,
    BusyError,
    HayakoeError,
    SourceUnreachable,
    VoiceError,
    VoiceNotFound,
)
from hayakoe_engine.tts import EMBEDDED_VOICE
from wyoming_hayakoe.voices import VoiceBook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol, TypeAlias

    from hayakoe_engine.sources.progress import FetchProgress
    from hayakoe_engine.tts import TTS
    from hayakoe_engine.voices.voice import Voice
    from wyoming_hayakoe.added_voices import AddedVoices
    from wyoming_hayakoe.settings import NeuralVoice, Settings

    Origin: TypeAlias = Callable[[str, NeuralVoice], str | Callable[[], Voice]]

    class Renewal(Protocol):
        """Has a voice made anew elsewhere, and waits until it is."""

        def __call__(self, name: str, voice: NeuralVoice, *, update: bool) -> None:
            """Do it, or raise a ``HayakoeError``."""


_LOG = logging.getLogger(__name__)

MAX_ADDED: Final = 64
"""Voices that may be added to those of the settings."""

RETRY_S: Final = 60.0
"""Time until a source that did not answer is asked again."""

_FAREWELL_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceStatus:
    """How it is with a neural voice.

    Attributes:
        name: What clients call it.
        title: What people call it, if somebody has said so.
        source: Where it comes from, a URI.
        state: ``loading`` also when it is made anew for the first time; a voice that is made anew
            later stays ``ready``.
        failure: Why it is not there, or could not be made anew.
        is_added: Whether it was added while the server ran; then it can be removed.
        fetched_bytes: What has come of its files.
        total_bytes: Their size; 0 if nothing is being fetched.
        took_s: Time it took to make it ready.
    """

    name: str
    title: str | None
    source: str
    state: Literal["ready", "loading", "failed"]
    failure: str | None = None
    is_added: bool = False
    fetched_bytes: int = 0
    total_bytes: int = 0
    took_s: float | None = None


class VoiceLibrary:
    """Makes voices ready one after the other, in a thread of its own.

    Its methods may be called from any thread; those that are coroutines wait for files in another
    one, but never for a voice to be ready.

    Args:
        tts: The engine; the embedded voice is prepared.
        settings: Say what voices there are, and what clients may choose.
        added: Keeps what is added.
        origin: What the engine loads a voice from; None is its source.
        renew: Has those make a voice anew whom the engine has it from.

    Raises:
        ConfigError: A setting names a voice that does not exist.
    """

    def __init__(
        self,
        tts: TTS,
        settings: Settings,
        added: AddedVoices,
        *,
        origin: Origin | None = None,
        renew: Renewal | None = None,
    ) -> None:
        self._tts = tts
        self._settings = settings
        self._added = added
        self._origin = origin or _source
        self._renew_there = renew
        self._voices: dict[str, NeuralVoice] = {}
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._retries: dict[str, float] = {}
        self._statuses: dict[str, VoiceStatus] = {}
        self._current: tuple[str, NeuralVoice] | None = None
        self._is_ended = False
        self._listeners: list[Callable[[VoiceBook], None]] = []
        self._thread = threading.Thread(target=self._work, name="hayakoe-voices", daemon=True)
        for name, voice in settings.voices.items():
            self._admit(name, voice, is_added=False)
        for name, voice in self._load_added().items():
            if name not in self._statuses and name not in settings.presets:
                self._admit(name, voice, is_added=True)
        self._book = self._build(is_lenient=False)

    @property
    def book(self) -> VoiceBook:
        """What clients may choose now."""
        return self._book

    @property
    def is_settled(self) -> bool:
        """Whether no voice is being made ready."""
        return all(status.state != "loading" for status in self.statuses())

    def statuses(self) -> list[VoiceStatus]:
        """How it is with every neural voice, by name."""
        with self._lock:
            return sorted(self._statuses.values(), key=lambda status: status.name)

    def follow(self, listener: Callable[[VoiceBook], None]) -> None:
        """Have this called, in any thread, with every new book; it must not call back."""
        self._listeners.append(listener)

    def note(self, progress: FetchProgress) -> None:
        """Take note of how a download goes; for the engine to call.

        Raises:
            VoiceNotFound: The voice has been removed, so that nobody waits for its files.
        """
        with self._lock:
            if self._current is None:
                return
            name, voice = self._current
            if self._voices.get(name) is not voice:
                raise VoiceNotFound(f"voice {name} has been removed")
            self._change(name, fetched_bytes=progress.done_bytes, total_bytes=progress.total_bytes)

    def start(self) -> None:
        """Begin to make voices ready."""
        for status in self.statuses():
            self._jobs.put(partial(self._prepare, status.name))
        self._thread.start()

    def end(self) -> None:
        """Begin no more, and tell nobody of what comes; call it before the engine is closed."""
        with self._lock:
            self._is_ended = True
        self._jobs.put(None)

    def stop(self) -> bool:
        """Begin no more; returns whether nothing is left that is being made."""
        self.end()
        if self._thread.ident is not None:
            self._thread.join(_FAREWELL_S)
        return not self._thread.is_alive()

    async def add(self, name: str, voice: NeuralVoice) -> None:
        """Add a voice and begin to make it ready; clients see it at once.

        Raises:
            BadOption: There is something of this name already, or there are too many voices.
        """
        await asyncio.to_thread(self._add, name, voice)

    async def remove(self, name: str) -> None:
        """Let go of a voice that was added; what it is speaking it speaks to the end.

        Its files stay in the cache.

        Raises:
            VoiceNotFound: There is no neural voice of this name.
            BadOption: It was not added; only who changes the settings can remove it.
        """
        await asyncio.to_thread(self._remove, name)

    async def reload(self, name: str, *, update: bool = False) -> None:
        """Begin to make a voice anew; until that is done the one there is speaks.

        Args:
            name: Of the voice.
            update: Whether its source is asked for what it has now.

        Raises:
            VoiceNotFound: There is no neural voice of this name.
        """
        with self._lock:
            self._known(name)
        self._jobs.put(partial(self._prepare, name, anew=True, update=update))

    def _add(self, name: str, voice: NeuralVoice) -> None:
        with self._lock:
            if name in self._statuses or name in (EMBEDDED_VOICE, *self._settings.presets):
                raise BadOption(f"there is a voice {name!r} already")
            if sum(status.is_added for status in self._statuses.values()) >= MAX_ADDED:
                raise BadOption(f"{MAX_ADDED} voices have been added already; remove one first")
            self._admit(name, voice, is_added=True)
            book = self._renew()
        self._keep(name, voice)
        self._announce(book)
        self._jobs.put(partial(self._prepare, name))

    def _remove(self, name: str) -> None:
        with self._lock:
            if not self._known(name).is_added:
                raise BadOption(
                    f"voice {name!r} is in the settings (voices.{name}); remove it there"
                )
            del self._statuses[name], self._voices[name]
            self._retries.pop(name, None)
            with suppress(VoiceNotFound):
                self._tts.unload(name)
            book = self._renew()
        self._keep(name, None)
        self._announce(book)

    def _load_added(self) -> dict[str, NeuralVoice]:
        try:
            return self._added.load()
        except HayakoeError as error:
            _LOG.error("the voices that were added are not there: %s", error)
            return {}

    def _keep(self, name: str, voice: NeuralVoice | None) -> None:
        try:
            self._added.put(name, voice)
        except (OSError, HayakoeError) as error:
            _LOG.warning("voice %s: this will be forgotten at the next start: %s", name, error)

    def _admit(self, name: str, voice: NeuralVoice, *, is_added: bool) -> None:
        self._tts.load(name, source=self._origin(name, voice))
        self._voices[name] = voice
        self._statuses[name] = VoiceStatus(
            name=name, title=voice.title, source=voice.source, state="loading", is_added=is_added
        )

    def _known(self, name: str) -> VoiceStatus:
        try:
            return self._statuses[name]
        except KeyError:
            known = ", ".join(self._statuses) or "none"
            raise VoiceNotFound(
                f"there is no neural voice {name!r}; the neural voices are {known}"
            ) from None

    def _change(self, name: str, **changes: object) -> None:
        self._statuses[name] = replace(self._statuses[name], **changes)  # type: ignore[arg-type]

    # In the thread

    def _work(self) -> None:
        while (job := self._next_job()) is not None:
            job()

    def _next_job(self) -> Callable[[], None] | None:
        while True:
            try:
                return self._jobs.get(timeout=self._until_retry_s())
            except Empty:
                for name in self._due():
                    self._jobs.put(partial(self._prepare, name))

    def _until_retry_s(self) -> float | None:
        with self._lock:
            due = min(self._retries.values(), default=None)
        return None if due is None else max(0.0, due - time.monotonic())

    def _due(self) -> list[str]:
        """The voices whose sources are to be asked again now."""
        with self._lock:
            now = time.monotonic()
            due = [name for name, at in self._retries.items() if at <= now]
            for name in due:
                del self._retries[name]
        return due

    def _prepare(self, name: str, *, anew: bool = False, update: bool = False) -> None:
        with self._lock:
            if self._is_ended or name not in self._statuses:
                return
            voice = self._voices[name]
            self._current = name, voice
            if self._statuses[name].state == "failed":
                self._change(name, state="loading")
            book = self._renew()
        self._announce(book)
        begun = time.perf_counter()
        if anew:
            failure = failure_of(name, partial(self._reload, name, update=update))
        else:
            failure = failure_of(name, partial(self._tts.prepare, [name]))
        self._current = None
        if isinstance(failure, BusyError | VoiceNotFound):
            return  # the engine is closed, or the voice was removed
        self._settle(name, voice, failure, time.perf_counter() - begun)

    def _reload(self, name: str, *, update: bool) -> None:
        voice = self._voices.get(name)
        if self._renew_there is not None and voice is not None:
            self._renew_there(name, voice, update=update)
        self._tts.reload(name, update=update)

    def _settle(
        self, name: str, voice: NeuralVoice, failure: HayakoeError | None, took_s: float
    ) -> None:
        with self._lock:
            if self._is_ended or self._voices.get(name) is not voice:
                return
            is_there = name in self._tts.speakers
            self._change(
                name,
                state="ready" if is_there else "failed",
                failure=None if failure is None else str(failure),
                took_s=None if failure else took_s,
                fetched_bytes=0,
                total_bytes=0,
            )
            if isinstance(failure, SourceUnreachable) and not is_there:
                self._retries[name] = time.monotonic() + RETRY_S
            book = self._renew()
        if failure is None:
            _LOG.info("voice %s is ready after %.1f s", name, took_s)
        else:
            hint = f"; {failure.hint}" if failure.hint else ""
            what = "stays as it was" if is_there else "is not there"
            _LOG.error("voice %s %s: %s%s", name, what, failure, hint)
        self._announce(book)

    def _renew(self) -> VoiceBook:
        """Let clients choose what there is now; the lock is held, so that no status is ahead."""
        self._book = self._build(is_lenient=True)
        for listener in self._listeners:
            listener(self._book)
        return self._book

    def _announce(self, book: VoiceBook) -> None:
        for problem in book.problems:
            _LOG.warning("%s", problem)
        for setting in book.replaced:
            _LOG.warning(
                "%s names a voice that is not there; %s speaks in its place",
                setting,
                EMBEDDED_VOICE,
            )

    def _build(self, *, is_lenient: bool) -> VoiceBook:
        statuses = self._statuses.values()
        return VoiceBook(
            self._tts.speakers,
            self._settings.speech,
            self._settings.presets,
            self._settings.voice,
            titles={status.name: status.title for status in statuses if status.title},
            missing=_in_state("failed", statuses),
            loading=_in_state("loading", statuses),
            is_lenient=is_lenient,
        )


def failure_of(name: str, make: Callable[[], object]) -> HayakoeError | None:
    """What making this voice failed with, whatever it is: one bad voice must not silence others."""
    try:
        make()
    except HayakoeError as error:
        return error
    except Exception as error:  # noqa: BLE001 - see above
        _LOG.debug("voice %s", name, exc_info=True)
        return VoiceError(f"{type(error).__name__}: {error}")
    return None


def _source(_: str, voice: NeuralVoice) -> str:
    return voice.source


def _in_state(state: str, statuses: Iterable[VoiceStatus]) -> list[str]:
    return [status.name for status in statuses if status.state == state]
