"""The folder where downloads are kept: complete ones for ever, others until they are complete."""

from __future__ import annotations

import errno
import hashlib
import logging
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from hayakoe_engine.disk import is_locked, locked, sha256_of
from hayakoe_engine.errors import SourceError, SourceUnreachable
from hayakoe_engine.sources.download import Download
from hayakoe_engine.sources.left_out import LeftOut, left_out
from hayakoe_engine.sources.names import check_files
from hayakoe_engine.sources.persistence import persist
from hayakoe_engine.sources.remote import ContentChanged
from hayakoe_engine.sources.voices_lock import LockedFolder, VoicesLock

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterator
    from pathlib import Path

    from hayakoe_engine.sources.access import SourceAccess
    from hayakoe_engine.sources.remote import Listing, Remote
    from hayakoe_engine.sources.voices_lock import LockedFile

_LOG = logging.getLogger(__name__)

_DOWNLOADS: Final = "downloads"
_LOCK: Final = "lock"
_PARTS: Final = ".parts"
_KEY_DIGITS: Final = 12
_READABLE_CHARS: Final = 80
_CHANGES: Final = 3
"""So often a source may change while it is fetched."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that is not what was downloaded.

    Attributes:
        folder: Where it belongs.
        file: The file.
        problem: What is wrong with it, for people.
    """

    folder: LockedFolder
    file: LockedFile
    problem: str


