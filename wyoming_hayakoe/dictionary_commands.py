"""``wyoming-hayakoe dictionary``: the words of the user's own."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from hayakoe_engine.errors import RequestError
from hayakoe_engine.text.dictionary.errors import WordNotFound

if TYPE_CHECKING:
    import argparse

    from hayakoe_engine.text.dictionary.user_dictionary import UserDictionary

_KINDS: Final[dict[str, Literal["yaml", "csv", "voicevox"]]] = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".csv": "csv",
    ".json": "voicevox",
}
_SURFACE_HELP: Final = "the word as it is written"
_READING_HELP: Final = "the word as it sounds, in kana"
_ACCENT_HELP: Final = "the mora after which the pitch falls; 0 if it does not"
_PRIORITY_HELP: Final = "0 to 10; higher wins over longer words"
_FIELDS: Final = ("reading", "accent", "priority")
"""What ``update`` changes."""


def add_parsers(parser: argparse.ArgumentParser) -> None:
    """Add the commands; each sets ``change``."""
    commands = parser.add_subparsers(metavar="ACTION", required=True, help="what to do")

    add = commands.add_parser("add", help="add a word, or replace it")
    add.add_argument("surface", help=_SURFACE_HELP)
    add.add_argument("reading", help=_READING_HELP)
    add.add_argument("--accent", type=int, metavar="N", help=_ACCENT_HELP)
    add.add_argument(
        "--priority", type=int, metavar="N", default=8, help=f"{_PRIORITY_HELP} (default: 8)"
    )
    add.set_defaults(change=_add)

    update = commands.add_parser("update", help="change a word; what is not given stays as it is")
    update.add_argument("surface", help=_SURFACE_HELP)
    update.add_argument("--reading", metavar="KANA", help=_READING_HELP)
    update.add_argument("--accent", type=int, metavar="N", help=_ACCENT_HELP)
    update.add_argument("--priority", type=int, metavar="N", help=_PRIORITY_HELP)
    update.set_defaults(change=_update)

    remove = commands.add_parser("remove", help="remove a word")
    remove.add_argument("surface", help=_SURFACE_HELP)
    remove.set_defaults(change=_remove)

    show = commands.add_parser("list", help="list all words")
    show.set_defaults(change=_list)

    load = commands.add_parser(
        "import", help="add words from a file (.yaml, .csv, or .json as VOICEVOX exports it)"
    )
    load.add_argument("file", type=Path)
    load.add_argument(
        "--skip-wrong", action="store_true", help="leave wrong words out instead of refusing all"
    )
    load.set_defaults(change=_import)

    save = commands.add_parser("export", help="write all words (.yaml or .csv)")
    save.add_argument(
        "file", type=Path, nargs="?", help="YAML goes to standard output if it is absent"
    )
    save.set_defaults(change=_export)


def _add(dictionary: UserDictionary, arguments: argparse.Namespace) -> None:
    replaced = dictionary.add(
        arguments.surface,
        arguments.reading,
        accent=arguments.accent,
        priority=arguments.priority,
    )
    word = dictionary.get(arguments.surface)
    print(f"{'replaced' if replaced else 'added'}: {word.surface} → {word.reading}")


def _update(dictionary: UserDictionary, arguments: argparse.Namespace) -> None:
    given = {name: getattr(arguments, name) for name in _FIELDS}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise RequestError(
            f"{arguments.surface}: there is nothing to change",
            hint=f"give one of --{', --'.join(_FIELDS)}",
        )
    try:
        word = dictionary.update(arguments.surface, changes)
    except WordNotFound as error:
        raise _with_similar(error, dictionary, arguments.surface) from None
    accent = "" if word.accent is None else f", accent {word.accent}"
    print(f"updated: {word.surface} → {word.reading}{accent}, priority {word.priority}")


def _remove(dictionary: UserDictionary, arguments: argparse.Namespace) -> None:
    try:
        word = dictionary.delete(arguments.surface)
    except WordNotFound as error:
        raise _with_similar(error, dictionary, arguments.surface) from None
    print(f"removed: {word.surface}")


def _with_similar(error: WordNotFound, dictionary: UserDictionary, surface: str) -> WordNotFound:
    """The error with words that may have been meant."""
    surfaces = {word.surface.casefold(): word.surface for word in dictionary.entries()}
    close = difflib.get_close_matches(surface.casefold(), surfaces)
    hint = f"similar words are {', '.join(surfaces[name] for name in close)}" if close else None
    return WordNotFound(str(error), hint=hint)


def _list(dictionary: UserDictionary, _: argparse.Namespace) -> None:
    for problem in dictionary.problems:
        print(f"wyoming-hayakoe: {problem}", file=sys.stderr)
    for word in dictionary.entries():
        accent = "" if word.accent is None else f"\taccent {word.accent}"
        print(f"{word.surface}\t{word.reading}{accent}")


def _import(dictionary: UserDictionary, arguments: argparse.Namespace) -> None:
    kind = _kind(arguments.file, (".yaml", ".yml", ".csv", ".json"))
    imported = dictionary.import_words(
        arguments.file.read_bytes(), kind, skip_wrong=arguments.skip_wrong
    )
    for problem in imported.refused:
        print(f"wyoming-hayakoe: left out: {problem}", file=sys.stderr)
    print(f"added {imported.added}, replaced {imported.replaced}")


def _export(dictionary: UserDictionary, arguments: argparse.Namespace) -> None:
    if arguments.file is None:
        print(dictionary.export_words("yaml"), end="")
        return
    kind = _kind(arguments.file, (".yaml", ".yml", ".csv"))
    arguments.file.write_text(
        dictionary.export_words("csv" if kind == "csv" else "yaml"), encoding="utf-8"
    )


def _kind(file: Path, allowed: tuple[str, ...]) -> Literal["yaml", "csv", "voicevox"]:
    if file.suffix.lower() not in allowed:
        raise RequestError(f"{file}: unknown kind of file; the extensions are {', '.join(allowed)}")
    return _KINDS[file.suffix.lower()]
