"""Voices that are part of the image: what there are, and how the server gets at them.

The image is the same on every machine and may be read-only. What is adapted to a machine's
processor is not in it; the engine makes that at the first start, in a cache that can be written.
So that cache gets links to what the image has.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Final, TypedDict

from hayakoe_engine.disk import write_whole
from hayakoe_engine.sources.voices_lock import VoicesLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOG = logging.getLogger(__name__)

INDEX: Final = "baked.json"
LOCAL: Final = "local"
"""Folder for what was not downloaded when it was baked but copied, laid out as a repository."""

_INSTALLED: Final = "installed"
_STAMPS: Final = "stamps.json"


class BakedVoice(TypedDict):
    """One voice of the image."""

    source: str
    title: str | None
    styles: list[str]


def read_index(baked: Path) -> dict[str, BakedVoice]:
    """The voices of the image by name; none if nothing is baked."""
    try:
        index: dict[str, BakedVoice] = json.loads((baked / INDEX).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return index


def link_baked(baked: Path, cache: Path) -> None:
    """Make what the image has a part of a cache; links to an older image's contents are removed.

    Args:
        baked: A cache that is only read.
        cache: The cache that the server uses.

    Raises:
        OSError: The cache cannot be written.
    """
    _remove_broken_links(cache)
    lock = _lock_of(cache)
    baked_folders = _lock_of(baked).read()
    for folder in baked_folders:
        _link(baked / folder.folder, cache / folder.folder)
    is_baked = {(folder.uri, folder.prefix) for folder in baked_folders}
    if is_baked:
        lock.change(
            lambda folders: [
                *(one for one in folders if (one.uri, one.prefix) not in is_baked),
                *baked_folders,
            ]
        )
    for artifact in _artifacts(baked):
        _link(artifact, cache / _INSTALLED / artifact.name)
    stamps = _stamps(baked)
    if stamps:
        merged = {**_stamps(cache), **stamps}
        write_whole(cache / _INSTALLED / _STAMPS, json.dumps(merged, indent=1).encode())


def _lock_of(cache: Path) -> VoicesLock:
    return VoicesLock(cache / "voices.lock", cache / "downloads" / "lock")


def _artifacts(cache: Path) -> Iterator[Path]:
    installed = cache / _INSTALLED
    if installed.is_dir():
        yield from (
            path for path in installed.iterdir() if path.is_dir() and not path.name.startswith(".")
        )


def _link(target: Path, link: Path) -> None:
    if link.exists():
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)


def _remove_broken_links(cache: Path) -> None:
    for pattern in (f"{_INSTALLED}/*", "downloads/*/*"):
        for path in cache.glob(pattern):
            if path.is_symlink() and not path.exists():
                path.unlink()


def _stamps(cache: Path) -> dict[str, object]:
    try:
        stamps = json.loads((cache / _INSTALLED / _STAMPS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return stamps if isinstance(stamps, dict) else {}
