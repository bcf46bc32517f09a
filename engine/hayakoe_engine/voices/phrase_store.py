"""Spoken sentences that outlive the process, and that other processes find."""

from __future__ import annotations

import logging
import threading
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from hayakoe_engine.voices.phrase_content import decode_phrase, encode_phrase
from hayakoe_engine.voices.phrase_database import (
    BadPhrase,
    Busy,
    Contents,
    Damaged,
    PhraseDatabase,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from hayakoe_engine.window import MadeWindow

    Phrase: TypeAlias = tuple[MadeWindow, ...]

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")

StoreState = Literal["on", "failed"]

_READ_WAIT_S: Final = 0.1
_WRITE_WAIT_S: Final = 5.0
_MAX_WAITING: Final = 16


class PhraseStore:
    """A folder of spoken sentences by their keys. May be used from many threads at once.

    No method raises, and none but ``flush`` and ``close`` waits for the disk to be written:
    whatever goes wrong with the disk, people are spoken to. What cannot be kept is made anew the
    next time.

    A sentence comes back with the same windows, phones and timings, and with samples that give the
    same 16-bit PCM as those that were put in. Neither the text nor the options are kept, but a hash
    of them; the sound and its phones are, in files that only this user can read.

    - Whatever moment the process is killed at, the next one finds a sound database.
    - A damaged sentence is not given out, and removed. A damaged database is set aside, and a new
      one begun.
    - On a full disk nothing more is kept; where the folder cannot be used there is no store until
      the next start. Both are said once.

    Args:
        folder: Made when something is asked for or kept for the first time.
        max_bytes: Bound of what lies in the folder; what was not used for longest goes first.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._reader = _Connection(folder, max_bytes, _READ_WAIT_S)
        self._writer = _Connection(folder, max_bytes, _WRITE_WAIT_S)
        self._background = ThreadPoolExecutor(1, thread_name_prefix="hayakoe-phrases")
        self._lock = threading.Lock()
        self._waiting = 0
        self._is_closed = False
        self._is_off = False
        self._works = True
        self._has_complained = False
        self._sound_from = 0
        self._contents = Contents()
        self._close_files = weakref.finalize(self, _close_all, self._reader, self._writer)

    @property
    def state(self) -> StoreState:
        """Whether the last sentence could be kept."""
        return "on" if self._works else "failed"

    @property
    def contents(self) -> Contents:
        """How much was there when something was written for the last time."""
        return self._contents

    def open(self) -> None:
        """Open the database now, so that the first sentence need not wait for it."""
        self._contents = self._read(PhraseDatabase.contents) or self._contents

    def get(self, key: bytes) -> Phrase | None:
        """The windows of a sentence, if they are kept; within a few milliseconds."""
        try:
            content = self._read(lambda database: database.get(key))
        except BadPhrase:
            _LOG.warning("a sentence kept in %s was damaged; it is made anew", self._folder)
            self._later(lambda: self._write(lambda database: database.delete(key)))
            return None
        return None if content is None else decode_phrase(content)

    def put(self, key: bytes, phrase: Phrase, *, pinned: bool = False) -> None:
        """Keep a sentence, soon; if it is there already, only note that it was used.

        Args:
            key: 32 bytes that are the same for the same sound only.
            phrase: Its windows.
            pinned: Whether it is to stay as long as it was not used.
        """

        def write() -> None:
            content = encode_phrase(phrase)
            self._write(lambda database: database.put(key, content, pinned=pinned))

        self._later(write)

    def use(self, key: bytes) -> None:
        """Note that a sentence was spoken."""
        self._later(lambda: self._write(lambda database: database.use(key)))

    def flush(self) -> None:
        """Wait until everything that was put in is kept, or cannot be."""
        with self._lock:
            last = self._submit(lambda: None) if self._waiting and not self._is_closed else None
        if last is not None:
            last.result()

    def close(self) -> None:
        """Keep what was put in, and close the files; the second time does nothing."""
        with self._lock:
            self._is_closed = True
        self._background.shutdown()
        self._close_files()

    def _read(self, read: Callable[[PhraseDatabase], _T]) -> _T | None:
        if self._is_off or self._is_closed:
            return None
        try:
            return self._reader.use(read)
        except Busy:
            return None
        except Damaged as damage:
            self._later(partial(self._set_aside, damage))
        except Unavailable as trouble:
            self._is_off = True
            self._complain(trouble)
        return None

    def _write(self, write: Callable[[PhraseDatabase], None]) -> None:
        """In the background."""
        if self._is_off:
            return
        if not (self._reader.is_current and self._writer.is_current):
            self._reopen()
        try:
            try:
                self._keep(write)
            except Damaged as damage:
                self._set_aside(damage)
                self._writer.use(write)
            self._contents = self._writer.use(PhraseDatabase.contents)
            self._works = True
        except Busy:
            _LOG.debug("a sentence was not kept: another process is writing")
        except BadPhrase:
            pass
        except (Damaged, Unavailable) as trouble:
            self._is_off = not self._writer.is_open
            self._complain(trouble)

    def _keep(self, write: Callable[[PhraseDatabase], None]) -> None:
        try:
            self._writer.use(write)
        except Unavailable:
            if not self._has_complained:  # damage may look like a full disk
                self._writer.use(PhraseDatabase.check)
            raise

    def _set_aside(self, damage: Damaged) -> None:
        """Begin a new database in place of a damaged one, unless that has been done."""
        if damage.number < self._sound_from:
            return
        self._reopen()
        try:
            self._sound_from = self._writer.open_instead_of(damage.number)
        except (Busy, Damaged, Unavailable) as trouble:
            self._is_off = True
            self._complain(trouble)
            return
        _LOG.warning(
            "the sentences kept in %s were damaged (%s) and are set aside; they are made anew",
            self._folder,
            damage,
        )

    def _reopen(self) -> None:
        _close_all(self._reader, self._writer)

    def _complain(self, trouble: Exception) -> None:
        self._works = False
        with self._lock:
            if self._has_complained:
                return
            self._has_complained = True
        _LOG.warning(
            "sentences are not kept in %s for the next time: %s", self._folder, trouble or "damaged"
        )

    def _later(self, work: Callable[[], None]) -> None:
        """Do it in the background, unless there is too much to do there already."""
        with self._lock:
            if not self._is_closed and self._waiting < _MAX_WAITING:
                self._submit(work)

    def _submit(self, work: Callable[[], None]) -> Future[None]:
        self._waiting += 1
        return self._background.submit(self._work, work)

    def _work(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:  # noqa: BLE001 - the thread must live on
            _LOG.exception("keeping a sentence in %s failed", self._folder)
        finally:
            with self._lock:
                self._waiting -= 1


class _Connection:
    """A database that is opened when it is needed; one thread at a time has it.

    Args:
        folder: Of the database.
        max_bytes: Bound of the folder.
        wait_s: How long to wait for another process.
    """

    def __init__(self, folder: Path, max_bytes: int, wait_s: float) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._database: PhraseDatabase | None = None
        self._is_start = True

    @property
    def is_open(self) -> bool:
        return self._database is not None

    @property
    def is_current(self) -> bool:
        """Whether no other file has taken the place of the one that is open."""
        with self._lock:
            return self._database is None or self._database.is_current

    def use(self, use: Callable[[PhraseDatabase], _T]) -> _T:
        """Do something with the database.

        Raises:
            Damaged: It is; the error has its number.
            BadPhrase: Only the sentence in question is.
            Unavailable: The disk does not do it.
            Busy: Another process keeps it from being done.
        """
        with self._lock:
            if self._database is None:
                is_start, self._is_start = self._is_start, False
                self._database = PhraseDatabase.open(
                    self._folder, self._max_bytes, wait_s=self._wait_s, removes_older=is_start
                )
            try:
                return use(self._database)
            except Damaged as damage:
                damage.number = self._database.number
                raise

    def open_instead_of(self, number: int) -> int:
        """Open a newer database than this; returns its number.

        Raises:
            Damaged: It is, as well.
            Unavailable: The disk does not do it.
            Busy: Another process keeps it from being done.
        """
        with self._lock:
            self._is_start = False
            if self._database is not None:
                self._database.close()
            self._database = PhraseDatabase.open(
                self._folder, self._max_bytes, wait_s=self._wait_s, instead_of=number
            )
            return self._database.number

    def close(self) -> None:
        with self._lock:
            if self._database is not None:
                self._database.close()
            self._database = None


def _close_all(*connections: _Connection) -> None:
    for connection in connections:
        connection.close()
