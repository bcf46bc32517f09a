"""What is written down beside things that are made of others: of what, for whom, and what it was.

A file ``made.json`` in their folder::

    {
      "format": 2,
      "names": ["hana"],
      "sources": {"synthesizer.onnx": "1f0c…"},
      "files": {"encoder.onnx": {"size": 1843, "sha256": "…"}}
    }
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final, Self

from hayakoe_engine.disk import sha256_of, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FILE: Final = "made.json"


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file as it was when it had been made."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ArtifactRecord:
    """What is known of a folder with things that were made.

    Attributes:
        format: Of the things.
        names: What programs call those whom they were made for.
        sources: SHA-256 of the files that they were made of, by name.
        files: What was made, by path; empty if nobody has looked.
    """

    format: int
    names: tuple[str, ...] = ()
    sources: dict[str, str] = field(default_factory=dict)
    files: dict[str, MadeFile] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The record of a folder; None if there is none that can be understood."""
        try:
            values = json.loads((folder / _FILE).read_text(encoding="utf-8"))
            return cls(
                format=int(values["format"]),
                names=tuple(map(str, values["names"])),
                sources={str(name): str(sha256) for name, sha256 in values["sources"].items()},
                files={str(path): MadeFile(**file) for path, file in values["files"].items()},
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write(self, folder: Path) -> None:
        """Put it into a folder.

        Raises:
            OSError: It cannot be written.
        """
        write_whole(folder / _FILE, json.dumps(asdict(self), indent=1).encode())

    def problems(self, folder: Path) -> Iterator[tuple[str, str]]:
        """Files in a folder that are not what was made: their paths and what is wrong."""
        for path, file in self.files.items():
            try:
                size = (folder / path).stat().st_size
                if size != file.size:
                    yield path, f"has {size} bytes instead of {file.size}"
                elif sha256_of(folder / path) != file.sha256:
                    yield path, "has another content"
            except FileNotFoundError:
                yield path, "is missing"
            except OSError as error:
                yield path, f"cannot be read: {error.strerror or error}"


def made_files(folder: Path) -> dict[str, MadeFile]:
    """What is in a folder that has just been made.

    Raises:
        OSError: It cannot be read.
    """
    return {
        file.relative_to(folder).as_posix(): MadeFile(file.stat().st_size, sha256_of(file))
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != _FILE
    }
