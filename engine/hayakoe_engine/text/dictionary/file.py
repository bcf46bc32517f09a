"""The file of the user dictionary: whole or untouched, whatever happens."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from hayakoe_engine.text.dictionary.errors import DictionaryUnavailable
from hayakoe_engine.text.dictionary.formats import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["DictionaryFile", "Signature"]

Signature = tuple[int, int, int] | None
"""Time of change, size and inode of a file; None if there is none."""

_LOCK_PATIENCE_S: Final = 30.0
_LOCK_PAUSE_S: Final = 0.02
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF})
_HINTS: Final = {
    errno.ENOSPC: "make room on the disk; the dictionary is as it was",
    errno.EDQUOT: "make room on the disk; the dictionary is as it was",
    errno.EROFS: "the folder is read-only; mount it writable or choose another",
    errno.EACCES: "the user that runs the program must be allowed to write into the folder",
    errno.EPERM: "the user that runs the program must be allowed to write into the folder",
}


class DictionaryFile:
    """A small file that several processes may change.

    Beside it lie ``NAME.bak``, the last good content, and ``NAME.broken-N``, what could not be
    read.
    """

    def __init__(self, path: Path) -> None:
        # What a link points to is replaced, not the link.
        self.path = path.resolve()
        self._backup = self.path.with_name(self.path.name + ".bak")
        self._temporary = f".{self.path.name}."

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing it; they wait.

        Raises:
            DictionaryUnavailable: Another process does not let go of it.
        """
        folder = self._open_folder()
        try:
            if folder is not None:
                self._lock(folder)
            yield
        finally:
            if folder is not None:
                os.close(folder)

    def signature(self) -> Signature:
        """Differs as soon as somebody changes the file.

        Raises:
            DictionaryUnavailable: It cannot be looked at.
        """
        with self._complaints("looked at"):
            try:
                return _signature(self.path.stat())
            except FileNotFoundError:
                return None

    def read(self) -> tuple[bytes | None, Signature]:
        """Its content, or None if there is none; at most one byte more than is allowed.

        Raises:
            DictionaryUnavailable: It cannot be read.
        """
        with self._complaints("read"):
            try:
                with self.path.open("rb") as file:
                    # Before reading: what is changed meanwhile will be read again.
                    signature = _signature(os.fstat(file.fileno()))
                    return file.read(MAX_BYTES + 1), signature
            except FileNotFoundError:
                return None, None

    def read_backup(self) -> bytes | None:
        """The last good content."""
        try:
            with self._backup.open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except OSError:
            return None

    def write(self, content: bytes) -> Signature:
        """Replace the content; call it while ``locked``.

        Raises:
            DictionaryUnavailable: It is not possible, and the file is as it was.
        """
        with self._complaints("written"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._remove_leftovers()
            signature = self._replace(self.path, content)
        self.back_up(content)
        return signature

    def back_up(self, content: bytes) -> None:
        """Keep good content for bad times, if that is possible."""
        with suppress(OSError):
            if self.read_backup() != content:
                self._replace(self._backup, content)

    def set_aside(self) -> Path:
        """Copy what could not be read to where nobody overwrites it.

        Raises:
            DictionaryUnavailable: It is not possible.
        """
        with self._complaints("set aside"):
            content = self.path.read_bytes()
            number = 1
            while True:
                kept = self.path.with_name(f"{self.path.name}.broken-{number}")
                if not os.path.lexists(kept):
                    self._replace(kept, content)
                    return kept
                if kept.is_file() and kept.read_bytes() == content:
                    return kept
                number += 1

    def _replace(self, path: Path, content: bytes) -> Signature:
        """Put content in a place in one step, after it has reached the disk."""
        name = f"{self._temporary}{os.getpid()}-{threading.get_ident()}.tmp"
        temporary = path.with_name(name)
        try:
            with temporary.open("wb") as file:
                with suppress(OSError):  # a new file, or not ours
                    os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                signature = _signature(os.fstat(file.fileno()))
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        self._sync_folder()
        return signature

    def _sync_folder(self) -> None:
        """Make the new name last; some file systems cannot, and the content is safe anyway."""
        folder = self._open_folder()
        if folder is not None:
            with suppress(OSError):
                os.fsync(folder)
            os.close(folder)

    def _remove_leftovers(self) -> None:
        """Remove what a process that was killed has left behind."""
        for leftover in self.path.parent.iterdir():
            if leftover.name.startswith(self._temporary) and leftover.name.endswith(".tmp"):
                with suppress(OSError):
                    leftover.unlink()

    def _open_folder(self) -> int | None:
        try:
            return os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return None

    def _lock(self, folder: int) -> None:
        """Lock the folder: unlike the file it is never replaced, and a lock file is litter."""
        deadline = time.monotonic() + _LOCK_PATIENCE_S
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise DictionaryUnavailable(
                        f"another process keeps {self.path} locked", hint="try again later"
                    ) from None
                time.sleep(_LOCK_PAUSE_S)
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise DictionaryUnavailable(f"{self.path} cannot be locked: {error}") from error
                return  # a network file system without locks
            else:
                return

    @contextmanager
    def _complaints(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DictionaryUnavailable(
                f"the user dictionary {self.path} cannot be {what}: {error.strerror or error}",
                hint=_HINTS.get(error.errno or 0),
            ) from error


def _signature(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_mtime_ns, status.st_size, status.st_ino
