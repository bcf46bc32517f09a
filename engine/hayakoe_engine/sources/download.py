"""Brings the files of a listing here, each whole and checked, whatever happens on the way."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hayakoe_engine.disk import copy_whole, sync
from hayakoe_engine.errors import SourceChecksumMismatch, SourceError
from hayakoe_engine.sources.left_out import forget_left_out, left_out
from hayakoe_engine.sources.part import Part, sha256_if_good
from hayakoe_engine.sources.persistence import Attempts, check_wanted
from hayakoe_engine.sources.progress import FetchProgress
from hayakoe_engine.sources.remote import TryAgain
from hayakoe_engine.sources.voices_lock import LockedFile

if TYPE_CHECKING:
    from pathlib import Path

    from hayakoe_engine.sources.access import SourceAccess
    from hayakoe_engine.sources.remote import Listing, Remote, RemoteFile

_PROOF_OF_LIFE_BYTES: Final = 1 << 20
"""So much must arrive for earlier failures to be forgotten."""

_ROUNDS: Final = 2
"""So often a file may turn out to be wrong: the first time, what was resumed may have been."""


@dataclass(frozen=True, slots=True)
class Download:
    """A listing and where its files go.

    A file arrives in ``parts`` and is moved to ``folder`` when it is whole, checked and on the
    disk. So whatever is in ``folder`` is good, and a process that is killed at any moment leaves
    what the next one goes on with.

    Attributes:
        remote: Where they come from.
        prefix: What is listed.
        listing: The files.
        folder: Where they go.
        parts: Where they arrive.
        older: Folder with an older state, which may have some files in common; None if there is
            none.
        access: Patience, and who is told.
    """

    remote: Remote
    prefix: str
    listing: Listing
    folder: Path
    parts: Path
    older: Path | None
    access: SourceAccess

    def run(self) -> tuple[LockedFile, ...]:
        """Bring everything that is not here yet.

        Raises:
            ContentChanged: The source has something else by now.
            SourceError: As for ``Source.fetch``. What has arrived is kept.
            OSError: It cannot be written here.
        """
        for folder in (self.folder, self.parts):
            folder.mkdir(parents=True, exist_ok=True)
        here: dict[str, str] = {}
        missing: list[RemoteFile] = []
        for file in sorted(self.listing.files, key=lambda file: file.path):
            sha256 = self._find(file)
            if sha256 is None:
                missing.append(file)
            else:
                here[file.path] = sha256
        self._check_space(missing)
        done_bytes = sum(file.size_bytes for file in self.listing.files if file.path in here)
        for file in missing:
            here[file.path] = self._bring(file, done_bytes)
            done_bytes += file.size_bytes
        shutil.rmtree(self.parts)
        return tuple(
            LockedFile(file.path, file.size_bytes, here[file.path])
            for file in sorted(self.listing.files, key=lambda file: file.path)
        )

    def _find(self, file: RemoteFile) -> str | None:
        """The SHA-256 of a file that need not be downloaded."""
        target = self.folder / file.path
        sha256 = sha256_if_good(target, file) or self._left_out(target, file)
        if sha256 is None and self.older is not None and file.checksum is not None:
            older = self.older / file.path
            sha256 = sha256_if_good(older, file)
            if sha256 is not None:
                copy = self._part_path(file)
                copy.unlink(missing_ok=True)
                try:
                    copy.hardlink_to(older)
                except OSError:  # the file system has no such thing
                    copy_whole(older, copy)
                _move(copy, target)
        return sha256

    def _left_out(self, target: Path, file: RemoteFile) -> str | None:
        """The SHA-256 of a file that nobody wants here."""
        note = None if self.access.whole else left_out(target)
        if note is None or file.checksum is None or file.checksum.kind != "sha256":
            return None
        offered = file.size_bytes, file.checksum.digest
        return note.sha256 if offered == (note.size_bytes, note.sha256) else None

    def _check_space(self, missing: list[RemoteFile]) -> None:
        needed_bytes = sum(file.size_bytes for file in missing)
        for part in self.parts.iterdir():
            needed_bytes -= part.stat().st_size
        free_bytes = shutil.disk_usage(self.folder).free
        if needed_bytes > free_bytes:
            raise SourceError(
                f"{self.folder}: {needed_bytes / 1e6:.0f} MB are to be downloaded, but only "
                f"{free_bytes / 1e6:.0f} MB are free",
                hint="make room, or choose another cache folder",
            )

    def _bring(self, file: RemoteFile, done_bytes: int) -> str:
        path = self._part_path(file)
        with Part(path, file) as part:
            for _ in range(_ROUNDS):
                self._fill(part, file, done_bytes)
                sha256 = part.finish()
                if sha256 is not None:
                    break
                part.restart()
            else:
                raise self._mismatch(file, "has not the checksum that it should have")
        _move(path, self.folder / file.path)
        return sha256

    def _fill(self, part: Part, file: RemoteFile, done_bytes: int) -> None:
        """Let the rest of a file arrive, in as many attempts as that takes."""
        attempts = Attempts(self.access, self.remote.uri)
        self._report(part, file, done_bytes)
        while not part.is_complete:
            before_bytes = part.size_bytes
            try:
                self._receive(part, file, done_bytes)
            except TryAgain as failure:
                if part.size_bytes - before_bytes >= _PROOF_OF_LIFE_BYTES:
                    attempts.succeeded()
                attempts.wait_after(failure)

    def _receive(self, part: Part, file: RemoteFile, done_bytes: int) -> None:
        with self.remote.read(self.prefix, self.listing, file, part.size_bytes) as body:
            if body.start != part.size_bytes:
                part.restart()
            for chunk in body.chunks:
                check_wanted(self.access, self.remote.uri)
                if not part.append(chunk):
                    part.restart()
                    raise self._mismatch(file, "is larger than it should be")
                self._report(part, file, done_bytes)
        if not part.is_complete:
            raise TryAgain(f"{file.path} ended early")

    def _report(self, part: Part, file: RemoteFile, done_bytes: int) -> None:
        if self.access.on_progress is None:
            return
        self.access.on_progress(
            FetchProgress(
                source=self.remote.uri,
                prefix=self.prefix,
                file=file.path,
                file_bytes=part.size_bytes,
                file_size_bytes=file.size_bytes,
                done_bytes=done_bytes + part.size_bytes,
                total_bytes=sum(file.size_bytes for file in self.listing.files),
            )
        )

    def _mismatch(self, file: RemoteFile, what: str) -> SourceChecksumMismatch:
        return SourceChecksumMismatch(
            f"{self.remote.uri}: {self.prefix}/{file.path} {what}",
            hint="somebody between here and there changes it, or it is damaged there",
        )

    def _part_path(self, file: RemoteFile) -> Path:
        """Where a file arrives: one name whatever folders its path has."""
        return self.parts / (hashlib.sha256(file.path.encode()).hexdigest()[:16] + ".part")


def _move(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    file.replace(target)
    forget_left_out(target)
    sync(target.parent)
