"""The one gate to the CPU: which request's next window is made now.

A request is a ``WorkStream``. Worker threads take one window at a time from the most deserving
stream, so requests interleave, and between two windows a request holds no lock and no thread:
closing it is cancelling it.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from enum import IntEnum
from typing import Final

from hayakoe_engine.cpus import available_cpus
from hayakoe_engine.errors import BusyError
from hayakoe_engine.work_stream import WorkStream

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
        self._shared = _Shared(threads or available_cpus(), max_streams)
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
        return min(runnable, key=lambda s: (s.priority, s.promised_s, s.order), default=None)

    def _work(self) -> None:
        while True:
            with self.lock:
                while (stream := self._next()) is None and not self._stopped:
                    self.lock.wait()
                if stream is None or self._stopped:
                    return
                stream.begin_step()
            stream.step()
            with self.lock:
                stream.end_step()
                self.changed(stream)
            del stream
