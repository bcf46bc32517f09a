"""The one gate to the CPU: which request's next window is made now.

A request is a ``WorkStream``: pieces of work, each an iterator of audio windows, done in order.
Worker threads take one window at a time from the most deserving stream, so requests interleave,
and between two windows a request holds no lock and no thread: closing it is cancelling it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Self

from hayakoe_engine.errors import BusyError, HayakoeError, InferenceFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    Window: TypeAlias = NDArray[np.float32]
    Piece: TypeAlias = Callable[[], Generator[Window, None, None]]

AHEAD_S: Final = 5.0
"""Audio that a stream may have made and its consumer not yet taken, in seconds."""

MAX_STREAMS: Final = 256
"""Requests at once."""


class Priority(IntEnum):
    """Who goes first; within one priority, whoever has got the least audio so far."""

    ALARM = 0
    INTERACTIVE = 1
    ANNOUNCEMENT = 2
    BATCH = 3


class Scheduler:
    """Worker threads and the streams they work on.

    Args:
        threads: Number of workers; None is one per CPU that this process may use.
        max_streams: Requests at once; one more is a ``BusyError``.
    """

    def __init__(self, threads: int | None = None, max_streams: int = MAX_STREAMS) -> None:
        self._shared = _Shared(threads or len(os.sched_getaffinity(0)), max_streams)
        # Runs when the scheduler is collected and at exit: a worker must not be inside C code
        # while the interpreter goes down.
        self._stop = weakref.finalize(self, self._shared.stop)

    @property
    def active_streams(self) -> int:
        """Streams that are neither finished nor closed."""
        return len(self._shared.streams)

    def open(self, sample_rate_hz: int, priority: Priority = Priority.INTERACTIVE) -> WorkStream:
        """Begin a request.

        Raises:
            BusyError: There are too many already, or the scheduler is closed.
        """
        return WorkStream(self._shared, sample_rate_hz, priority)

    def close(self) -> None:
        """Fail what is still open and end the workers; the second time does nothing."""
        self._stop()


class WorkStream:
    """One request: add pieces of work, take windows, in order.

    Iterate it from a thread or, with ``async for``, from a task; from one consumer only.

    Attributes:
        produced_s: Audio made so far, in seconds.
        work_s: Time the workers have spent on it, in seconds.
    """

    def __init__(self, shared: _Shared, sample_rate_hz: int, priority: Priority) -> None:
        self._shared = shared
        self._rate_hz = sample_rate_hz
        self.priority = priority
        self.order = next(shared.order)
        self.produced_s = 0.0
        self.work_s = 0.0
        self.running = False
        self._pieces: deque[Piece] = deque()
        self._current: Generator[Window, None, None] | None = None
        self._windows: deque[Window] = deque()
        self._waiting_s = 0.0
        self._ended = False
        self._closed = False
        self._error: Exception | None = None
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
        """Drop all work and all audio not taken; a window being made is the last."""
        with self._shared.lock:
            self._closed = True
            self._ended = True
            self._pieces.clear()
            self._windows.clear()
            current = None if self.running else self.abandon()
            self._shared.changed(self)
        if current is not None:
            current.close()

    @property
    def is_busy(self) -> bool:
        """Whether there is work to be done or a window to be taken."""
        with self._shared.lock:
            return self._has_piece or self.running or bool(self._windows)

    # What the consumer calls

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Window:
        with self._shared.lock:
            while (window := self._take()) is None:
                if self._is_over:
                    raise StopIteration
                self._shared.lock.wait()
            return window

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Window:
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

    def _take(self) -> Window | None:
        if self._windows:
            window = self._windows.popleft()
            self._waiting_s -= len(window) / self._rate_hz
            self._shared.changed(self)
            return window
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return None

    # What the workers call; the lock is held but in step()

    @property
    def is_runnable(self) -> bool:
        """Whether a worker could make a window now."""
        return self._has_piece and not self.running and self._waiting_s < AHEAD_S

    @property
    def _has_piece(self) -> bool:
        return self._current is not None or bool(self._pieces)

    @property
    def _is_over(self) -> bool:
        return self._closed or (self._ended and not self._has_piece and not self.running)

    @property
    def is_gone(self) -> bool:
        """Whether the stream needs its place no more."""
        return self._is_over and not self.running and not self._windows

    def step(self) -> Window | None:
        """Make one window; None when a piece ended without one."""
        if self._current is None:
            self._current = self._pieces.popleft()()
        return next(self._current, None)

    def settle(self, window: Window | None, error: Exception | None, spent_s: float) -> None:
        """Take over the outcome of a step."""
        self.work_s += spent_s
        if error is not None or window is None:
            self._current = None
        if error is not None:
            self._error = error
            self._ended = True
            self._pieces.clear()
        elif window is not None and len(window) and not self._closed:
            self._windows.append(window)
            self._waiting_s += len(window) / self._rate_hz
            self.produced_s += len(window) / self._rate_hz

    def abandon(self) -> Generator[Window, None, None] | None:
        """Hand over the unfinished iterator of a closed stream, to be closed by the worker."""
        if not self._closed:
            return None
        current, self._current = self._current, None
        return current

    def fail(self, error: Exception) -> None:
        """End the stream with this error."""
        self._pieces.clear()
        self._error = error
        self._ended = True

    def wake(self) -> None:
        """Tell a waiting task to look again."""
        if self._wake is not None:
            with suppress(RuntimeError):  # its event loop is closed: nobody waits any more
                self._wake()


class _Shared:
    """What workers and streams share; it does not know the scheduler, so that can be collected."""

    def __init__(self, threads: int, max_streams: int) -> None:
        self.lock = threading.Condition()
        self.streams: list[WorkStream] = []
        self.order = itertools.count()
        self._max_streams = max_streams
        self._threads = threads
        self._workers: list[threading.Thread] = []
        self._stopped = False

    def join(self, stream: WorkStream) -> None:
        with self.lock:
            if self._stopped:
                raise BusyError("the engine is closed")
            if len(self.streams) >= self._max_streams:
                raise BusyError(
                    f"{self._max_streams} requests are in progress already",
                    hint="try again in a moment",
                )
            self.streams.append(stream)
            while len(self._workers) < self._threads:
                worker = threading.Thread(target=self._work, name="hayakoe-worker", daemon=True)
                self._workers.append(worker)
                worker.start()

    def changed(self, stream: WorkStream) -> None:
        if stream.is_gone and stream in self.streams:
            self.streams.remove(stream)
        stream.wake()
        self.lock.notify_all()

    def stop(self) -> None:
        with self.lock:
            self._stopped = True
            for stream in list(self.streams):
                stream.fail(BusyError("the engine was closed while it spoke"))
                self.changed(stream)
            self.lock.notify_all()
        for worker in self._workers:
            if worker is not threading.current_thread():
                worker.join()

    def _next(self) -> WorkStream | None:
        runnable = (stream for stream in self.streams if stream.is_runnable)
        return min(runnable, key=lambda s: (s.priority, s.produced_s, s.order), default=None)

    def _work(self) -> None:
        while True:
            with self.lock:
                while (stream := self._next()) is None and not self._stopped:
                    self.lock.wait()
                if stream is None or self._stopped:
                    return
                stream.running = True
            self._run(stream)
            del stream

    def _run(self, stream: WorkStream) -> None:
        window: Window | None = None
        error: Exception | None = None
        begun = time.perf_counter()
        try:
            window = stream.step()
        except HayakoeError as failure:
            error = failure
        except Exception as failure:  # noqa: BLE001 - whatever a voice raises, the worker lives on
            error = InferenceFailed(f"speaking failed: {type(failure).__name__}: {failure}")
            error.__cause__ = failure
        with self.lock:
            stream.settle(window, error, time.perf_counter() - begun)
            current = stream.abandon()
        if current is not None:
            current.close()
        with self.lock:
            stream.running = False
            self.changed(stream)