class DownloadCache:
    """What has been downloaded, below one folder that any number of processes may share.

    ``voices.lock`` in that folder says what is complete (see ``voices_lock``); nothing else is ever
    taken for it. Each pair of source and prefix has a folder below ``downloads``, with a lock, the
    content in a folder named after itself, and, while they arrive, parts of files. An older content
    stays until ``prune``, because somebody may be using it.

    Args:
        root: The folder. It need not be there, and it may be read-only as long as nothing is
            missing in it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._downloads = root / _DOWNLOADS
        self._voices_lock = VoicesLock(root / "voices.lock", self._downloads / _LOCK)

    @property
    def root(self) -> Path:
        """The folder."""
        return self._root

    def find(self, uri: str, prefix: str) -> LockedFolder | None:
        """What has been downloaded from there completely, and is still here."""
        for folder in self.folders():
            if (folder.uri, folder.prefix) == (uri, prefix) and self._is_here(folder):
                return folder
        return None

    def path_of(self, folder: LockedFolder) -> Path:
        """Where its files are."""
        return self._root / folder.folder

    def is_enough(self, folder: LockedFolder, access: SourceAccess) -> bool:
        """Whether a download that is here may be used without asking its source."""
        return not access.update and not (access.whole and self.left_out(folder))

    def left_out(self, folder: LockedFolder) -> tuple[LockedFile, ...]:
        """The files of a download that are not kept; see ``sources.left_out``."""
        root = self.path_of(folder)
        return tuple(file for file in folder.files if _is_left_out(root / file.path, file))

    def kept_bytes(self, folder: LockedFolder) -> int:
        """The size of the files of a download that are kept."""
        return folder.size_bytes - sum(file.size_bytes for file in self.left_out(folder))

    def bring(self, remote: Remote, prefix: str, access: SourceAccess) -> LockedFolder:
        """Download what lies under a prefix.

        Another process that does the same is waited for, and then there is nothing left to do.

        Raises:
            SourceError: As for ``Source.fetch``. What has arrived is kept for the next time.
        """
        key = self._key_folder(remote.uri, prefix)
        with _explained(key), locked(key / _LOCK, on_wait=partial(_say_wait, prefix)):
            older = self.find(remote.uri, prefix)
            if older is not None and self.is_enough(older, access):
                return older
            for _ in range(_CHANGES):
                try:
                    brought = self._bring(remote, prefix, access, key, older)
                except ContentChanged:
                    continue
                self._record(brought)
                return brought
        raise SourceUnreachable(
            f"{remote.uri}: {prefix} changes all the time", hint="try again later"
        )

    def _bring(
        self,
        remote: Remote,
        prefix: str,
        access: SourceAccess,
        key: Path,
        older: LockedFolder | None,
    ) -> LockedFolder:
        listing = persist(
            partial(remote.list_files, prefix),
            access,
            remote.uri,
            limit_s=access.patience.answer_s,
        )
        check_files(listing.files, f"{remote.uri}/{prefix}")
        content = key / _content_name(listing)
        download = Download(
            remote,
            prefix,
            listing,
            folder=content,
            parts=content.with_name(content.name + _PARTS),
            older=None if older is None else self.path_of(older),
            access=access,
        )
        return LockedFolder(
            uri=remote.uri,
            prefix=prefix,
            revision=listing.revision,
            folder=content.relative_to(self._root).as_posix(),
            files=download.run(),
            fetched=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def folders(self) -> tuple[LockedFolder, ...]:
        """Everything that has been downloaded completely."""
        return self._voices_lock.read()

    def verify(self, *, repair: bool = False) -> tuple[Damage, ...]:
        """Read everything that is kept and compare it with what was downloaded.

        Args:
            repair: Whether damaged files are removed, so that the next fetch brings them again.

        Raises:
            SourceError: A damaged file cannot be removed.
        """
        damages = tuple(
            Damage(folder, file, problem)
            for folder in self.folders()
            for file in folder.files
            if (problem := _problem(self.path_of(folder) / file.path, file)) is not None
        )
        if repair:
            for damage in damages:
                path = self.path_of(damage.folder) / damage.file.path
                with _explained(path):
                    path.unlink(missing_ok=True)
        return damages

    def remove(self, folder: LockedFolder) -> None:
        """Forget a download and delete its files.

        Raises:
            SourceError: They cannot be deleted.
        """
        key = self._key_folder(folder.uri, folder.prefix)
        with _explained(key), locked(key / _LOCK, on_wait=partial(_say_wait, folder.prefix)):
            self._voices_lock.change(lambda folders: _without(folders, folder))
            shutil.rmtree(key)

    def prune(self, keep: Container[tuple[str, str]] | None = None) -> int:
        """Delete what is left of downloads that broke off and of older contents.

        What another process is downloading stays.

        Args:
            keep: Pairs of URI and prefix; other downloads are deleted too. None keeps all that are
                complete. See ``needed_downloads``.

        Returns:
            Bytes that are free now.

        Raises:
            SourceError: Something cannot be deleted.
        """
        freed_bytes = 0
        for folder in self.folders():
            if keep is not None and (folder.uri, folder.prefix) not in keep:
                freed_bytes += self.kept_bytes(folder)
                self.remove(folder)
        with _explained(self._downloads):
            for temporary in self._root.glob(".voices.lock.*"):
                temporary.unlink(missing_ok=True)
            keys = [path for path in _entries(self._downloads) if path.name != _LOCK]
            for key in keys:
                if not is_locked(key / _LOCK):
                    freed_bytes += self._prune_key(key)
        return freed_bytes

    def unfinished_bytes(self) -> int:
        """The size of what ``prune`` would delete."""
        kept = {self.path_of(folder) for folder in self.folders()}
        return sum(
            _size_bytes(content)
            for key in _entries(self._downloads)
            for content in _entries(key)
            if content not in kept
        )

    def _record(self, brought: LockedFolder) -> None:
        self._voices_lock.change(lambda folders: [*_without(folders, brought), brought])

    def _prune_key(self, key: Path) -> int:
        freed_bytes = 0
        with locked(key / _LOCK):
            kept = {self.path_of(folder) for folder in self.folders()}
            contents = [path for path in _entries(key) if path.name != _LOCK]
            for content in contents:
                if content not in kept:
                    freed_bytes += _size_bytes(content)
                    shutil.rmtree(content)
            if not kept.intersection(contents):
                shutil.rmtree(key)
        return freed_bytes

    def _is_here(self, folder: LockedFolder) -> bool:
        """Whether all files are there with their sizes; ``verify`` looks closer."""
        root = self.path_of(folder)
        try:
            return all(
                _is_left_out(root / file.path, file)
                or (root / file.path).stat().st_size == file.size_bytes
                for file in folder.files
            )
        except OSError:
            return False

    def _key_folder(self, uri: str, prefix: str) -> Path:
        """The folder of a source and a prefix: readable, and different for each pair."""
        digest = hashlib.sha256(f"{uri}\n{prefix}".encode()).hexdigest()[:_KEY_DIGITS]
        readable = re.sub(r"[^A-Za-z0-9]+", "-", f"{uri}/{prefix}").strip("-")
        return self._downloads / f"{readable[:_READABLE_CHARS]}-{digest}"


def _content_name(listing: Listing) -> str:
    """The name of a folder with these files in it; another one as soon as one of them changes."""
    digest = hashlib.sha256()
    for file in sorted(listing.files, key=lambda file: file.path):
        content = file.checksum.digest if file.checksum is not None else file.version
        digest.update(f"{file.path}\0{file.size_bytes}\0{content}\n".encode())
    return digest.hexdigest()[:_KEY_DIGITS]


def _without(folders: Collection[LockedFolder], gone: LockedFolder) -> list[LockedFolder]:
    return [folder for folder in folders if (folder.uri, folder.prefix) != (gone.uri, gone.prefix)]


def _is_left_out(path: Path, file: LockedFile) -> bool:
    return left_out(path) == LeftOut(file.size_bytes, file.sha256)


def _problem(path: Path, file: LockedFile) -> str | None:
    if _is_left_out(path, file):
        return None
    try:
        size_bytes = path.stat().st_size
        if size_bytes != file.size_bytes:
            return f"has {size_bytes} bytes instead of {file.size_bytes}"
        return None if sha256_of(path) == file.sha256 else "has another content"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _size_bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file())


@contextmanager
def _explained(where: Path) -> Iterator[None]:
    """Say what is wrong with the disk as a ``SourceError``."""
    try:
        yield
    except OSError as error:
        is_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise SourceError(
            f"{error.filename or where}: {error.strerror or error}",
            hint="make room, and try again; what has arrived is kept" if is_full else None,
        ) from error


def _say_wait(prefix: str) -> None:
    _LOG.warning("waiting for another process that downloads %s", prefix)
