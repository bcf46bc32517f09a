"""The file in which spoken sentences outlive the process: an SQLite database.

SQLite, because what is committed is whole whenever the process or the machine dies, several
processes may use it at once, and finding the longest unused sentence is an index. Nothing of it
is ever interpreted as a program, as a pickle would be.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import sqlite3
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from hayakoe_engine.disk import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FORMAT: Final = 1
_SCHEMA: Final = """
    CREATE TABLE phrases (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        used INTEGER NOT NULL,
        pinned INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        digest BLOB NOT NULL
    );
    CREATE INDEX phrases_by_use ON phrases (pinned, used);
    CREATE TABLE sounds (id INTEGER PRIMARY KEY, content BLOB NOT NULL);
"""

_NAME: Final = re.compile(r"phrases-(\d{1,9})\.db")
_LOCK: Final = ".lock"
_PAGE_BYTES: Final = 4096
_ROW_BYTES: Final = 1024
"""More than a sentence takes in the tables beside its sound."""
_DIGEST_BYTES: Final = 16

_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_TROUBLE: Final = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOMEM,
    }
)
_TRUNCATED: Final = frozenset({sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS})


class Busy(Exception):
    """Another process is using the database just now."""


class Damaged(Exception):
    """The file is not what was written.

    Attributes:
        number: Of the database.
    """

    number = 0


class Unavailable(Exception):
    """The place where the file lies cannot be used; the message says why."""


class BadPhrase(Exception):
    """One sentence is not what was written, or longer than there is place for; delete it."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds.

    Attributes:
        phrases: How many sentences.
        bytes: Their size.
    """

    phrases: int = 0
    bytes: int = 0


class PhraseDatabase:
    """One connection, for one thread at a time.

    The folder has one database; only when it was damaged there is one more, with the next number,
    and the damaged one lies there until the next start. A file never gets the name of another one,
    because a process that has not noticed yet would remove the new one's log when it ends.

    Every sentence has a checksum, bound to its key. Pinned ones go last; they take at most half of
    the place, beyond which the oldest are not pinned any more. What is used is put in order by a
    counter, not by a clock, which may jump.
    """

    def __init__(self, folder: Path, number: int, connection: sqlite3.Connection) -> None:
        self._folder = folder
        self._number = number
        self._connection = connection
        self._place_bytes = self._longest_bytes = self._log_bytes = 0
        with translated():
            self._file = self._path.stat()

    @classmethod
    def open(
        cls,
        folder: Path,
        max_bytes: int,
        *,
        wait_s: float,
        instead_of: int = 0,
        removes_older: bool = False,
    ) -> Self:
        """Open the database, or begin one.

        Args:
            folder: Made if it is not there, for this user only.
            max_bytes: Bound of all that is kept in the folder.
            wait_s: How long to wait where another process is writing.
            instead_of: Number of a database that is damaged.
            removes_older: Whether those that were damaged are removed.

        Raises:
            Damaged: As everything does: it is not what was written.
            Unavailable: As everything does: the disk is full, read-only or failing.
            Busy: As everything does: another process keeps it from doing so.
        """
        with translated():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(folder / _LOCK):
                number = max([instead_of + 1, *_numbers(folder)])
                path = _path(folder, number)
                # What SQLite adds to it takes over its mode.
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
                connection = sqlite3.connect(
                    path, timeout=wait_s, isolation_level=None, check_same_thread=False
                )
                try:
                    database = cls(folder, number, connection)
                    with translated():
                        database._set_up(max_bytes)
                except BaseException as error:
                    connection.close()
                    if isinstance(error, Damaged):
                        error.number = number
                    raise
                if removes_older:
                    _remove_older(folder, number)
                return database

    @property
    def number(self) -> int:
        """Which database of its folder it is."""
        return self._number

    @property
    def is_current(self) -> bool:
        """Whether another process that opened the database now would open this file."""
        with suppress(OSError):
            newest = max(_numbers(self._folder), default=0)
            return newest == self._number and os.path.samestat(self._path.stat(), self._file)
        return False

    def get(self, key: bytes) -> bytes | None:
        """The content kept under a key.

        Raises:
            BadPhrase: This sentence is damaged; ``delete`` it.
        """
        with translated():
            row = self._connection.execute(
                "SELECT digest, content FROM phrases LEFT JOIN sounds USING (id) WHERE key = ?",
                (key,),
            ).fetchone()
        if row is None:
            return None
        digest, content = row
        if not isinstance(digest, bytes) or not isinstance(content, bytes):
            raise BadPhrase
        if not hmac.compare_digest(digest, _digest(key, content)):
            raise BadPhrase
        return content

    def put(self, key: bytes, content: bytes, *, pinned: bool) -> None:
        """Keep a content; if it is there already, only note that it was used."""
        with translated():
            self._shorten_log()
        with translated(), self._transaction():
            found = self._use(key, 1 if pinned else None)
            if not found and len(content) <= self._longest_bytes:
                self._make_place(len(content) + _ROW_BYTES)
                inserted = self._connection.execute(
                    "INSERT INTO phrases (key, used, pinned, bytes, digest) VALUES (?, ?, ?, ?, ?)",
                    (key, self._next_use(), pinned, len(content), _digest(key, content)),
                )
                self._connection.execute(
                    "INSERT INTO sounds (id, content) VALUES (?, ?)", (inserted.lastrowid, content)
                )
                if self._find(key) != inserted.lastrowid:
                    raise Damaged("a sentence that was kept cannot be found")
            if pinned:
                self._unpin_oldest()

    def use(self, key: bytes) -> None:
        """Note that a sentence was spoken, which ends its being pinned."""
        with translated(), self._transaction():
            self._use(key, 0)

    def delete(self, key: bytes) -> None:
        """Forget a sentence."""
        with translated(), self._transaction():
            self._delete("key = ?", key)

    def contents(self) -> Contents:
        """How much there is."""
        with translated():
            row = self._connection.execute("SELECT count(*), total(bytes) FROM phrases").fetchone()
        return Contents(int(row[0]), int(row[1]))

    def check(self) -> None:
        """Look at all of it, which takes a while; Damaged is raised here if anywhere."""
        with translated():
            (found,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise Damaged(" ".join(found.split()))

    def close(self) -> None:
        """Close the file; the second time does nothing."""
        with suppress(sqlite3.Error):
            self._connection.close()

    @property
    def _path(self) -> Path:
        return _path(self._folder, self._number)

    def _set_up(self, max_bytes: int) -> None:
        # A quarter is for the log, which holds what has been written lately, and whole sentences.
        self._place_bytes = max_bytes // 4 * 3
        self._longest_bytes = self._log_bytes = max_bytes // 16
        log_pages = max(16, min(256, self._log_bytes // 2 // _PAGE_BYTES))
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, max(self._longest_bytes, 65_536))
        self._set(
            "trusted_schema = OFF",
            "cell_size_check = ON",
            "cache_size = -512",
            "synchronous = NORMAL",
            f"wal_autocheckpoint = {log_pages}",
            f"journal_size_limit = {self._log_bytes // 2}",
        )
        version = self._pragma("user_version")
        if not version and not self._pragma("schema_version"):
            self._set(
                f"page_size = {_PAGE_BYTES}", "auto_vacuum = INCREMENTAL", "journal_mode = WAL"
            )
            with self._transaction():
                for statement in _SCHEMA.split(";"):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {_FORMAT}")
        elif version != _FORMAT:
            raise Damaged(f"{self._path.name} has another format: {version}")
        if self._pragma("page_count") * _PAGE_BYTES > self._place_bytes:  # there was more once
            with self._transaction():
                self._make_place(0)
            # It gives a row without columns for each page, which `execute` takes for the end.
            self._connection.executescript("PRAGMA incremental_vacuum")
            self._set("wal_checkpoint(TRUNCATE)")

    def _set(self, *pragmas: str) -> None:
        for pragma in pragmas:
            self._connection.execute(f"PRAGMA {pragma}").fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # some errors have rolled it back already
                self._connection.execute("ROLLBACK")
            raise

    def _use(self, key: bytes, pinned: int | None) -> bool:
        changed = self._connection.execute(
            "UPDATE phrases SET used = ?, pinned = coalesce(?, pinned) WHERE key = ?",
            (self._next_use(), pinned, key),
        )
        return changed.rowcount > 0

    def _find(self, key: bytes) -> int | None:
        row = self._connection.execute("SELECT id FROM phrases WHERE key = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def _next_use(self) -> int:
        row = self._connection.execute("SELECT coalesce(max(used), 0) + 1 FROM phrases").fetchone()
        return int(row[0])

    def _make_place(self, size: int) -> None:
        """Forget what was not used for longest, until there is place for so many bytes."""
        while self._taken_bytes() + size > self._place_bytes:
            row = self._connection.execute(
                "SELECT id FROM phrases ORDER BY pinned, used LIMIT 1"
            ).fetchone()
            if row is None:
                raise Damaged("it takes place, but holds nothing")
            self._delete("id = ?", row[0])

    def _delete(self, where: str, value: bytes | int) -> None:
        self._connection.execute(
            f"DELETE FROM sounds WHERE id = (SELECT id FROM phrases WHERE {where})",  # noqa: S608
            (value,),
        )
        self._connection.execute(f"DELETE FROM phrases WHERE {where}", (value,))  # noqa: S608

    def _unpin_oldest(self) -> None:
        pinned = self._connection.execute(
            "SELECT id, bytes FROM phrases WHERE pinned = 1 ORDER BY used DESC"
        ).fetchall()
        size = 0
        for identity, size_bytes in pinned:
            size += size_bytes
            if size > self._place_bytes // 2:
                self._connection.execute("UPDATE phrases SET pinned = 0 WHERE id = ?", (identity,))

    def _shorten_log(self) -> None:
        """Empty the log if it has grown, which it does while others read all the time."""
        log = self._path.with_name(f"{self._path.name}-wal")
        with suppress(FileNotFoundError):
            if log.stat().st_size <= self._log_bytes:
                return
            row = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if row[0]:
                raise Busy

    def _taken_bytes(self) -> int:
        return (self._pragma("page_count") - self._pragma("freelist_count")) * _PAGE_BYTES

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])


@contextmanager
def translated() -> Iterator[None]:
    """Say what an error of SQLite or of the operating system means."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        if code & 0xFF in _BUSY:
            raise Busy from error
        if code == sqlite3.SQLITE_TOOBIG:
            raise BadPhrase from error
        if code & 0xFF in _TROUBLE and code not in _TRUNCATED:
            raise Unavailable(str(error)) from error
        # Our statements are right, so whatever else SQLite says, it says of the file.
        raise Damaged(str(error)) from error
    except (OSError, MemoryError) as error:
        raise Unavailable(getattr(error, "strerror", None) or str(error)) from error
    except (TypeError, ValueError, OverflowError) as error:  # values of other types than were put
        raise Damaged(str(error)) from error


def _digest(key: bytes, content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES, key=key).digest()


def _path(folder: Path, number: int) -> Path:
    return folder / f"phrases-{number}.db"


def _numbers(folder: Path) -> list[int]:
    matches = (_NAME.fullmatch(path.name) for path in folder.iterdir())
    return [int(match[1]) for match in matches if match]


def _remove_older(folder: Path, number: int) -> None:
    for older in _numbers(folder):
        if older < number:
            for suffix in ("", "-wal", "-shm"):
                with suppress(OSError):
                    _path(folder, older).with_name(f"phrases-{older}.db{suffix}").unlink()
