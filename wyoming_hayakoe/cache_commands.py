"""``wyoming-hayakoe cache``: what has been downloaded."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from hayakoe_engine.errors import RequestError, VoiceError
from hayakoe_engine.sources.layout import needed_downloads

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from hayakoe_engine.sources.cache import DownloadCache
    from hayakoe_engine.sources.voices_lock import LockedFolder
    from wyoming_hayakoe.settings import Settings

_MAIN = "@main"


def add_parsers(parser: argparse.ArgumentParser) -> None:
    """Add the commands; each sets ``look_after``."""
    commands = parser.add_subparsers(metavar="ACTION", required=True, help="what to do")

    show = commands.add_parser("list", help="list what has been downloaded")
    show.add_argument("--json", action="store_true", help="as JSON")
    show.set_defaults(look_after=_list)

    verify = commands.add_parser("verify", help="compare every file with what was downloaded")
    verify.add_argument(
        "--repair",
        action="store_true",
        help="delete damaged files, so that `wyoming-hayakoe install` downloads them again",
    )
    verify.set_defaults(look_after=_verify)

    remove = commands.add_parser("remove", help="delete downloads")
    remove.add_argument(
        "what", nargs="+", metavar="WHAT", help="name of a voice, prefix, or URI of a source"
    )
    remove.set_defaults(look_after=_remove)

    prune = commands.add_parser(
        "prune", help="delete what is left of downloads that broke off, and older contents"
    )
    prune.add_argument(
        "--unused", action="store_true", help="also what no voice of the settings needs"
    )
    prune.set_defaults(look_after=_prune)


def _list(cache: DownloadCache, arguments: argparse.Namespace, _: Settings) -> None:
    folders = cache.folders()
    if arguments.json:
        entries = [
            {
                "uri": folder.uri,
                "prefix": folder.prefix,
                "revision": folder.revision,
                "fetched": folder.fetched,
                "size_bytes": folder.size_bytes,
                "path": str(cache.path_of(folder)),
            }
            for folder in folders
        ]
        print(json.dumps(entries, ensure_ascii=False, indent=2))
        return
    for folder in folders:
        print(
            f"{folder.uri}\t{folder.prefix}\t{_megabytes(folder.size_bytes)}\t"
            f"{folder.fetched}\t{folder.revision}"
        )
    if unfinished_bytes := cache.unfinished_bytes():
        print(
            f"wyoming-hayakoe: {_megabytes(unfinished_bytes)} more are unfinished or old; "
            "`wyoming-hayakoe cache prune` deletes them",
            file=sys.stderr,
        )


def _verify(cache: DownloadCache, arguments: argparse.Namespace, _: Settings) -> None:
    damages = cache.verify(repair=arguments.repair)
    for damage in damages:
        path = cache.path_of(damage.folder) / damage.file.path
        done = "; deleted" if arguments.repair else ""
        print(f"{path} {damage.problem}{done}")
    if damages and not arguments.repair:
        raise VoiceError(
            f"damaged files: {len(damages)}",
            hint="`wyoming-hayakoe cache verify --repair` deletes them, "
            "and `wyoming-hayakoe install` downloads them again",
        )
    good = sum(len(folder.files) for folder in cache.folders()) - len(damages)
    print(f"files as they were downloaded: {good}")


def _remove(cache: DownloadCache, arguments: argparse.Namespace, _: Settings) -> None:
    folders = cache.folders()
    known = {name for folder in folders for name in _names(folder)}
    for what in arguments.what:
        if what not in known:
            names = sorted({folder.prefix.rpartition("/")[2] for folder in folders})
            raise RequestError(
                f"{what} has not been downloaded",
                hint=f"what has: {', '.join(names)}" if names else None,
            )
    for folder in folders:
        if not set(arguments.what).isdisjoint(_names(folder)):
            cache.remove(folder)
            print(f"removed {folder.uri} {folder.prefix}: {_megabytes(folder.size_bytes)}")


def _prune(cache: DownloadCache, arguments: argparse.Namespace, settings: Settings) -> None:
    keep = None
    if arguments.unused:
        sources = {name: voice.source for name, voice in settings.voices.items()}
        keep = needed_downloads(sources, settings.neural.bert_source)
    print(f"deleted {_megabytes(cache.prune(keep))}")


def _names(folder: LockedFolder) -> Iterator[str]:
    """What a user may call it."""
    yield folder.uri
    yield folder.uri.removesuffix(_MAIN)
    yield folder.prefix
    yield folder.prefix.rpartition("/")[2]


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
