"""What is said while texts are rendered."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TextIO

    from wyoming_hayakoe.render_items import Item
    from wyoming_hayakoe.rendering import Rendered

_LINE_S: Final = 10.0
"""Time between two lines on progress where there is no terminal."""
_BAR_S: Final = 0.2


class RenderProgress:
    """Says how far a run has come: in one line on a terminal, in more elsewhere.

    Args:
        files: Files that are wanted.
        failed: Items that are wrong in themselves.
    """

    def __init__(self, files: int, failed: int) -> None:
        self._total = files
        self._done = self._kept = 0
        self._failed = failed
        self._audio_s = 0.0
        self._begun = self._told = time.monotonic()
        self._stream: TextIO | None = sys.stderr
        self._is_terminal = self._stream is not None and self._stream.isatty()

    def without(self, items: Iterable[Item], is_done: Callable[[Item], bool]) -> Iterator[Item]:
        """The items that are not done yet; counts the others."""
        for item in items:
            if is_done(item):
                self._kept += 1
                self._tell()
            else:
                yield item

    def count(self, rendered: Rendered) -> None:
        """Take note of an item."""
        self._done += 1
        self._failed += rendered.data is None
        self._audio_s += rendered.duration_s
        self._tell()

    def end(self) -> None:
        """Say what has come of it."""
        self._tell(is_last=True)

    def _tell(self, *, is_last: bool = False) -> None:
        now = time.monotonic()
        interval_s = _BAR_S if self._is_terminal else _LINE_S
        if self._stream is None or (now - self._told < interval_s and not is_last):
            return
        self._told = now
        line = self._line(now - self._begun)
        if self._is_terminal:
            self._stream.write(f"\r\x1b[K{line}" + "\n" * is_last)
        else:
            self._stream.write(f"wyoming-hayakoe: {line}\n")
        self._stream.flush()

    def _line(self, took_s: float) -> str:
        seen = self._done + self._kept
        parts = [f"{seen}/{self._total}"]
        if self._kept:
            parts.append(f"{self._kept} were there already")
        if self._failed:
            parts.append(f"{self._failed} failed")
        if self._audio_s:
            parts.append(f"{self._audio_s / 60:.1f} min of audio")
            parts.append(f"{self._audio_s / took_s:.1f} times as fast as it is spoken")
        if self._done and seen < self._total:
            left_s = took_s / self._done * (self._total - seen)
            parts.append(f"{left_s / 60:.0f} min left")
        return ", ".join(parts)
