"""One request of the scheduler: work goes in, windows of audio come out in order.

A piece of work is an iterator. It gives samples, windows that are still to be made, or sentences,
which are iterators of those. Windows that are still to be made are made several at once, while the
iterator prepares the next. A sentence that fails, or of which nothing is heard in time, is said by
another voice.
"""

from __future__ import annotations

import asyncio
import time
from bisect import insort
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, Self, TypeVar

from hayakoe_engine.errors import HayakoeError, InferenceFailed
from hayakoe_engine.passage import Passage, Replacement, Source
from hayakoe_engine.window import MadeWindow, Window

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias

    from hayakoe_engine.passage import Made

    Piece: TypeAlias = Callable[[], Iterator[Made | Passage]]

_T = TypeVar("_T")

AHEAD_S: Final = 5.0
"""Audio that a stream may have made and its consumer not yet taken, in seconds."""


class Shared(Protocol):
    """What a stream knows of the scheduler.

    Attributes:
        lock: Held for every change of a stream.
    """

    lock: threading.Condition

    def clock(self) -> float:
        """The time, in seconds."""
        ...

    @property
    def order(self) -> Iterator[int]:
        """Numbers in the order in which streams were opened."""
        ...

    def join(self, stream: WorkStream) -> None:
        """Take the stream in.

        Raises:
            BusyError: There are too many.
        """
        ...

    def changed(self, stream: WorkStream) -> None:
        """See whether there is something to do for it; the lock is held."""
        ...


