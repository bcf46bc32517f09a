"""Reading files that others wrote: nothing is trusted, and errors name the file."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from hayakoe_engine.errors import BadVoiceFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["blaming", "read_text"]

_MAX_TEXT_BYTES: Final = 4 * 1024 * 1024


@contextmanager
def blaming(path: Path) -> Iterator[None]:
    """Turn errors of the system and ``ValueError`` into such as name the file.

    Raises:
        BadVoiceFiles: The block has raised one of these.
    """
    try:
        yield
    except OSError as error:
        raise BadVoiceFiles(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise BadVoiceFiles(f"{path}: {error}") from error


def read_text(path: Path) -> str:
    """The text of a small file in UTF-8, with or without a byte order mark.

    Raises:
        OSError: It cannot be read.
        ValueError: It is too large or no UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(_MAX_TEXT_BYTES + 1)
    if len(content) > _MAX_TEXT_BYTES:
        raise ValueError(f"is larger than {_MAX_TEXT_BYTES} bytes")
    return content.decode("utf-8-sig")
