"""Where installed graphs are kept: made once per published file, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hayakoe_engine.disk import locked, sha256_of, sync, write_whole
from hayakoe_engine.errors import BadVoiceFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LOG = logging.getLogger(__name__)

FORMAT: Final = 2
"""Raised whenever an installed graph of an older version would not do any more."""

_STAMPS: Final = "stamps.json"
_KEY_DIGITS: Final = 32


class ArtifactStore:
    """A folder with a sub-folder per thing installed, named after the content it was made of.

    Args:
        root: The folder; made when the first artifact is. It may be read-only if everything that
            is asked for is there already.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def obtain(self, kind: str, sources: Sequence[Path], make: Callable[[Path], None]) -> Path:
        """The artifact made of these files, made now if there is none.

        Another process that wants the same waits for it and takes it over.

        Args:
            kind: What it is, for people who look into the folder.
            sources: Published files that it depends on.
            make: Writes it into an empty folder.

        Raises:
            BadVoiceFiles: A source cannot be read, or the folder cannot be written.
        """
        digest = hashlib.sha256(f"{kind} {FORMAT}".encode())
        for source in sources:
            digest.update(self._content_hash(source).encode())
        folder = self._root / f"{kind}-{digest.hexdigest()[:_KEY_DIGITS]}"
        if folder.is_dir():
            return folder
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with locked(self._root / f".{folder.name}.lock", on_wait=_say_so):
                if not folder.is_dir():
                    self._make(folder, make)
        except OSError as error:
            raise BadVoiceFiles(
                f"{self._root}: cannot install there: {error.strerror or error}"
            ) from error
        return folder

    def _make(self, folder: Path, make: Callable[[Path], None]) -> None:
        making = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=self._root))
        try:
            make(making)
            for file in making.iterdir():
                sync(file)
            making.chmod(0o755)
            making.replace(folder)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise

    def _content_hash(self, file: Path) -> str:
        """SHA-256 of a file, remembered as long as neither its size nor its time changes."""
        try:
            state = file.stat()
            stamp = [state.st_size, state.st_mtime_ns]
            key = str(file.resolve())
            stamps = self._stamps()
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


def _say_so() -> None:
    _LOG.info("waiting for another process that installs the same")
