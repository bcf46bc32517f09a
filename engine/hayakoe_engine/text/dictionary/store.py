"""The words of the user dictionary on disk: read, recovered, saved."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hayakoe_engine.text.dictionary.entry import MAX_ENTRIES
from hayakoe_engine.text.dictionary.errors import (
    BadDictionaryEntry,
    BadDictionaryFile,
    DictionaryUnavailable,
)
from hayakoe_engine.text.dictionary.file import DictionaryFile, Signature
from hayakoe_engine.text.dictionary.formats import MAX_BYTES, format_words, parse_words

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from hayakoe_engine.errors import HayakoeError
    from hayakoe_engine.text.dictionary.entry import Entry

__all__ = ["UNSEEN", "DictionaryStore", "Stored", "Words", "check_size"]

Words = dict[tuple[str, str], "Entry"]
"""Words by key, in the order of the file; never changed once they are stored."""

UNSEEN: Final = (-1, -1, -1)
"""Signature of no file: what holds it is read again."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of the file.

    Attributes:
        words: The words to use.
        signature: The file that this is about.
        problems: What is wrong with it.
        has_more: Whether it holds something that is not among the words and must not get lost.
    """

    words: Words
    signature: Signature = None
    problems: tuple[HayakoeError, ...] = ()
    has_more: bool = False


class DictionaryStore:
    """Knows how to get words out of a file and into it."""

    def __init__(self, path: Path) -> None:
        self._file = DictionaryFile(path)

    def locked(self) -> AbstractContextManager[None]:
        """Keep other processes from changing the file between ``newest`` and ``save``."""
        return self._file.locked()

    def load(self) -> Stored:
        """Read the file for the first time; damaged, the last good one takes its place."""
        try:
            with self._file.locked():
                content, signature = self._file.read()
                try:
                    if content == b"" and self._file.read_backup():
                        raise BadDictionaryFile("the file is empty")  # noqa: TRY301
                    return self._parsed(content, signature)
                except BadDictionaryFile as error:
                    return self._recovered(error, signature)
        except DictionaryUnavailable as error:
            return Stored(self._backup_words(), UNSEEN, (error,), has_more=True)

    def newest(self, known: Stored) -> Stored:
        """What the file holds now; the known words, if it cannot be understood.

        Raises:
            DictionaryUnavailable: It cannot be read.
        """
        if self._file.signature() == known.signature:
            return known
        content, signature = self._file.read()
        try:
            if content == b"" and known.words:
                # An editor is about to write, or something went wrong.
                raise BadDictionaryFile("the file is empty; a dictionary without words is []")  # noqa: TRY301
            return self._parsed(content, signature)
        except BadDictionaryFile as error:
            return Stored(known.words, signature, (self._named(error),), has_more=True)

    def save(self, words: Words, over: Stored) -> Stored:
        """Replace the file; what it has more than words is kept under another name.

        Raises:
            BadDictionaryEntry: There are too many words.
            DictionaryUnavailable: It is not possible, and the file is as it was.
        """
        check_size(words)
        content = format_words(words.values(), "yaml").encode()
        if len(content) > MAX_BYTES:
            raise BadDictionaryEntry(f"the dictionary would be larger than {MAX_BYTES >> 20} MiB")
        if over.has_more:
            self._file.set_aside()
        return Stored(words, self._file.write(content))

    def _parsed(self, content: bytes | None, signature: Signature) -> Stored:
        if content is None:
            return Stored({}, None)
        parsed = parse_words(content, "yaml")
        words = {entry.key: entry for entry in parsed.entries}
        problems = tuple(self._named(problem) for problem in parsed.problems)
        if not problems:
            self._file.back_up(content)
        return Stored(words, signature, problems, has_more=bool(problems))

    def _recovered(self, error: BadDictionaryFile, signature: Signature) -> Stored:
        """Keep a damaged file under another name and put the last good one in its place."""
        kept = self._file.set_aside()
        words = self._backup_words()
        problem = BadDictionaryFile(
            f"{self._named(error)}; it is kept as {kept.name}, and the last good one is used, "
            f"which has {len(words)} words",
            hint=f"mend {kept.name} and import it",
        )
        backup = self._file.read_backup()
        if backup is None:
            return Stored(words, signature, (problem,), has_more=True)
        return Stored(words, self._file.write(backup), (problem,))

    def _backup_words(self) -> Words:
        with suppress(BadDictionaryFile):
            parsed = parse_words(self._file.read_backup() or b"", "yaml")
            return {entry.key: entry for entry in parsed.entries}
        return {}

    def _named(self, error: BadDictionaryEntry | BadDictionaryFile) -> HayakoeError:
        return type(error)(f"{self._file.path}: {error}", hint=error.hint)


def check_size(words: Words) -> None:
    """Refuse too many words.

    Raises:
        BadDictionaryEntry: There are too many.
    """
    if len(words) > MAX_ENTRIES:
        raise BadDictionaryEntry(
            f"the dictionary would have {len(words)} words; at most {MAX_ENTRIES} are allowed"
        )
