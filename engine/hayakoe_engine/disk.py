"""Files that are there whole or not at all, and locks between processes."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_BLOCK_BYTES: Final = 1 << 20


def write_whole(target: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all.

    Raises:
        OSError: It cannot be written; what was there before still is.
    """
    _write_whole(target, io.BytesIO(data))


def copy_whole(file: Path, target: Path) -> None:
    """Copy a file so that the copy is there whole or not at all.

    Raises:
        OSError: It cannot be read or written; what was there before still is.
    """
    with file.open("rb") as original:
        _write_whole(target, original)


def _write_whole(target: Path, data: BinaryIO) -> None:
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            while block := data.read(_BLOCK_BYTES):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def locked(lock: Path, *, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold a lock that other threads and processes respect and that ends with this process.

    Args:
        lock: An empty file; made, with its folder, if it is not there. Whoever holds the lock may
            remove it.
        on_wait: Called before waiting for somebody else who holds it.

    Raises:
        OSError: It cannot be made.
    """
    while True:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if on_wait is not None:
                    on_wait()
                fcntl.flock(file, fcntl.LOCK_EX)
            if _is_open_as(lock, file.fileno()):
                yield
                return
            # Whoever held it has removed it, and somebody else may hold a new one by now.


def _is_open_as(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def is_locked(lock: Path) -> bool:
    """Whether somebody holds this lock now.

    Raises:
        OSError: It is there but cannot be opened.
    """
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def sync(path: Path) -> None:
    """Have a file's content, or the names in a folder, survive a loss of power.

    Raises:
        OSError: They do not.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal digits.

    Raises:
        OSError: It cannot be read.
    """
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
