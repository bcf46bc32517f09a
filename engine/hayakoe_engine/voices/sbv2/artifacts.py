"""Where installed graphs are kept: made once per published file, whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hayakoe_engine.disk import locked, sha256_of, sync, write_whole
from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.sources.left_out import PublishedLeftOut, leave_out, left_out
from hayakoe_engine.voices.sbv2.artifact_record import ArtifactRecord, made_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LOG = logging.getLogger(__name__)

FORMAT: Final = 4
"""Raised whenever an installed graph of an older version would not do any more."""

_STAMPS: Final = "stamps.json"
_KEY_DIGITS: Final = 32
_REPAIR: Final = "run `wyoming-hayakoe cache verify --repair`, then `wyoming-hayakoe install`"


class ArtifactStore:
    """A folder with a sub-folder per thing installed, named after the content it was made of.

    What somebody has obtained nobody deletes before this object is gone.

    Args:
        root: The folder; made when the first artifact is. It may be read-only if everything that
            is asked for is there already.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._uses: dict[Path, Use] = {}

    def obtain(
        self,
        kind: str,
        sources: Sequence[Path],
        make: Callable[[Path], None],
        *,
        name: str = "",
    ) -> Path:
        """The artifact made of these files, made now if there is none.

        Another process that wants the same waits for it and takes it over.

        Args:
            kind: What it is, for people who look into the folder.
            sources: Published files that it depends on.
            make: Writes it into an empty folder.
            name: What programs call it; empty if they do not.

        Raises:
            PublishedLeftOut: It would have to be made, of what is not kept.
            BadVoiceFiles: A source cannot be read, or the folder cannot be written.
        """
        hashes = {source.name: self.content_hash(source) for source in sources}
        digest = hashlib.sha256(f"{kind} {FORMAT}".encode())
        for content in hashes.values():
            digest.update(content.encode())
        folder = self._root / f"{kind}-{digest.hexdigest()[:_KEY_DIGITS]}"
        record = ArtifactRecord(FORMAT, (name,) if name else (), hashes)
        while True:
            try:
                if not folder.is_dir():
                    _check_kept(sources, folder)
                    self._root.mkdir(parents=True, exist_ok=True)
                    with locked(lock_of(folder), on_wait=_say_so):
                        if not folder.is_dir():
                            self._make(folder, make, record)
            except OSError as error:
                raise BadVoiceFiles(
                    f"{self._root}: cannot install there: {error.strerror or error}"
                ) from error
            self._uses.setdefault(folder, Use(folder))
            if folder.is_dir():  # else somebody has deleted it before it was in use
                self._add_name(folder, record)
                return folder
            self._uses.pop(folder, None)

    def _add_name(self, folder: Path, record: ArtifactRecord) -> None:
        known = ArtifactRecord.read(folder)
        if known is None or not set(record.names) <= set(known.names):
            known = known or replace(record, names=())
            with suppress(OSError):  # it is for those who clean up
                replace(known, names=(*known.names, *record.names)).write(folder)

    def _make(self, folder: Path, make: Callable[[Path], None], record: ArtifactRecord) -> None:
        making = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=self._root))
        try:
            make(making)
            replace(record, files=made_files(making)).write(making)
            for file in making.iterdir():
                sync(file)
            making.chmod(0o755)
            making.replace(folder)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise

    def leave_out(self, files: Sequence[Path], folder: Path) -> int:
        """Delete published files that are not needed any more; a note of them stays.

        Args:
            files: They have been installed; those that are left out already are no matter.
            folder: What was made of them. It is read first, and must be whole.

        Returns:
            Bytes that are free now.

        Raises:
            BadVoiceFiles: Something else than what was made is there, or they cannot be deleted.
        """
        record = ArtifactRecord.read(folder)
        if record is None or not record.files:
            raise BadVoiceFiles(f"{folder}: nothing says what was installed there", hint=_REPAIR)
        for path, problem in record.problems(folder):
            raise BadVoiceFiles(f"{folder / path} {problem}", hint=_REPAIR)
        freed_bytes = 0
        for file in files:
            if left_out(file) is None:
                content = self.content_hash(file)
                try:
                    freed_bytes += leave_out(file, content)
                except OSError as error:
                    raise BadVoiceFiles(
                        f"{file}: cannot be left out: {error.strerror or error}"
                    ) from error
        return freed_bytes

    def present_contents(self) -> set[str]:
        """SHA-256 of the files that something was made of and that are still what they were.

        A file that was left out counts as present.
        """
        present = set()
        for path, known in self._stamps().items():
            with suppress(OSError):
                note = left_out(Path(path))
                if note is not None:
                    present.add(note.sha256)
                    continue
                state = Path(path).stat()
                if isinstance(known, list) and known[:2] == [state.st_size, state.st_mtime_ns]:
                    present.add(str(known[-1]))
        return present

    def content_hash(self, file: Path) -> str:
        """SHA-256 of a file, remembered as long as neither its size nor its time changes.

        Raises:
            BadVoiceFiles: It cannot be read.
        """
        key = str(file.resolve())
        stamps = self._stamps()
        note = left_out(file)
        if note is not None:
            if key not in stamps:  # for ``present_contents``
                self._remember({**stamps, key: [note.size_bytes, 0, note.sha256]})
            return note.sha256
        try:
            state = file.stat()
            stamp = [state.st_size, state.st_mtime_ns]
            known = stamps.get(key)
            if isinstance(known, list) and known[:2] == stamp and len(known) == 3:
                return str(known[2])
            content = sha256_of(file)
        except OSError as error:
            raise BadVoiceFiles(f"{file}: cannot be read: {error.strerror or error}") from error
        self._remember({**stamps, key: [*stamp, content]})
        return content

    def _stamps(self) -> dict[str, object]:
        try:
            stamps = json.loads((self._root / _STAMPS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return stamps if isinstance(stamps, dict) else {}

    def _remember(self, stamps: dict[str, object]) -> None:
        with suppress(OSError):  # it only saves time
            self._root.mkdir(parents=True, exist_ok=True)
            write_whole(self._root / _STAMPS, json.dumps(stamps, indent=1).encode())


class Use:
    """A folder that nobody deletes with ``delete_unused`` as long as this object exists.

    Args:
        folder: Need not be there any more.
    """

    def __init__(self, folder: Path) -> None:
        with suppress(OSError):  # where there are no locks, nobody is kept from deleting it
            descriptor = os.open(folder, os.O_RDONLY)
            weakref.finalize(self, os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_SH)


def delete_unused(folder: Path) -> bool:
    """Delete a folder unless somebody uses it, perhaps in another process; returns whether it did.

    Raises:
        OSError: It cannot be deleted.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Under another name, so that nobody finds half of it.
        going = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        folder.replace(going)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    shutil.rmtree(going)
    return True


def lock_of(folder: Path) -> Path:
    """Held by whoever makes this folder."""
    return folder.with_name(f".{folder.name}.lock")


def _check_kept(sources: Sequence[Path], folder: Path) -> None:
    for source in sources:
        if left_out(source) is not None:
            raise PublishedLeftOut(source, f"what was made of it is not there, {folder}")


def _say_so() -> None:
    _LOG.info("waiting for another process that installs the same")
