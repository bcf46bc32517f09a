"""``wyoming-hayakoe dictionary``: the words of the user's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from hayakoe_engine.errors import RequestError

if TYPE_CHECKING:
    import argparse

    from hayakoe_engine.text.dictionary.user_dictionary import UserDictionary

_KINDS: Final[dict[str, Literal["yaml", "csv", "voicevox"]]] = {
    ".yaml": "yaml",
    ".yml": "yaml",
    ".csv": "csv",
    ".json": "voicevox",
}


def add_parsers(parser: argparse.ArgumentParser) -> None:
    """Add the commands; each sets ``change``."""
    commands = parser.add_subparsers(metavar="ACTION", required=True, help="what to do")

    add = commands.add_parser("add", help="add a word, or replace it")
    add.add_argument("surface", help="the word as it is written")
    add.add_argument("reading", help="the word as it sounds, in kana")
    add.add_argument(
        "--accent", type=int, help="the mora after which the pitch falls; 0 if it does not"
    )
    add.add_argument(
        "--priority",
        type=int,
        default=8,
        help="0 to 10; higher wins over longer words (default: 8)",
    )
    add.set_defaults(change=_add)

    remove = commands.add_parser("remove", help="remove a word")
    remove.add_argument("surface", help="the word as it is written")
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


def _remove(dictionary: UserDictionary, arguments: argparse.Namespace) -> None:
    word = dictionary.delete(arguments.surface)
    print(f"removed: {word.surface}")


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
