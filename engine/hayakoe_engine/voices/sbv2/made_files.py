"""What neural voices leave in the cache besides downloads: to be shown, checked and cleaned up."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from hayakoe_engine.disk import is_locked, locked
from hayakoe_engine.errors import SourceError
from hayakoe_engine.sources.cache import DownloadCache
from hayakoe_engine.voices.sbv2.artifact_record import ArtifactRecord
from hayakoe_engine.voices.sbv2.artifacts import FORMAT, ArtifactStore, delete_unused
from hayakoe_engine.voices.sbv2.installed import INSTALLED, TUNED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_LOCK_SUFFIX: Final = ".lock"
_STAMPS: Final = ".stamps.json."


@dataclass(frozen=True, slots=True)
class MadeFolder:
    """Something that was made of published files.

    Attributes:
        kind: Whether it serves every machine, or was made of that for one.
        names: What programs call the voices that it is for; empty if it is for all.
        path: Where it is.
        size_bytes: Of everything in it.
        is_wanted: Whether what it was made of is still here, and this program can use it.
    """

    kind: Literal["installed", "tuned"]
    names: tuple[str, ...]
    path: Path
    size_bytes: int
    is_wanted: bool


class MadeFiles:
    """What is installed, and the copies of it that were made for this machine.

    Nothing is deleted that a running process uses.

    Args:
        cache: Folder for downloads and what is installed.
        tuned: Folder for copies made for this machine; None is in the cache.
    """

    def __init__(self, cache: Path, tuned: Path | None = None) -> None:
        self._installed = cache / INSTALLED
        self._tuned = tuned or cache / TUNED
        self._downloads = DownloadCache(cache)

    def folders(self, keep: Collection[str] | None = None) -> tuple[MadeFolder, ...]:
        """Everything that is there.

        Args:
            keep: Names of the voices that are wanted; None is all whose files are here.
        """
        present = ArtifactStore(self._installed).present_contents()
        for folder in self._downloads.folders():
            present |= {file.sha256 for file in folder.files}
        installed = []
        for path in _folders(self._installed):
            record = ArtifactRecord.read(path)
            names = () if record is None else record.names
            is_wanted = (
                record is not None
                and record.format == FORMAT
                and present.issuperset(record.sources.values())
                and (keep is None or not names or not set(keep).isdisjoint(names))
            )
            installed.append(MadeFolder("installed", names, path, _size_bytes(path), is_wanted))
        return (*installed, *self._tuned_folders({made.path.name: made for made in installed}))

    def verify(self, *, repair: bool = False) -> tuple[tuple[Path, str], ...]:
        """Read everything and compare it with what was made.

        Args:
            repair: Whether folders with damaged files are deleted, so that they are made again.

        Returns:
            The damaged files, and what is wrong with each.

        Raises:
            SourceError: A folder cannot be deleted, or is in use.
        """
        damages: list[tuple[Path, str]] = []
        for made in self.folders():
            found = list(_problems(made))
            damages += found
            if found and repair and not _delete(made.path):
                raise SourceError(f"{made.path}: is in use", hint="stop the server, and try again")
        return tuple(damages)

    def remove(self, folder: MadeFolder) -> bool:
        """Delete something; returns whether it did, because what is in use stays.

        Raises:
            SourceError: It cannot be deleted.
        """
        return _delete(folder.path)

    def prune(self, keep: Collection[str] | None = None) -> int:
        """Delete what is not wanted, and what processes that were killed have left.

        Args:
            keep: As for ``folders``.

        Returns:
            Bytes that are free now.

        Raises:
            SourceError: Something cannot be deleted.
        """
        freed_bytes = 0
        for folder in self.folders(keep):
            if not folder.is_wanted and _delete(folder.path):
                freed_bytes += folder.size_bytes
        for parent in self._parents():
            freed_bytes += _delete_rest(parent)
        for machine in _folders(self._tuned):
            for path in (*_folders(machine), machine):
                with suppress(OSError):  # it is not empty
                    path.rmdir()
        return freed_bytes

    def unwanted_bytes(self) -> int:
        """The size of what ``prune`` would delete, if nobody uses it."""
        unwanted = (folder.size_bytes for folder in self.folders() if not folder.is_wanted)
        rest = (_size_bytes(path) for parent in self._parents() for path in _rest(parent))
        return sum(unwanted) + sum(rest)

    def _tuned_folders(self, installed: dict[str, MadeFolder]) -> Iterator[MadeFolder]:
        here = _this_machine()
        for machine in _folders(self._tuned):
            for path in _folders(machine):
                origin = installed.get(path.name)
                is_wanted = machine.name == here and origin is not None and origin.is_wanted
                names = () if origin is None else origin.names
                yield MadeFolder("tuned", names, path, _size_bytes(path), is_wanted)

    def _parents(self) -> Iterator[Path]:
        """Folders in which things are made."""
        yield self._installed
        for machine in _folders(self._tuned):
            yield machine
            yield from _folders(machine)


def _this_machine() -> str | None:
    try:
        from hayakoe_engine.voices.sbv2.sessions import machine_name  # noqa: PLC0415
    except ModuleNotFoundError:  # without ONNX Runtime no copy is of use
        return None
    return machine_name()


def _problems(made: MadeFolder) -> Iterator[tuple[Path, str]]:
    """Its damaged files, and what is wrong with each."""
    # Of copies each graph has a folder of its own.
    for folder in [made.path] if made.kind == "installed" else _folders(made.path):
        record = ArtifactRecord.read(folder)
        if record is not None:
            yield from ((folder / path, problem) for path, problem in record.problems(folder))


def _delete(folder: Path) -> bool:
    try:
        return delete_unused(folder)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SourceError(f"{folder}: {error.strerror or error}") from error


def _rest(parent: Path) -> Iterator[Path]:
    """What was being made in a folder by processes that are gone; and their locks."""
    for path in sorted(parent.glob(".*")):
        if path.suffix == _LOCK_SUFFIX:
            if not is_locked(path):
                yield path
        elif path.name.startswith(_STAMPS) or not is_locked(_lock_beside(path)):
            yield path


def _delete_rest(parent: Path) -> int:
    freed_bytes = 0
    for path in _rest(parent):
        size_bytes = _size_bytes(path)
        try:
            if path.suffix == _LOCK_SUFFIX:
                with locked(path):
                    path.unlink()
            elif path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror or error}") from error
        freed_bytes += size_bytes
    return freed_bytes


def _lock_beside(making: Path) -> Path:
    """The lock of whoever makes ``.NAME.xyz``: ``.NAME.lock``."""
    return making.with_suffix(_LOCK_SUFFIX)


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def _size_bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file())
