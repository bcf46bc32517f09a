"""``wyoming-hayakoe cache``: what has been downloaded, and what has been made of it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from hayakoe_engine.errors import RequestError, VoiceError
from hayakoe_engine.sources.cached import CachedSource
from hayakoe_engine.sources.layout import needed_downloads
from hayakoe_engine.sources.source import open_source
from hayakoe_engine.voices.sbv2.made_files import MadeFiles

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from hayakoe_engine.sources.cache import DownloadCache
    from hayakoe_engine.sources.voices_lock import LockedFolder
    from hayakoe_engine.voices.sbv2.made_files import MadeFolder
    from wyoming_hayakoe.settings import Settings


def add_parsers(parser: argparse.ArgumentParser) -> Iterable[argparse.ArgumentParser]:
    """Add the commands and return them; each sets ``look_after``."""
    commands = parser.add_subparsers(metavar="ACTION", required=True, help="what to do")

    show = commands.add_parser("list", help="list what has been downloaded and made")
    show.add_argument("--json", action="store_true", help="as JSON")
    show.set_defaults(look_after=_list)

    verify = commands.add_parser(
        "verify", help="compare every file with what was downloaded and made"
    )
    verify.add_argument(
        "--repair",
        action="store_true",
        help="delete damaged files, so that `wyoming-hayakoe install` brings them again",
    )
    verify.set_defaults(look_after=_verify)

    remove = commands.add_parser("remove", help="delete downloads and what was made of them")
    remove.add_argument(
        "what", nargs="+", metavar="WHAT", help="name of a voice, prefix, or URI of a source"
    )
    remove.set_defaults(look_after=_remove)

    prune = commands.add_parser(
        "prune", help="delete what is left of what broke off, and older contents"
    )
    prune.add_argument(
        "--unused", action="store_true", help="also what no voice of the settings needs"
    )
    prune.set_defaults(look_after=_prune)
    return show, verify, remove, prune


def _list(cache: DownloadCache, arguments: argparse.Namespace, settings: Settings) -> None:
    folders, made = cache.folders(), _made(cache, settings)
    if arguments.json:
        entries = [_download_entry(cache, folder) for folder in folders]
        entries += (_made_entry(folder) for folder in made.folders())
        print(json.dumps(entries, ensure_ascii=False, indent=2))
        return
    for folder in folders:
        print(
            f"{folder.uri}\t{folder.prefix}\t{_megabytes(cache.kept_bytes(folder))}\t"
            f"{folder.fetched}\t{folder.revision}{_without(cache, folder)}"
        )
    for item in made.folders():
        if item.is_wanted:
            size = _megabytes(item.size_bytes)
            print(f"{item.kind}\t{_who(item)}\t{size}\t\t{item.path.name}")
    if useless_bytes := cache.unfinished_bytes() + made.unwanted_bytes():
        print(
            f"wyoming-hayakoe: {_megabytes(useless_bytes)} more are unfinished or old; "
            "`wyoming-hayakoe cache prune` deletes them",
            file=sys.stderr,
        )


def _verify(cache: DownloadCache, arguments: argparse.Namespace, settings: Settings) -> None:
    downloads = cache.verify(repair=arguments.repair)
    damages = [
        *((cache.path_of(one.folder) / one.file.path, one.problem) for one in downloads),
        *_made(cache, settings).verify(repair=arguments.repair),
    ]
    for path, problem in damages:
        print(f"{path} {problem}{'; deleted' if arguments.repair else ''}")
    if damages and not arguments.repair:
        raise VoiceError(
            f"damaged files: {len(damages)}",
            hint="`wyoming-hayakoe cache verify --repair` deletes them, "
            "and `wyoming-hayakoe install` brings them again",
        )
    folders = cache.folders()
    not_kept = sum(len(cache.left_out(folder)) for folder in folders)
    good = sum(len(folder.files) for folder in folders) - len(downloads) - not_kept
    print(f"files as they were downloaded: {good}")
    if not_kept:
        print(f"files that are kept as installed only: {not_kept}")


def _remove(cache: DownloadCache, arguments: argparse.Namespace, settings: Settings) -> None:
    meant = [_canonical(what) for what in arguments.what]
    wanted = set(meant)
    folders, made = cache.folders(), _made(cache, settings)
    known = {name for folder in folders for name in _names(folder)}
    known |= {name for item in made.folders() for name in item.names}
    for what in meant:
        if what not in known:
            names = {folder.prefix.rpartition("/")[2] for folder in folders}
            names |= {name for item in made.folders() for name in item.names}
            raise RequestError(
                f"{what} has not been downloaded",
                hint=f"what has: {', '.join(sorted(names))}" if names else None,
            )
    had_use = {item.path for item in made.folders() if item.is_wanted}
    for folder in folders:
        if not wanted.isdisjoint(_names(folder)):
            size = _megabytes(cache.kept_bytes(folder))
            cache.remove(folder)
            print(f"removed {folder.uri} {folder.prefix}: {size}")
    for item in made.folders():
        has_lost_use = item.path in had_use and not item.is_wanted
        if has_lost_use or not wanted.isdisjoint(item.names):
            done = "removed" if made.remove(item) else "still in use:"
            print(f"{done} {item.kind} {_who(item)}: {_megabytes(item.size_bytes)}")


def _prune(cache: DownloadCache, arguments: argparse.Namespace, settings: Settings) -> None:
    downloads = names = None
    if arguments.unused:
        sources = {name: voice.source for name, voice in settings.voices.items()}
        downloads = needed_downloads(sources, settings.neural.bert_source)
        names = list(sources)
    freed_bytes = cache.prune(downloads) + _made(cache, settings).prune(names)
    print(f"deleted {_megabytes(freed_bytes)}")


def _made(cache: DownloadCache, settings: Settings) -> MadeFiles:
    own = settings.machine_cache
    return MadeFiles(cache.root, None if own is None else own / "tuned")


def _download_entry(cache: DownloadCache, folder: LockedFolder) -> dict[str, object]:
    return {
        "kind": "download",
        "uri": folder.uri,
        "prefix": folder.prefix,
        "revision": folder.revision,
        "fetched": folder.fetched,
        "size_bytes": cache.kept_bytes(folder),
        "left_out": [file.path for file in cache.left_out(folder)],
        "path": str(cache.path_of(folder)),
    }


def _without(cache: DownloadCache, folder: LockedFolder) -> str:
    names = ", ".join(file.path for file in cache.left_out(folder))
    return f"\tkept as installed only: {names}" if names else ""


def _made_entry(item: MadeFolder) -> dict[str, object]:
    return {
        "kind": item.kind,
        "voices": item.names,
        "wanted": item.is_wanted,
        "size_bytes": item.size_bytes,
        "path": str(item.path),
    }


def _who(item: MadeFolder) -> str:
    return ", ".join(item.names) or "all voices"


def _canonical(what: str) -> str:
    """A source as the cache knows it, however it is written; anything else as it is."""
    if "://" not in what:
        return what
    source = open_source(what)
    return source.uri if isinstance(source, CachedSource) else what


def _names(folder: LockedFolder) -> Iterator[str]:
    """What a user may call it, once ``_canonical``."""
    yield folder.uri
    yield folder.prefix
    yield folder.prefix.rpartition("/")[2]


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
