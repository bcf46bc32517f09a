"""Published files that are not kept, because what was made of them is all that is used.

In the place of such a file is a note, ``NAME.left-out``, of what it was::

    {"size": 250355186, "sha256": "1f0c…"}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hayakoe_engine.disk import write_whole
from hayakoe_engine.errors import BadVoiceFiles

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIX: Final = ".left-out"


class PublishedLeftOut(BadVoiceFiles):
    """A published file is needed that was left out."""

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(
            f"{file}: was left out when it had been installed, but is needed: {why}",
            hint="run `wyoming-hayakoe install`, with a network; a container image that it is part "
            "of must be built again",
        )


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not kept.

    Attributes:
        size_bytes: Its size.
        sha256: Of its content, in hexadecimal digits.
    """

    size_bytes: int
    sha256: str


def leave_out(file: Path, sha256: str) -> int:
    """Put a note in the place of a file; returns how many bytes that frees.

    Args:
        file: The file.
        sha256: Of its content.

    Raises:
        OSError: It cannot be done; the file is still there.
    """
    size_bytes = file.stat().st_size
    write_whole(_note_of(file), json.dumps({"size": size_bytes, "sha256": sha256}).encode())
    file.unlink()
    return size_bytes


def left_out(file: Path) -> LeftOut | None:
    """What a file was that is not kept; None if it is there, or nobody has left it out."""
    if file.exists():
        return None
    try:
        note = json.loads(_note_of(file).read_text(encoding="utf-8"))
        return LeftOut(int(note["size"]), str(note["sha256"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def forget_left_out(file: Path) -> None:
    """Remove the note of a file that is there again.

    Raises:
        OSError: It cannot be removed.
    """
    _note_of(file).unlink(missing_ok=True)


def _note_of(file: Path) -> Path:
    return file.with_name(file.name + _SUFFIX)
