"""The file ``voices.lock``: what has been downloaded completely, and what exactly that was.

A JSON object with a list of ``folders``; paths are relative to the cache, so that the cache can be
moved and copied::

    {
      "format": 1,
      "folders": [
        {
          "uri": "hf://lemondouble/hayakoe@main",
          "revision": "1f0c…",
          "prefix": "onnx/speakers/jvnv-F1-jp",
          "folder": "downloads/…",
          "fetched": "2026-11-20T12:00:00+00:00",
          "files": [{"path": "config.json", "size": 1843, "sha256": "…"}, …]
        }
      ]
    }
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hayakoe_engine.disk import locked, write_whole
from hayakoe_engine.sources.names import is_safe_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_LOG = logging.getLogger(__name__)

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A file as it was when it had been checked.

    Attributes:
        path: Below the folder, with slashes.
        size_bytes: Its size.
        sha256: Of its content, in hexadecimal digits.
    """

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class LockedFolder:
    """A folder that has been downloaded completely.

    Attributes:
        uri: Where it came from, in the canonical form of its kind of source.
        prefix: What lay there under this prefix.
        revision: What the source calls the state that it was in.
        folder: Where the files are, below the cache, with slashes.
        fetched: When, as ISO 8601 with the time zone.
        files: Everything in it.
    """

    uri: str
    prefix: str
    revision: str
    folder: str
    fetched: str
    files: tuple[LockedFile, ...]

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.size_bytes for file in self.files)


class VoicesLock:
    """The file of one cache.

    Args:
        path: Where it is; it need not be there.
        guard: Lock for changing it.
    """

    def __init__(self, path: Path, guard: Path) -> None:
        self._path = path
        self._guard = guard

    def read(self) -> tuple[LockedFolder, ...]:
        """Everything that is recorded; nothing if the file cannot be understood.

        Then files that are here are checked against their sources and recorded again.
        """
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
            return tuple(_folder_of(entry) for entry in document["folders"])
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, KeyError, TypeError) as error:
            _LOG.warning("%s cannot be read, so it is taken for empty: %r", self._path, error)
            return ()

    def change(self, change: Callable[[tuple[LockedFolder, ...]], Iterable[LockedFolder]]) -> None:
        """Replace what is recorded; no change of another process gets lost.

        Raises:
            OSError: It cannot be written; what was there before still is.
        """
        with locked(self._guard):
            folders = sorted(change(self.read()), key=lambda folder: (folder.uri, folder.prefix))
            document = {"format": _FORMAT, "folders": [_entry_of(folder) for folder in folders]}
            write_whole(
                self._path, (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()
            )


def _folder_of(entry: dict[str, Any]) -> LockedFolder:
    folder = LockedFolder(
        uri=str(entry["uri"]),
        prefix=str(entry["prefix"]),
        revision=str(entry["revision"]),
        folder=str(entry["folder"]),
        fetched=str(entry["fetched"]),
        files=tuple(
            LockedFile(str(file["path"]), int(file["size"]), str(file["sha256"]))
            for file in entry["files"]
        ),
    )
    for path in (folder.folder, *(file.path for file in folder.files)):
        if not is_safe_path(path):
            raise ValueError(f"bad path {path!r}")
    return folder


def _entry_of(folder: LockedFolder) -> dict[str, object]:
    return {
        "uri": folder.uri,
        "revision": folder.revision,
        "prefix": folder.prefix,
        "folder": folder.folder,
        "fetched": folder.fetched,
        "files": [
            {"path": file.path, "size": file.size_bytes, "sha256": file.sha256}
            for file in folder.files
        ],
    }
