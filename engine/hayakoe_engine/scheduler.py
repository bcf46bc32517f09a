"""The one gate to the CPU: which request's next window is made now.

A request is a ``WorkStream``. Worker threads take one window at a time from the most deserving
stream, so requests interleave, and between two windows a request holds no lock and no thread:
closing it is cancelling it. One more thread waits for sentences of which nothing is heard in time:
when all workers are busy or stuck, it lets another voice say them.
"""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from hayakoe_engine.cpus import available_cpus
from hayakoe_engine.errors import BusyError
from hayakoe_engine.work_stream import WorkStream

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_STREAMS: Final = 256
"""Requests at once."""

AGING_S: Final = 5.0
"""After so long without its turn, a request has the next higher priority, but never an alarm's."""

DRY_S: Final = 0.25
"""After so long a silence in the middle of a request, it goes before those that have not begun."""


class Priority(IntEnum):
    """Who goes first; within one priority, whoever has got the least audio so far.

    Nobody waits for ever, see ``AGING_S``, and newcomers do not silence those that speak, however
    many they are: see ``DRY_S``.
    """

    ALARM = 0
    INTERACTIVE = 1
    ANNOUNCEMENT = 2
    BATCH = 3


class Scheduler:
    """Worker threads and the streams they work on.

    Args:
        threads: Number of workers; None is one per CPU that this process may use.
        max_streams: Requests at once; one more is a ``BusyError``.
        clock: Tells the time, in seconds.
    """

    def __init__(
        self,
        threads: int | None = None,
        max_streams: int = MAX_STREAMS,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = _Shared(threads or available_cpus(), max_streams, clock)
        # Runs when the scheduler is collected and at exit: a worker must not be inside C code
        # while the interpreter goes down.
        self._stop = weakref.finalize(self, self._shared.stop)

    @property
    def active_streams(self) -> int:
        """Streams that are neither finished nor closed."""
        return len(self._shared.streams)

    def open(
        self,
        sample_rate_hz: int,
        priority: Priority = Priority.INTERACTIVE,
        *,
        deadline_s: float | None = None,
    ) -> WorkStream:
        """Begin a request.

        Args:
            sample_rate_hz: Rate of all its audio.
            priority: Who goes first.
            deadline_s: As of ``WorkStream``.

        Raises:
            BusyError: There are too many already, or the scheduler is closed.
        """
        return WorkStream(self._shared, sample_rate_hz, priority, deadline_s)

    def close(self) -> None:
        """Fail what is still open and end the workers; the second time does nothing."""
        self._stop()


class _Shared:
    """What workers and streams share; it does not know the scheduler, so that can be collected."""

    def __init__(self, threads: int, max_streams: int, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.lock = threading.Condition()
        self.streams: list[WorkStream] = []
        self.order = itertools.count()
        self._max_streams = max_streams
        self._threads = threads
        self._workers: list[threading.Thread] = []
        self._rescuer: threading.Thread | None = None
        self._stopped = False

    def join(self, stream: WorkStream) -> None:
        with self.lock:
            if self._stopped:
                raise BusyError("the engine is closed")
            # One that is over may have a worker that is about to see it, but needs no more place.
            if sum(not one.is_over for one in self.streams) >= self._max_streams:
                raise BusyError(
                    f"{self._max_streams} requests are in progress already",
                    hint="try again in a moment",
                )
            self.streams.append(stream)
            while len(self._workers) < self._threads:
                self._workers.append(_start(self._work, "hayakoe-worker"))
            if stream.deadline_s is not None and self._rescuer is None:
                self._rescuer = _start(self._rescue, "hayakoe-rescuer")

    def changed(self, stream: WorkStream) -> None:
        if stream.is_gone and stream in self.streams:
            self.streams.remove(stream)
        stream.wake()
        self.lock.notify_all()

    def stop(self) -> None:
        with self.lock:
            self._stopped = True
            dropped = []
            for stream in list(self.streams):
                dropped += stream.fail(BusyError("the engine was closed while it spoke"))
                self.changed(stream)
            self.lock.notify_all()
        for source in dropped:
            source.close()
        for thread in (*self._workers, self._rescuer):
            if thread is not None and thread is not threading.current_thread():
                thread.join()

    def _next(self) -> WorkStream | None:
        now = self.clock()
        runnable = (stream for stream in self.streams if stream.is_runnable)
        return min(
            runnable,
            key=lambda s: (
                _aged(s.priority, now - s.served_at),
                not _is_dry(s, now),
                s.promised_s,
                s.order,
            ),
            default=None,
        )

    def _work(self) -> None:
        while True:
            with self.lock:
                while (stream := self._next()) is None and not self._stopped:
                    self.lock.wait()
                if stream is None or self._stopped:
                    return
                source = stream.begin_step()
            stream.step(source)
            with self.lock:
                stream.end_step()
                self.changed(stream)
            del stream, source

    def _rescue(self) -> None:
        while True:
            with self.lock:
                while (stream := self._overdue()) is None and not self._stopped:
                    dues = (s.due_at for s in self.streams)
                    first = min((due for due in dues if due is not None), default=None)
                    self.lock.wait(None if first is None else max(0.0, first - self.clock()))
                if stream is None or self._stopped:
                    return
                dropped = stream.rescue()
                source = stream.begin_step()
            for other in dropped:
                other.close()
            stream.step(source)
            with self.lock:
                stream.end_step()
                self.changed(stream)
            del stream, source, dropped

    def _overdue(self) -> WorkStream | None:
        """A request whose next sentence is due."""
        now = self.clock()
        for stream in self.streams:
            due = stream.due_at
            if due is not None and due <= now:
                return stream
        return None


def _aged(priority: int, waited_s: float) -> int:
    """The priority of a request that has waited so long for its turn."""
    return max(min(priority, Priority.INTERACTIVE), priority - int(waited_s / AGING_S))


def _is_dry(stream: WorkStream, now: float) -> bool:
    since = stream.dry_since
    return since is not None and now - since >= DRY_S


def _start(work: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread
