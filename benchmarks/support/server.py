"""A server as a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from os import sysconf
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

HOST: Final = "127.0.0.1"
TICK_S: Final = 1 / sysconf("SC_CLK_TCK")
"""Resolution of the CPU time that the kernel tells of a process."""

_READY = re.compile(rb"is ready on tcp://127\.0\.0\.1:(\d+)")
_HTTP_READY = re.compile(rb"HTTP on http://127\.0\.0\.1:(\d+)")
_START_PATIENCE_S: Final = 60.0
_STOP_PATIENCE_S: Final = 30.0
_POLL_S: Final = 0.002


class ServerProcess:
    """A server and what the kernel tells of it; stops it on leaving.

    Args:
        command: What starts it; it logs on standard error.

    Attributes:
        begun: When it was started, of ``time.perf_counter``.
    """

    def __init__(self, command: Sequence[str | Path]) -> None:
        # A file, not a pipe: a pipe that nobody empties would stop the server.
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed on leaving
        self.begun = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._log
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._log.close()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()

    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def wait_for(
        self, pattern: re.Pattern[bytes], patience_s: float = _START_PATIENCE_S
    ) -> re.Match[bytes]:
        """Wait until the log contains something.

        Raises:
            RuntimeError: It does not, or the process has ended.
        """
        deadline = time.perf_counter() + patience_s
        while time.perf_counter() < deadline and self.is_alive():
            if found := pattern.search(self._read_log()):
                return found
            time.sleep(_POLL_S)
        self.kill()
        raise RuntimeError(f"the server did not start:\n{self._read_log().decode()}")

    def memory_mb(self, field: str = "VmRSS") -> float:
        """One of the kernel's figures about the process's memory, in 10^6 bytes."""
        for line in self._proc("status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0]) * 1024 / 1e6
        raise KeyError(field)

    def open_files(self) -> int:
        """Open file descriptors of the process."""
        return len(list(self._proc("fd").iterdir()))

    def threads(self) -> int:
        """Threads of the process."""
        return len(list(self._proc("task").iterdir()))

    def busy_until_s(self, since: float, quiet_s: float = 0.5, most_s: float = 30.0) -> float:
        """How long after ``since`` the server used the CPU, before it did not for ``quiet_s``.

        Args:
            since: Of ``time.perf_counter``.
            quiet_s: How long it must be idle to count as idle.
            most_s: What is returned if it never is.
        """
        ticks, changed = self._cpu_ticks(), since
        while (now := time.perf_counter()) < since + most_s:
            if (spent := self._cpu_ticks()) != ticks:
                ticks, changed = spent, now
            elif now - changed > quiet_s:
                return changed - since
            time.sleep(_POLL_S)
        return most_s

    def _cpu_ticks(self) -> int:
        # The command's name, in brackets, may contain anything.
        fields = self._proc("stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def _proc(self, file: str) -> Path:
        return Path(f"/proc/{self._process.pid}/{file}")

    def _read_log(self) -> bytes:
        # The server writes through the same open file, whose position must not move.
        return Path(f"/proc/self/fd/{self._log.fileno()}").read_bytes()


class Server(ServerProcess):
    """This project's server with the embedded voice, on a free port of the loopback interface.

    Args:
        with_http: Whether it listens for HTTP too.

    Attributes:
        port: For Wyoming.
        http_port: For HTTP; None if it does not listen.
    """

    def __init__(self, *, with_http: bool = False) -> None:
        http = (
            ("http.port=0", "http.requests_per_minute=0") if with_http else ("http.enabled=false",)
        )
        super().__init__(
            [
                *(sys.executable, "-m", "wyoming_hayakoe", "serve"),
                *("--uri", f"tcp://{HOST}:0", "--no-zeroconf"),
                *(f"--set={setting}" for setting in http),
            ]
        )
        self.port = int(self.wait_for(_READY)[1])
        self.http_port = int(self.wait_for(_HTTP_READY)[1]) if with_http else None
