"""A file that is arriving, and whether it is what it should be."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, BinaryIO, Final, Self

if TYPE_CHECKING:
    from pathlib import Path

    from hayakoe_engine.sources.remote import RemoteFile

_BLOCK_BYTES: Final = 1 << 20


class Part:
    """As much of a file as has arrived, perhaps in an earlier process; a context manager.

    Args:
        path: Where it is kept.
        file: What it will be.

    Raises:
        OSError: It can be neither read nor made.
    """

    def __init__(self, path: Path, file: RemoteFile) -> None:
        self._file = file
        self._hashes = _Hashes(file)
        self._opened = path.open("r+b" if path.exists() else "x+b")
        try:
            self._hashes.read(self._opened)
            if self.size_bytes > file.size_bytes:
                self.restart()
        except BaseException:
            self._opened.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @property
    def size_bytes(self) -> int:
        """How much is here."""
        return self._hashes.size_bytes

    @property
    def is_complete(self) -> bool:
        """Whether there are as many bytes as there should be."""
        return self.size_bytes == self._file.size_bytes

    def append(self, data: bytes) -> bool:
        """Add what comes next; returns False, adding nothing, if it would be too much.

        Raises:
            OSError: It cannot be written, perhaps because the disk is full.
        """
        if self.size_bytes + len(data) > self._file.size_bytes:
            return False
        self._opened.write(data)
        self._hashes.update(data)
        return True

    def restart(self) -> None:
        """Throw away what is here.

        Raises:
            OSError: It cannot be done.
        """
        self._opened.seek(0)
        self._opened.truncate()
        self._hashes = _Hashes(self._file)

    def finish(self) -> str | None:
        """Have it survive a loss of power; returns its SHA-256, or None if it is not the file.

        Raises:
            OSError: It cannot be written.
        """
        self._opened.flush()
        os.fsync(self._opened.fileno())
        return self._hashes.sha256()


def sha256_if_good(path: Path, file: RemoteFile) -> str | None:
    """The SHA-256 of a file that is here; None if it is not, or not what it should be.

    Raises:
        OSError: It cannot be read.
    """
    hashes = _Hashes(file)
    if not path.is_file() or path.stat().st_size != file.size_bytes:
        return None
    with path.open("rb") as opened:
        hashes.read(opened)
    return hashes.sha256()


class _Hashes:
    """What is known of the bytes of a file so far."""

    def __init__(self, file: RemoteFile) -> None:
        self._file = file
        self.size_bytes = 0
        self._sha256 = hashlib.sha256()
        # SHA-256 is computed in any case; another kind only where the remote gives it.
        self._other = (
            file.checksum.start(file.size_bytes)
            if file.checksum is not None and file.checksum.kind != "sha256"
            else None
        )

    def read(self, opened: BinaryIO) -> None:
        while block := opened.read(_BLOCK_BYTES):
            self.update(block)

    def update(self, data: bytes) -> None:
        self.size_bytes += len(data)
        self._sha256.update(data)
        if self._other is not None:
            self._other.update(data)

    def sha256(self) -> str | None:
        """None if the size or the checksum is not that of the file."""
        checksum = self._file.checksum
        found = (self._other or self._sha256).hexdigest()
        is_good = self.size_bytes == self._file.size_bytes and (
            checksum is None or found == checksum.digest
        )
        return self._sha256.hexdigest() if is_good else None
