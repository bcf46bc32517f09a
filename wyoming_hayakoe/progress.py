"""What is said while voices are downloaded."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from tqdm import tqdm

    from hayakoe_engine.sources.progress import FetchProgress

_UNKNOWN_COLUMNS: Final = 80
"""Of a terminal that does not say how wide it is, such as a serial line."""


def download_report() -> Callable[[FetchProgress], None]:
    """Reports on standard error: with a bar on a terminal, with lines elsewhere."""
    if sys.stderr is not None and sys.stderr.isatty():
        return DownloadBar(sys.stderr)
    return DownloadLines(_write_line)


def _write_line(line: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"wyoming-hayakoe: {line}\n")


class DownloadLines:
    """Reports one line for each file, when it begins to arrive.

    Args:
        write: Takes a line.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._file: tuple[str, str, str] | None = None

    def __call__(self, progress: FetchProgress) -> None:
        """Report."""
        file = (progress.source, progress.prefix, progress.file)
        if file == self._file:
            return
        self._file = file
        size = _megabytes(progress.file_size_bytes)
        here = f", {_megabytes(progress.file_bytes)} of it here" if progress.file_bytes else ""
        self._write(f"downloading {_name(progress)}: {size}{here}")


class DownloadBar:
    """Reports with a bar for each file: what is here, how fast it comes, how long it will take.

    Args:
        stream: A terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: tqdm[None] | None = None
        self._file: tuple[str, str, str] | None = None

    def __call__(self, progress: FetchProgress) -> None:
        """Report."""
        from tqdm import tqdm  # noqa: PLC0415

        file = (progress.source, progress.prefix, progress.file)
        if self._bar is None or file != self._file:
            self.close()
            self._file = file
            has_width = _has_width(self._stream)
            self._bar = tqdm(
                total=progress.file_size_bytes,
                initial=progress.file_bytes,
                desc=_name(progress),
                file=self._stream,
                unit="B",
                unit_scale=True,
                dynamic_ncols=has_width,
                ncols=None if has_width else _UNKNOWN_COLUMNS,
            )
        # It may be less than before, where a file has to begin anew.
        self._bar.update(progress.file_bytes - self._bar.n)
        if progress.file_bytes == progress.file_size_bytes:
            self.close()

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _has_width(stream: TextIO) -> bool:
    """Whether a terminal says how wide it is."""
    try:
        return os.get_terminal_size(stream.fileno()).columns > 0
    except (OSError, ValueError):
        return False


def _name(progress: FetchProgress) -> str:
    return f"{progress.prefix}/{progress.file}" if progress.prefix else progress.file


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
