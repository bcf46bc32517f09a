"""Names that come from elsewhere and become paths here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from hayakoe_engine.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from hayakoe_engine.sources.remote import RemoteFile

MAX_FILES: Final = 1000
MAX_BYTES: Final = 32 << 30
"""Under one prefix; a voice with its language model has a dozen files and less than 2 GB."""

_MAX_NAME_BYTES: Final = 200
_MAX_PATH_BYTES: Final = 1000
_MAX_NEIGHBOURS: Final = 30
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f\\]")


def check_prefix(prefix: str) -> None:
    """Make sure that a prefix names a folder below the root.

    Raises:
        SourceError: It does not.
    """
    if prefix and not is_safe_path(prefix):
        raise SourceError(f"{prefix!r} is no path below the root of a source")


def check_files(files: Collection[RemoteFile], source: str) -> None:
    """Make sure that files that a source offers are fit to be written here.

    Raises:
        SourceError: One has a name that leads elsewhere, two have the same name, or they are too
            many or too large.
    """
    if len(files) > MAX_FILES:
        raise SourceError(f"{source}: {len(files)} files are more than the limit of {MAX_FILES}")
    seen: set[str] = set()
    for file in files:
        if not is_safe_path(file.path) or file.size_bytes < 0:
            raise SourceError(f"{source}: it offers a file {file.path!r}, which is no good name")
        if file.path in seen:
            raise SourceError(f"{source}: it offers {file.path} twice")
        seen.add(file.path)
    total_bytes = sum(file.size_bytes for file in files)
    if total_bytes > MAX_BYTES:
        raise SourceError(
            f"{source}: {total_bytes / 1e9:.1f} GB are more than the limit of "
            f"{MAX_BYTES / 1e9:.1f} GB"
        )


def is_safe_path(path: str) -> bool:
    """Whether a path with slashes leads to a place below where it starts, on every machine."""
    try:
        is_short = len(path.encode()) <= _MAX_PATH_BYTES
        parts = path.split("/")
        return (
            is_short
            and not _UNSAFE.search(path)
            and all(
                part not in {"", ".", ".."} and len(part.encode()) <= _MAX_NAME_BYTES
                for part in parts
            )
        )
    except UnicodeEncodeError:
        return False


def name_neighbours(prefix: str, paths: Iterable[str]) -> str | None:
    """A hint that names what lies beside where a prefix would, so that a typing error is seen."""
    above = prefix.rpartition("/")[0]
    below = f"{above}/" if above else ""
    names = {
        path.removeprefix(below).partition("/")[0]
        for path in paths
        if path.startswith(below) and "/" in path.removeprefix(below)
    }
    return f"there are {', '.join(sorted(names)[:_MAX_NEIGHBOURS])}" if names else None
