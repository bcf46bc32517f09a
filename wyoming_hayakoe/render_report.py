"""The folder of rendered files and the report on them, from which a broken-off run goes on."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Final, Self

from hayakoe_engine.disk import locked, sha256_of, write_whole
from hayakoe_engine.errors import HayakoeError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import TextIO

    from wyoming_hayakoe.rendering import Rendered

REPORT: Final = "report.jsonl"
_LOCK: Final = ".rendering"


class RenderFolder:
    """Files that are there whole or not at all, and what is known of each. Use it with ``with``.

    While a run goes on, lines are appended to the report; the last one on a file counts. ``close``
    has it anew, one line for each item.

    Args:
        path: The folder; made if it is not there.

    Raises:
        HayakoeError: Another run writes there.
        OSError: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()
        self._known: dict[str, dict[str, Any]] = {}
        self._journal: TextIO | None = None
        self._is_broken_off = False

    def __enter__(self) -> Self:
        self._path.mkdir(parents=True, exist_ok=True)
        self._stack.enter_context(locked(self._path / _LOCK, on_wait=self._refuse))
        try:
            self._load()
            self._journal = self._stack.enter_context(
                (self._path / REPORT).open("a", encoding="utf-8")
            )
            if self._is_broken_off:
                self._journal.write("\n")
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            (self._path / _LOCK).unlink()
        self._stack.close()

    def has(self, file: str) -> bool:
        """Whether a file is there as it was rendered."""
        known = self._known.get(file, {})
        target = self._path / file
        with suppress(OSError):
            return (
                target.stat().st_size == known.get("bytes") and sha256_of(target) == known["sha256"]
            )
        return False

    def put(self, file: str, rendered: Rendered) -> None:
        """Write a file, or that there is none.

        Raises:
            OSError: It cannot be written.
        """
        if rendered.data is None:
            facts: dict[str, Any] = {
                "status": "failed",
                "error": rendered.code,
                "message": rendered.problem,
            }
        else:
            write_whole(self._path / file, rendered.data)
            facts = {
                "status": "done",
                "duration_s": round(rendered.duration_s, 3),
                "bytes": len(rendered.data),
                "sha256": hashlib.sha256(rendered.data).hexdigest(),
            }
        self._known[file] = facts
        if self._journal is not None:
            self._journal.write(_line({"file": file, **facts}))
            self._journal.flush()

    def finish(self, entries: Iterable[dict[str, Any]]) -> int:
        """Write the report anew.

        Args:
            entries: What is to be said of each item; of those with a ``file``, what is known of it
                is said, too.

        Returns:
            How many items failed.

        Raises:
            OSError: It cannot be written.
        """
        failed = 0
        lines = []
        for entry in entries:
            whole = {**entry, **self._known.get(entry.get("file", ""), {})}
            failed += whole.get("status") != "done"
            if whole.get("status") == "failed":
                whole.pop("file", None)
            lines.append(_line(whole))
        write_whole(self._path / REPORT, "".join(lines).encode())
        return failed

    def _load(self) -> None:
        try:
            report = (self._path / REPORT).open(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        with report:
            for line in report:
                self._is_broken_off = not line.endswith("\n")
                with suppress(ValueError, KeyError, TypeError):  # broken off, or not ours
                    facts = json.loads(line)
                    self._known[str(facts.pop("file"))] = {
                        key: facts[key]
                        for key in ("status", "duration_s", "bytes", "sha256", "error", "message")
                        if key in facts
                    }

    def _refuse(self) -> None:
        raise HayakoeError(f"another run is rendering to {self._path}")


def _line(facts: dict[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False) + "\n"
