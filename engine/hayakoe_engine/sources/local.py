"""A folder on this machine, used in place."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import unquote, urlsplit

from hayakoe_engine.disk import copy_whole
from hayakoe_engine.errors import SourceError, SourceNotFound
from hayakoe_engine.sources.names import check_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

_VOICE_FILE: Final = "config.json"
_VOICE_IN_ONE_FILE: Final = ".aivmx"
_VOICES: Final = "speakers"
_DEPTH_OF_VOICES: Final = 2
"""Folders between a repository and its voices."""


class LocalSource:
    """A folder laid out as the published repository, or a single voice: its folder or AIVMX file.

    With a single voice there is what a repository has that it lies in, or that is beside it.

    Args:
        root: Path; ``~`` is the user's home.
    """

    def __init__(self, root: str) -> None:
        self._root = Path(root).expanduser()

    @classmethod
    def of_uri(cls, uri: str) -> Self:
        """The folder that ``file:///PATH`` names.

        Raises:
            SourceError: The path is not absolute, or lies on another machine.
        """
        parts = urlsplit(uri)
        if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
            raise SourceError(f"{uri}: a file has three slashes, as in file:///share/voices")
        return cls(unquote(parts.path))

    def fetch(self, prefix: str) -> Path:
        """The folder itself, or the AIVMX file.

        Raises:
            SourceNotFound: There is no such folder.
        """
        check_prefix(prefix)
        folder = self._root / prefix
        if folder.is_dir():
            return folder
        if self._is_voice():
            if PurePosixPath(prefix).parent.name == _VOICES:
                return self._root
            for around in self._around():
                if (around / prefix).is_dir():
                    return around / prefix
        raise SourceNotFound(f"{folder}: there is no such folder")

    def list_files(self, prefix: str) -> frozenset[str]:
        """As for ``Source``."""
        check_prefix(prefix)
        try:
            return frozenset(map(str, files_below(self._root / prefix)))
        except SourceNotFound:
            return frozenset()

    def upload(self, prefix: str, local_dir: Path) -> None:
        """Copy the files; folders are made as they are needed.

        Raises:
            SourceNotFound: There is no such folder to copy.
            SourceError: It cannot be read, or the copies cannot be written.
        """
        check_prefix(prefix)
        target = self._root / prefix
        try:
            for path in files_below(local_dir):
                copy = target / path
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy_whole(local_dir / path, copy)
        except OSError as error:
            where = error.filename or target
            raise SourceError(f"{where}: {error.strerror or error}") from error

    def _around(self) -> Iterator[Path]:
        """Where repositories may be that a single voice belongs to."""
        root = self._root.resolve()
        yield root.parent
        if len(root.parents) > _DEPTH_OF_VOICES and root.parent.name == _VOICES:
            yield root.parents[_DEPTH_OF_VOICES]

    def _is_voice(self) -> bool:
        if self._root.suffix.lower() == _VOICE_IN_ONE_FILE:
            return self._root.is_file()
        if (self._root / _VOICE_FILE).is_file():
            return True
        return self._root.is_dir() and any(
            file.suffix.lower() == _VOICE_IN_ONE_FILE for file in self._root.iterdir()
        )


def files_below(folder: Path) -> list[PurePosixPath]:
    """The files of a folder and of the folders in it, by their paths below it, sorted.

    Raises:
        SourceNotFound: There is no such folder, or nothing in it.
    """
    files = sorted(
        PurePosixPath(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()
    )
    if not files:
        raise SourceNotFound(f"{folder}: there is no such folder, or nothing in it")
    return files
