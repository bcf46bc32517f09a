"""Lists of dictionary words as text: YAML, CSV and the export of VOICEVOX."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from hayakoe_engine.text.dictionary.entry import FIELDS, MAX_ENTRIES, Entry
from hayakoe_engine.text.dictionary.errors import BadDictionaryEntry, BadDictionaryFile
from hayakoe_engine.text.dictionary.yaml_words import read_yaml, yaml_item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["MAX_BYTES", "Format", "Parsed", "format_words", "parse_words"]

MAX_BYTES: Final = 5 * 1024 * 1024

Format = Literal["yaml", "csv", "voicevox"]

_HEADER: Final = (
    "# The user dictionary: words and how they are read.\n"
    "# It may be edited by hand. When the program changes it, comments are lost.\n"
)
_REQUIRED: Final = ("surface", "reading")
_VOICEVOX_FIELDS: Final = {
    "surface": "surface",
    "pronunciation": "reading",
    "accent_type": "accent",
    "priority": "priority",
}
_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_NOTHING: Final = frozenset({"", "~", "null"})
_SHOWN: Final = 60


@dataclass
class Parsed:
    """What a list of words holds.

    Attributes:
        entries: The words that are right, each once.
        problems: What is wrong with the others.
    """

    entries: list[Entry] = field(default_factory=list)
    problems: list[BadDictionaryEntry] = field(default_factory=list)


def parse_words(content: bytes | str, kind: Format) -> Parsed:
    """Read a list of words; of those that are there twice the first counts.

    Raises:
        BadDictionaryFile: It is too large or not of this format.
    """
    parsed = Parsed()
    places: dict[tuple[str, str], str] = {}
    for number, (where, fields) in enumerate(_reader(kind)(_decoded(content))):
        if number >= MAX_ENTRIES:
            raise BadDictionaryFile(f"{where}: there are more than {MAX_ENTRIES} words")
        try:
            entry = Entry.of(**_arguments(fields))
        except BadDictionaryEntry as error:
            parsed.problems.append(BadDictionaryEntry(f"{where}: {error}", hint=error.hint))
            continue
        first = places.setdefault(entry.key, where)
        if first is where:
            parsed.entries.append(entry)
        else:
            twice = f"{where}: {entry.surface}: is there already, see {first}"
            parsed.problems.append(BadDictionaryEntry(twice))
    return parsed


def format_words(entries: Iterable[Entry], kind: Format) -> str:
    """Write words so that ``parse_words`` gives the same.

    Raises:
        BadDictionaryFile: Nothing is written in this format.
    """
    if kind == "yaml":
        return _HEADER + ("".join(map(yaml_item, entries)) or "[]\n")
    if kind == "csv":
        output = io.StringIO()
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow(FIELDS)
        writer.writerows(map(_csv_row, entries))
        return output.getvalue()
    raise BadDictionaryFile(f"words are written as yaml or csv, not as {kind}")


def _csv_row(entry: Entry) -> list[str]:
    accent = "" if entry.accent is None else str(entry.accent)
    match_case = "true" if entry.match_case else ""
    return [entry.surface, entry.reading, accent, str(entry.priority), match_case]


def _decoded(content: bytes | str) -> str:
    if isinstance(content, str):
        content = content.encode(errors="surrogatepass")
    if len(content) > MAX_BYTES:
        raise BadDictionaryFile(f"a list of words has at most {MAX_BYTES >> 20} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadDictionaryFile(
            f"byte {error.start + 1} is not UTF-8", hint="save the file as UTF-8"
        ) from None


def _arguments(fields: dict[str, object]) -> dict[str, object]:
    """The arguments of ``Entry.of``; empty fields take their defaults."""
    name = str(fields.get("surface", "a word"))[:_SHOWN]
    for wrong in fields.keys() - set(FIELDS):
        raise BadDictionaryEntry(
            f"{name}: there is no field {wrong[:_SHOWN]!r}; there are {', '.join(FIELDS)}"
        )
    for required in _REQUIRED:
        if required not in fields:
            raise BadDictionaryEntry(f"{name}: the {required} is missing")
    typed = {name: _typed(name, value) for name, value in fields.items()}
    return {name: value for name, value in typed.items() if value is not None}


def _typed(name: str, value: object) -> object:
    """A value that is written as text, as what it means; what means nothing stays text."""
    if not isinstance(value, str) or name in _REQUIRED:
        return value
    text = value.strip().lower()
    if text in _NOTHING:
        return None
    if name == "match_case":
        return _BOOLEANS.get(text, value)
    return int(text) if text.isdecimal() and len(text) < 10 else value


def _read_csv(text: str) -> Iterator[tuple[str, dict[str, object]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        if not set(_REQUIRED) <= set(header) or len(set(header)) < len(header):
            raise BadDictionaryFile(f"line 1: a header is expected: {','.join(FIELDS)}")
        for row in reader:
            if not any(row):
                continue
            where = f"line {reader.line_num}"
            if len(row) > len(header):
                raise BadDictionaryFile(
                    f"{where}: there are {len(row)} columns, the header has {len(header)}"
                )
            yield where, dict(zip(header, row, strict=False))
    except csv.Error as error:
        raise BadDictionaryFile(f"line {reader.line_num}: {error}") from None


def _read_voicevox(text: str) -> Iterator[tuple[str, dict[str, object]]]:
    try:
        words = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadDictionaryFile(f"this is no JSON: {str(error)[:200]}") from None
    if not isinstance(words, dict):
        raise BadDictionaryFile("an object is expected, with one word for each id")
    for key, word in words.items():
        if not isinstance(word, dict):
            raise BadDictionaryFile(f"word {key[:_SHOWN]}: an object is expected")
        yield (
            f"word {key[:_SHOWN]}",
            {ours: word[theirs] for theirs, ours in _VOICEVOX_FIELDS.items() if theirs in word},
        )


_READERS: Final = {"yaml": read_yaml, "csv": _read_csv, "voicevox": _read_voicevox}


def _reader(kind: Format) -> Callable[[str], Iterator[tuple[str, dict[str, object]]]]:
    if kind not in _READERS:
        raise BadDictionaryFile(f"words are read as {', '.join(_READERS)}, not as {kind}")
    return _READERS[kind]
