"""The near end of ``engine_worker``: starts an engine as a process and asks it."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

_WORKER: Final = Path(__file__).with_name("engine_worker.py")
_STOP_PATIENCE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine with its settings.

    Attributes:
        name: As the table calls it.
        python: Interpreter of its environment.
        arguments: What ``engine_worker`` wants to know.
    """

    name: str
    python: Path
    arguments: dict[str, str] = field(hash=False)


class EngineProcess:
    """A running engine with a prepared voice; it ends on leaving.

    Attributes:
        engine: Which one.
        started: What the start cost, as ``engine_worker`` tells it, and the ``versions``; ``ready``
            counts from before the process was started.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed on leaving
        begun = time.perf_counter()
        self._process = subprocess.Popen(
            [engine.python, _WORKER, json.dumps(engine.arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.started = self._answer()
        self.started["ready"] = {
            "wall_s": time.perf_counter() - begun,
            "others_s": sum(self.started[part]["others_s"] for part in ("import", "prepare")),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def ask(self, do: str, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - as JSON is
        """Have it do one of the tasks of ``engine_worker``."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def log(self) -> str:
        """What it has complained about so far."""
        # The process writes through the same open file, whose position must not move.
        return Path(f"/proc/self/fd/{self._log.fileno()}").read_text(errors="replace")

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.kill()
            self._process.wait()
            *_, complaint = ["no reason given", *self.log().splitlines()]
            raise RuntimeError(f"{self.engine.name} failed: {complaint}")
        answer: dict[str, Any] = json.loads(line)
        return answer
