"""A process that talks to Ray for this one, as this one sees it."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from hayakoe_engine.errors import SourceUnreachable
from wyoming_hayakoe.cluster.link import Call, Cancel, Failed, Result, Running, Sender
from wyoming_hayakoe.cluster.remote_voice import ReplicaLost

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from wyoming_hayakoe.cluster.link import Method
    from wyoming_hayakoe.cluster.plan import Plan

COMMAND: Final = (sys.executable, "-P", "-m", "wyoming_hayakoe.cluster.envoy")
_FAREWELL_S: Final = 2.0


class EnvoyProcess:
    """Begins the process; ``close`` ends it. May be used from many threads at once.

    Args:
        plan: What it is to do.
        command: What is run, with the number of a file descriptor after it.

    Raises:
        OSError: It cannot be begun.
    """

    def __init__(self, plan: Plan, command: Sequence[str] = COMMAND) -> None:
        with ExitStack() as stack:
            ours, theirs = map(stack.enter_context, socket.socketpair())
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # ours may be a client's
                start_new_session=True,  # Ctrl-C is for this process
            )
            self._socket = socket.socket(fileno=ours.detach())
        self._connection = Connection(os.dup(self._socket.fileno()))
        self._sender = Sender(self._connection)
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._waiting: dict[int, SimpleQueue[Result]] = {}
        self._replicas: Mapping[str, int] | None = None
        self._failure: Exception | None = None
        self._heard_at = time.monotonic()
        self._is_over = False
        self._sender.send(plan)
        self._reader = threading.Thread(target=self._read, name="hayakoe-envoy", daemon=True)
        self._reader.start()

    @property
    def replicas(self) -> Mapping[str, int]:
        """How many can speak, by pool, as far as is known; none when the process has ended."""
        return {} if self._is_over or self._replicas is None else self._replicas

    def wait_until_joined(self, timeout_s: float) -> None:
        """Wait until the cluster is joined and has the replicas, which may be starting yet.

        Raises:
            SourceError: It cannot be joined now, or not in time.
            VoiceError: It does not take the replicas.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._replicas is not None or self._is_over, timeout_s)
        if self._failure is not None:
            raise self._failure
        if self._is_over or self._replicas is None:
            raise SourceUnreachable(
                f"the Ray cluster did not answer within {timeout_s:g} s"
                if not self._is_over
                else "Ray has given up joining the cluster"
            )

    def wait_until_lost(self, silence_s: float) -> None:
        """Wait until the process has ended, or nothing has come from the cluster for so long."""
        with self._changed:
            while not self._is_over:
                left_s = self._heard_at + silence_s - time.monotonic()
                if left_s <= 0:
                    return
                self._changed.wait(left_s)

    def call(
        self,
        pool: str,
        method: Method,
        silence_s: float,
        **arguments: Any,  # noqa: ANN401
    ) -> Generator[Any]:
        """Have something done; closing the iterator breaks it off.

        Args:
            pool: By whose replicas.
            method: What.
            silence_s: Time until something comes, and again until something more does.
            **arguments: Of the method of ``ReplicaPool``.

        Yields:
            What comes of it.

        Raises:
            ReplicaLost: Nothing came in time, or the process has ended.
            Exception: As of the method.
        """
        number = next(self._numbers)
        results: SimpleQueue[Result] = SimpleQueue()
        with self._changed:
            if self._is_over:
                raise ReplicaLost("the cluster is not there")
            self._waiting[number] = results
        is_over = False
        try:
            self._sender.send(Call(number, pool, method, arguments))
            while True:
                result = _next(results, silence_s)
                is_over = result.is_last
                if isinstance(result.value, Exception):
                    raise result.value
                if is_over:
                    return
                yield result.value
        finally:
            with self._changed:
                del self._waiting[number]
            if not is_over:
                self._sender.send(Cancel(number))

    def hang_up(self) -> None:
        """Let nobody wait for it any more; it will end."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End it; to be called once, by the last who uses it."""
        self.hang_up()
        try:
            self._process.wait(_FAREWELL_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._connection.close()
        self._socket.close()

    def _read(self) -> None:
        try:
            while True:
                self._receive(self._connection.recv())
        except (EOFError, OSError):
            pass
        with self._changed:
            self._is_over = True
            for number, results in self._waiting.items():
                results.put(Result(number, ReplicaLost("the cluster is gone"), is_last=True))
            self._changed.notify_all()

    def _receive(self, news: Result | Running | Failed) -> None:
        with self._changed:
            match news:
                case Running(replicas):
                    self._replicas = replicas
                    self._heard_at = time.monotonic()
                    self._changed.notify_all()
                case Failed(error):
                    self._failure = error
                case Result(number, _, is_last):
                    if not is_last:
                        self._heard_at = time.monotonic()
                    if number in self._waiting:
                        self._waiting[number].put(news)


def _next(results: SimpleQueue[Result], silence_s: float) -> Result:
    try:
        return results.get(timeout=silence_s)
    except Empty:
        raise ReplicaLost(f"nothing came for {silence_s:g} s") from None