class WorkStream:
    """One request: add pieces of work, take windows, in order.

    A piece is an iterator; every ``next()`` is one bounded piece of work, and samples of length 0
    only let others go first. Iterate the stream from a thread or, with ``async for``, from a task;
    from one consumer only.

    Args:
        shared: The scheduler.
        sample_rate_hz: Rate of all its audio.
        priority: Who goes first.
        deadline_s: A sentence of which nothing is heard for so long is said by another voice, if
            there is one; None waits for ever.

    Attributes:
        produced_s: Audio made so far, in seconds.
        work_s: Time the workers have spent on it, in seconds.
        replacements: The sentences that were said by another voice so far.
        served_at: When a worker has last begun to work on it, or it was opened.
        queue_s: Time that its first piece of work waited for a worker; None as long as it does.
    """

    def __init__(
        self, shared: Shared, sample_rate_hz: int, priority: int, deadline_s: float | None = None
    ) -> None:
        self._shared = shared
        self._rate_hz = sample_rate_hz
        self.priority = priority
        self.deadline_s = deadline_s
        self.order = next(shared.order)
        self.produced_s = 0.0
        self.work_s = 0.0
        self.replacements: list[Replacement] = []
        self.served_at = shared.clock()
        self.queue_s: float | None = None
        self._numbers = 0
        self._pieces: deque[Source] = deque()
        self._sentences: list[Source] = []
        self._slots: list[_Slot] = []
        self._steps = 0
        self._plays_until = 0.0
        self._only_stand_in = False
        self._ended = False
        self._failed = False
        self._closed = False
        self._wake: Callable[[], object] | None = None
        shared.join(self)

    def add(self, piece: Piece) -> None:
        """Append work; ignored once the stream is closed."""
        with self._shared.lock:
            if not self._closed:
                self._pieces.append(Source(piece, 0, self._shared.clock()))
                self._shared.changed(self)

    def end(self) -> None:
        """Say that no more work will be added."""
        with self._shared.lock:
            self._ended = True
            self._shared.changed(self)

    def close(self) -> None:
        """Drop all work and all audio not taken; windows being made are the last."""
        with self._shared.lock:
            self._closed = True
            self._ended = True
            self._slots.clear()
            dropped = self._drop_all()
            self._shared.changed(self)
        _close(dropped)

    @property
    def is_busy(self) -> bool:
        """Whether there is work to be done or a window to be taken."""
        with self._shared.lock:
            return self._has_work or bool(self._steps) or bool(self._slots)

    # What the consumer calls

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> MadeWindow:
        with self._shared.lock:
            while (window := self._take()) is None:
                if self.is_over:
                    raise StopIteration
                self._shared.lock.wait()
            return window

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> MadeWindow:
        loop = asyncio.get_running_loop()
        arrived = asyncio.Event()
        try:
            while True:
                with self._shared.lock:
                    if (window := self._take()) is not None:
                        return window
                    if self.is_over:
                        raise StopAsyncIteration
                    self._wake = lambda: loop.call_soon_threadsafe(arrived.set)
                await arrived.wait()
                arrived.clear()
        finally:
            self._wake = None

    def _take(self) -> MadeWindow | None:
        if not self._slots or self._slots[0].outcome is None or self._awaits_stand_in:
            return None
        slot = self._slots.pop(0)
        outcome = slot.outcome
        if isinstance(outcome, Exception):
            self._slots.clear()
            self._shared.changed(self)
            raise outcome
        if slot.source is not None:
            slot.source.went_out = True
        self._plays_until = max(self._plays_until, self._shared.clock())
        self._plays_until += slot.length / self._rate_hz
        self._shared.changed(self)
        return outcome

    # What the workers call; the lock is held but in step()

    @property
    def is_runnable(self) -> bool:
        """Whether a worker could do something for it now."""
        if any(slot.uses_all_cpus and slot.outcome is None for slot in self._slots):
            return False
        following = self._next
        if self._failed or following is None or following.is_advancing:
            return False
        return self.waiting_s < AHEAD_S

    @property
    def waiting_s(self) -> float:
        """Audio made or being made and not taken yet, in seconds."""
        return sum(slot.length for slot in self._slots) / self._rate_hz

    @property
    def promised_s(self) -> float:
        """Audio made or being made so far, in seconds."""
        making = sum(slot.length for slot in self._slots if slot.outcome is None)
        return self.produced_s + making / self._rate_hz

    @property
    def dry_since(self) -> float | None:
        """When the audio ran out that its listener has got.

        None before the first, and where more lies ready.
        """
        awaited = self._awaited
        if awaited is None or not self._plays_until:
            return None
        return self._silent_since(awaited)

    @property
    def due_at(self) -> float | None:
        """When the other voice has to step in; None if nothing waits for it."""
        awaited = self._awaited
        if self.deadline_s is None or awaited is None:
            return None
        if not awaited.can_be_replaced and (awaited is not self._next or awaited.is_advancing):
            return None
        if awaited.passage is not None and not (awaited.can_be_replaced or awaited.is_stand_in):
            return None
        return self._silent_since(awaited) + self.deadline_s

    def rescue(self) -> list[Source]:
        """Let the other voice say the sentence that is due, if that has come to be a sentence.

        Returns:
            What is to be closed, without the lock.
        """
        awaited = self._awaited
        if awaited is None or not awaited.can_be_replaced:
            return []
        return self._replace(awaited, None)

    def _silent_since(self, awaited: Source) -> float:
        """When it was asked for, or, if that is later, all that was taken had been played."""
        return max(awaited.asked_at, self._plays_until)

    @property
    def _awaited(self) -> Source | None:
        """What the next window comes from, if that window is not there yet."""
        if self._failed or self._closed:
            return None
        if self._slots and not self._awaits_stand_in:
            return self._slots[0].source if self._slots[0].outcome is None else None
        return self._next

    @property
    def _next(self) -> Source | None:
        """What the next window will be taken from."""
        if self._sentences:
            return self._sentences[0]
        return self._pieces[0] if self._pieces else None

    @property
    def _awaits_stand_in(self) -> bool:
        """Whether a sentence is made anew that comes before all windows that are there."""
        return bool(self._sentences) and self._sentences[0].number < self._slots[0].number

    @property
    def _has_work(self) -> bool:
        return not self._failed and self._next is not None

    @property
    def is_over(self) -> bool:
        """Whether the consumer gets nothing more; a worker may still be in a step."""
        return self._closed or (self._ended and not self._has_work and not self._slots)

    @property
    def is_gone(self) -> bool:
        """Whether it is over and no worker is at it."""
        return self.is_over and not self._steps and not self._slots

    def begin_step(self) -> Source:
        """A worker takes the stream on; there is work and nobody else is taking windows."""
        self._steps += 1
        self.served_at = self._shared.clock()
        source = self._sentences[0] if self._sentences else self._pieces[0]
        if self.queue_s is None:
            self.queue_s = self.served_at - source.asked_at
        source.is_advancing = True
        return source

    def step(self, source: Source) -> None:
        """Take the next window from its work, and make it."""
        window, slot = self._pull(source)
        if window is None or slot is None:
            return
        made, spent_s = _timed(window.make)
        with self._shared.lock:
            dropped = self._settle(slot, made, spent_s)
            self._shared.changed(self)
        _close(dropped)

    def end_step(self) -> None:
        """The worker is done with the stream."""
        self._steps -= 1

    def fail(self, error: Exception) -> list[Source]:
        """End the stream with this error; returns what is to be closed, without the lock."""
        self._slots[:] = [] if self._closed else [_Slot(None, 0, outcome=error)]
        self._failed = self._ended = True
        return self._drop_all()

    def wake(self) -> None:
        """Tell a waiting task to look again."""
        if self._wake is not None:
            with suppress(RuntimeError):  # its event loop is closed: nobody waits any more
                self._wake()

    def _pull(self, source: Source) -> tuple[Window | None, _Slot | None]:
        """The next window that is to be made, with its place in the order."""
        result, spent_s = _timed(source.advance)
        window = slot = None
        with self._shared.lock:
            self.work_s += spent_s
            source.is_advancing = False
            dropped: list[Source] = []
            if source.is_dropped:
                dropped = [source]
            else:
                window, slot, dropped = self._receive(source, result)
            self._shared.changed(self)
        _close(dropped)
        return window, slot

    def _receive(
        self, source: Source, result: Made | Passage | Exception | None
    ) -> tuple[Window | None, _Slot | None, list[Source]]:
        """What becomes of what a source has given."""
        if result is None:
            self._remove(source)
        elif isinstance(result, Passage):
            self._sentences.append(self._sentence(result, source))
        elif isinstance(result, Window):
            slot = self._add_slot(source, result.length, uses_all_cpus=result.uses_all_cpus)
            return result, slot, []
        elif isinstance(result, Exception):
            return None, None, self._settle(self._add_slot(source), result, 0.0)
        elif len(result):
            return None, None, self._settle(self._add_slot(source), MadeWindow(result), 0.0)
        return None, None, []

    def _sentence(self, passage: Passage, piece: Source) -> Source:
        self._numbers += 1
        if self._only_stand_in and passage.instead is not None:
            return Source(passage.instead, self._numbers, piece.asked_at, passage, is_stand_in=True)
        return Source(passage.begin, self._numbers, piece.asked_at, passage)

    def _add_slot(self, source: Source, length: int = 0, *, uses_all_cpus: bool = False) -> _Slot:
        """Its place is behind all of the same sentence, and before those of later ones."""
        passage, number, sentence = source.passage, source.number, None
        if passage is None:
            number = self._numbers = self._numbers + 1
        elif not source.has_begun:
            source.has_begun = True
            sentence = passage.text
        slot = _Slot(source, number, length, uses_all_cpus, sentence)
        if not self._closed:
            insort(self._slots, slot, key=lambda other: other.number)
        return slot

    def _settle(self, slot: _Slot, made: MadeWindow | Exception, spent_s: float) -> list[Source]:
        """Take note of what came of a window; returns what is to be closed."""
        self.work_s += spent_s
        if slot not in self._slots:  # closed, or another voice says the sentence
            return []
        if isinstance(made, Exception):
            source = slot.source
            if source is not None and source.has_other_voice:
                return self._replace(source, made, slot)
            slot.outcome = made
            self._failed = self._ended = True
            return self._drop_all()
        slot.length = len(made.samples)
        slot.outcome = made._replace(sentence=slot.sentence)
        self.produced_s += slot.length / self._rate_hz
        return []

    def _replace(
        self, source: Source, reason: Exception | None, failed: _Slot | None = None
    ) -> list[Source]:
        """Let the other voice say the sentence, or, if audio of it has gone out, the next ones."""
        passage = source.passage
        if passage is None or passage.instead is None:
            return []
        first = 0 if failed is None or not source.went_out else self._slots.index(failed)
        rest = [slot for slot in self._slots[first:] if slot.source is not source]
        self._slots[first:] = rest
        self.replacements.append(Replacement(passage.text, reason, is_lost=source.went_out))
        if source.went_out:
            self._only_stand_in = True
        else:
            number, asked_at = source.number, source.asked_at
            instead = Source(passage.instead, number, asked_at, passage, is_stand_in=True)
            insort(self._sentences, instead, key=lambda other: other.number)
        return self._drop(source)

    def _drop_all(self) -> list[Source]:
        sources = [*self._sentences, *self._pieces]
        return [closed for source in sources for closed in self._drop(source)]

    def _drop(self, source: Source) -> list[Source]:
        """Nobody wants it any more; returns it if it is to be closed here."""
        source.is_dropped = True
        self._remove(source)
        return [] if source.is_advancing else [source]

    def _remove(self, source: Source) -> None:
        if source in self._sentences:
            self._sentences.remove(source)
        elif source in self._pieces:
            self._pieces.remove(source)


@dataclass(slots=True, eq=False)
class _Slot:
    """A window's place in the order of a stream.

    Attributes:
        source: What it is taken from; None for an error of the stream itself.
        number: Its place in the order.
        length: Samples, first about, then exactly.
        uses_all_cpus: As of the window.
        sentence: What the sentence says that begins with it, if one does.
        outcome: What came of it; None as long as it is being made.
    """

    source: Source | None
    number: int
    length: int = 0
    uses_all_cpus: bool = False
    sentence: str | None = None
    outcome: MadeWindow | Exception | None = None


def _timed(work: Callable[[], _T]) -> tuple[_T | Exception, float]:
    """What came of the work, be it an error, and the seconds it took."""
    begun = time.perf_counter()
    outcome: _T | Exception
    try:
        outcome = work()
    except HayakoeError as failure:
        outcome = failure
    except Exception as failure:  # noqa: BLE001 - whatever a voice raises, the worker lives on
        outcome = InferenceFailed(f"speaking failed: {type(failure).__name__}: {failure}")
        outcome.__cause__ = failure
    return outcome, time.perf_counter() - begun


def _close(sources: Iterable[Source]) -> None:
    for source in sources:
        source.close()
