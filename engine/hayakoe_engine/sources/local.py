"""A folder on this machine, used in place."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

from hayakoe_engine.errors import SourceNotFound

_VOICE_FILE: Final = "config.json"
_VOICES: Final = "speakers"


class LocalSource:
    """A folder laid out as the published repository, or the folder of a single voice.

    Args:
        root: Path; ``~`` is the user's home.
    """

    def __init__(self, root: str) -> None:
        self._root = Path(root).expanduser()

    def fetch(self, prefix: str) -> Path:
        """The folder itself.

        Raises:
            SourceNotFound: There is no such folder.
        """
        folder = self._root / prefix
        if folder.is_dir():
            return folder
        is_voice = PurePosixPath(prefix).parent.name == _VOICES
        if is_voice and (self._root / _VOICE_FILE).is_file():
            return self._root
        raise SourceNotFound(f"{folder}: there is no such folder")
