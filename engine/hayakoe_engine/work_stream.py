"""One request of the scheduler: work goes in, windows of audio come out in order.

A piece of work is an iterator. What it gives is either samples or a ``Window`` that is still to be
made; of those, several are made at once while the iterator prepares the next.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, Self, TypeVar

from hayakoe_engine.errors import HayakoeError, InferenceFailed
from hayakoe_engine.window import MadeWindow, Window

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Iterator
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    Windows: TypeAlias = Generator[NDArray[np.float32] | Window, None, None]
    Piece: TypeAlias = Callable[[], Windows]

_T = TypeVar("_T")

AHEAD_S: Final = 5.0
"""Audio that a stream may have made and its consumer not yet taken, in seconds."""


class Shared(Protocol):
    """What a stream knows of the scheduler.

    Attributes:
        lock: Held for every change of a stream.
    """

    lock: threading.Condition

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

    Attributes:
        produced_s: Audio made so far, in seconds.
        work_s: Time the workers have spent on it, in seconds.
    """

    def __init__(self, shared: Shared, sample_rate_hz: int, priority: int) -> None:
        self._shared = shared
        self._rate_hz = sample_rate_hz
        self.priority = priority
        self.order = next(shared.order)
        self.produced_s = 0.0
        self.work_s = 0.0
        self._pieces: deque[Piece] = deque()
        self._current: Windows | None = None
        self._slots: deque[_Slot] = deque()
        self._steps = 0
        self._is_pulling = False
        self._ended = False
        self._failed = False
        self._closed = False
        self._wake: Callable[[], object] | None = None
        shared.join(self)

    def add(self, piece: Piece) -> None:
        """Append work; ignored once the stream is closed."""
        with self._shared.lock:
            if not self._closed:
                self._pieces.append(piece)
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
            self._pieces.clear()
            self._slots.clear()
            current = None if self._is_pulling else self._abandon()
            self._shared.changed(self)
        if current is not None:
            current.close()

    @property
    def is_busy(self) -> bool:
        """Whether there is work to be done or a window to be taken."""
        with self._shared.lock:
            return self._has_piece or bool(self._steps) or bool(self._slots)

    # What the consumer calls

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> MadeWindow:
        with self._shared.lock:
            while (window := self._take()) is None:
                if self._is_over:
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
                    if self._is_over:
                        raise StopAsyncIteration
                    self._wake = lambda: loop.call_soon_threadsafe(arrived.set)
                await arrived.wait()
                arrived.clear()
        finally:
            self._wake = None

    def _take(self) -> MadeWindow | None:
        if not self._slots or self._slots[0].outcome is None:
            return None
        outcome = self._slots.popleft().outcome
        if isinstance(outcome, Exception):
            self._slots.clear()
            self._shared.changed(self)
            raise outcome
        self._shared.changed(self)
        return outcome

    # What the workers call; the lock is held but in _do()

    @property
    def is_runnable(self) -> bool:
        """Whether a worker could do something for it now."""
        if any(slot.uses_all_cpus and slot.outcome is None for slot in self._slots):
            return False
        return self._has_piece and not self._is_pulling and self.waiting_s < AHEAD_S

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
    def _has_piece(self) -> bool:
        return not self._failed and (self._current is not None or bool(self._pieces))

    @property
    def _is_over(self) -> bool:
        return self._closed or (
            self._ended and not self._has_piece and not self._is_pulling and not self._slots
        )

    @property
    def is_gone(self) -> bool:
        """Whether the stream needs its place no more."""
        return self._is_over and not self._steps and not self._slots

    def begin_step(self) -> None:
        """A worker takes the stream on."""
        self._steps += 1
        self._is_pulling = True

    def step(self) -> None:
        """Take the next window from the current piece, and make it."""
        window, slot = self._pull()
        if window is None or slot is None:
            return
        made, spent_s = _timed(window.make)
        with self._shared.lock:
            self._settle(slot, made, spent_s)
            abandoned = None if self._is_pulling else self._abandon()
            self._shared.changed(self)
        if abandoned is not None:
            abandoned.close()

    def end_step(self) -> None:
        """The worker is done with the stream."""
        self._steps -= 1

    def fail(self, error: Exception) -> None:
        """End the stream with this error."""
        self._slots.clear()
        self._add_slot(_Slot(outcome=error))
        self._failed = self._ended = True

    def wake(self) -> None:
        """Tell a waiting task to look again."""
        if self._wake is not None:
            with suppress(RuntimeError):  # its event loop is closed: nobody waits any more
                self._wake()

    def _pull(self) -> tuple[Window | None, _Slot | None]:
        """The next window that is to be made, with its place in the order."""
        result, spent_s = _timed(self._next_of_piece)
        with self._shared.lock:
            self._is_pulling = False
            self.work_s += spent_s
            window = slot = None
            if isinstance(result, Exception):
                self._current = None
                slot = _Slot()
                self._add_slot(slot)
                self._settle(slot, result, 0.0)
            elif result is None:
                self._current = None
            elif isinstance(result, Window):
                window, slot = result, _Slot(result.length, result.uses_all_cpus)
                self._add_slot(slot)
            elif len(result):
                slot = _Slot()
                self._add_slot(slot)
                self._settle(slot, MadeWindow(result), 0.0)
            abandoned = self._abandon()
            self._shared.changed(self)
        if abandoned is not None:
            abandoned.close()
        return window, slot

    def _next_of_piece(self) -> NDArray[np.float32] | Window | None:
        if self._current is None:
            self._current = self._pieces.popleft()()
        return next(self._current, None)

    def _add_slot(self, slot: _Slot) -> None:
        if not self._closed:
            self._slots.append(slot)

    def _settle(self, slot: _Slot, made: MadeWindow | Exception, spent_s: float) -> None:
        self.work_s += spent_s
        slot.outcome = made
        if isinstance(made, Exception):
            self._failed = self._ended = True
        else:
            slot.length = len(made.samples)
            if not self._closed:
                self.produced_s += slot.length / self._rate_hz

    def _abandon(self) -> Windows | None:
        """The unfinished iterator of a stream that was closed or failed, to be closed."""
        if not (self._closed or self._failed):
            return None
        current, self._current = self._current, None
        return current


@dataclass(slots=True, eq=False)
class _Slot:
    """A window's place in the order of a stream.

    Attributes:
        length: Samples, first about, then exactly.
        uses_all_cpus: As of the window.
        outcome: What came of it; None as long as it is being made.
    """

    length: int = 0
    uses_all_cpus: bool = False
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
