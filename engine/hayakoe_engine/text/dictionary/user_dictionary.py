"""The user dictionary: how the user wants words to be read."""

from __future__ import annotations

import logging
import threading
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

from hayakoe_engine.text.dictionary.compiler import Compiler, Lexicon
from hayakoe_engine.text.dictionary.entry import (
    DEFAULT_PRIORITY,
    FIELDS,
    Entry,
    normal_surface,
)
from hayakoe_engine.text.dictionary.errors import (
    BadDictionaryEntry,
    BadDictionaryFile,
    DictionaryUnavailable,
    WordNotFound,
)
from hayakoe_engine.text.dictionary.formats import Format, format_words, parse_words
from hayakoe_engine.text.dictionary.store import UNSEEN, DictionaryStore, Stored, Words, check_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from hayakoe_engine.errors import HayakoeError

__all__ = [
    "BadDictionaryEntry",
    "BadDictionaryFile",
    "DictionaryUnavailable",
    "Entry",
    "Format",
    "Imported",
    "Lexicon",
    "UserDictionary",
    "WordNotFound",
]

_LOG: Final = logging.getLogger(__name__)
_SHOWN: Final = 10

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a list of words.

    Attributes:
        added: How many were not there before.
        replaced: How many took the place of others.
        refused: What was wrong with the rest.
    """

    added: int
    replaced: int
    refused: tuple[BadDictionaryEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class _State:
    """All that changes with the words; replaced as a whole."""

    stored: Stored
    lexicon: Lexicon
    version: int


class UserDictionary:
    """Words with their readings, kept in a file; may be used from many threads at once.

    A change is compiled and saved before anybody sees it; whoever asks for ``lexicon`` next has
    it, and whoever has one already reads on with that undisturbed. A change that fails changes
    nothing. Changes start a process for a moment, so an event loop hands them to a thread.

    To begin with, nothing that is wrong with the file is an error: ``problems`` and the log say
    what it is, and what is right is used.

    Args:
        path: A YAML file; it need not exist. None keeps the words in memory only.

    Attributes:
        path: The same.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._store = None if path is None else DictionaryStore(path)
        self._compiler = Compiler()
        self._lock = threading.Lock()
        self._state = _State(Stored({}), self._compiler.lexicon(()), 0)
        if self._store is not None:
            self._take(self._store.load())

    @property
    def lexicon(self) -> Lexicon:
        """The words of this moment; take it once for each sentence."""
        return self._state.lexicon

    @property
    def version(self) -> int:
        """Larger after every change."""
        return self._state.version

    @property
    def problems(self) -> tuple[HayakoeError, ...]:
        """What is wrong with the file."""
        return self._state.stored.problems

    def entries(self) -> tuple[Entry, ...]:
        """All words, in the order in which they were added."""
        return tuple(self._state.stored.words.values())

    def get(self, surface: str) -> Entry:
        """One word.

        Raises:
            WordNotFound: It is not there.
        """
        return _found(self._state.stored.words, surface)

    def add(
        self,
        surface: str,
        reading: str,
        *,
        accent: int | None = None,
        priority: int = DEFAULT_PRIORITY,
        match_case: bool = False,
    ) -> bool:
        """Add a word; returns whether it replaces one.

        Raises:
            BadDictionaryEntry: It is wrong, or there are too many.
            DictionaryUnavailable: It could not be saved.
        """
        entry = Entry.of(surface, reading, accent, priority, match_case)
        return self._change(lambda words: _put(words, (entry,))).replaced > 0

    def update(self, surface: str, changes: Mapping[str, object]) -> Entry:
        """Change fields of a word, even its surface; returns what it is now.

        Raises:
            WordNotFound: It is not there.
            BadDictionaryEntry: It would be wrong, or the same as another.
            DictionaryUnavailable: It could not be saved.
        """
        for name in sorted(changes.keys() - set(FIELDS)):
            raise BadDictionaryEntry(
                f"{surface}: there is no field {name!r}; there are {', '.join(FIELDS)}"
            )
        return self._change(lambda words: _altered(words, surface, changes))

    def delete(self, surface: str) -> Entry:
        """Remove a word; returns what it was.

        Raises:
            WordNotFound: It is not there.
            DictionaryUnavailable: It could not be saved.
        """
        return self._change(lambda words: words.pop(_found(words, surface).key))

    def import_words(
        self, content: bytes | str, kind: Format = "yaml", *, skip_wrong: bool = False
    ) -> Imported:
        """Add a list of words in one step; they replace those that are there.

        Args:
            content: The list, at most 5 MiB of UTF-8.
            kind: ``yaml``, ``csv`` or ``voicevox``.
            skip_wrong: Add the words that are right even if others are wrong.

        Raises:
            BadDictionaryFile: The list cannot be read.
            BadDictionaryEntry: Words are wrong, or there are too many.
            DictionaryUnavailable: The words could not be saved.
        """
        parsed = parse_words(content, kind)
        if parsed.problems and not skip_wrong:
            raise _summary(parsed.problems)
        imported = self._change(lambda words: _put(words, parsed.entries))
        return replace(imported, refused=tuple(parsed.problems))

    def export_words(self, kind: Format = "yaml") -> str:
        """All words as ``yaml`` or ``csv``.

        Raises:
            BadDictionaryFile: Nothing is written in another format.
        """
        return format_words(self.entries(), kind)

    def reload_if_changed(self) -> bool:
        """Use what somebody else wrote into the file; returns whether the words changed.

        If that is not possible they stay, and ``problems`` and the log say why.
        """
        if self._store is None:
            return False
        with self._lock:
            before = self._state
            try:
                newest = self._store.newest(before.stored)
            except DictionaryUnavailable as error:
                newest = replace(before.stored, signature=UNSEEN, problems=(error,))
            if newest is not before.stored:
                self._take(newest)
            return self._state.version != before.version

    def _change(self, edit: Callable[[Words], _T]) -> _T:
        """Change the words that the file has now, save them, then use them."""
        with self._lock:
            if self._store is None:
                words, result = _edited(self._state.stored.words, edit)
                self._use(Stored(words), self._compiler.lexicon(words.values()))
                return result
            with self._store.locked():
                newest = self._store.newest(self._state.stored)
                words, result = _edited(newest.words, edit)
                if words == newest.words:
                    self._take(newest)
                else:
                    lexicon = self._compiler.lexicon(words.values())
                    self._use(self._store.save(words, newest), lexicon)
            return result

    def _use(self, stored: Stored, lexicon: Lexicon) -> None:
        self._state = _State(stored, lexicon, self._state.version + 1)

    def _take(self, stored: Stored) -> None:
        """Use what the file holds, if it can be compiled."""
        before = self._state
        known = {str(problem) for problem in before.stored.problems}
        if list(stored.words.values()) == list(before.stored.words.values()):
            self._state = replace(before, stored=stored)
        else:
            try:
                self._use(stored, self._compiler.lexicon(stored.words.values()))
            except DictionaryUnavailable as error:
                # The signature stays as well, so that the next time it is tried again.
                problems = (*stored.problems, error)
                self._state = replace(before, stored=replace(before.stored, problems=problems))
        _log([problem for problem in self.problems if str(problem) not in known])


def _found(words: Words, surface: str) -> Entry:
    name = normal_surface(surface)
    for case in (name, ""):
        if (name.casefold(), case) in words:
            return words[name.casefold(), case]
    raise WordNotFound(f"the dictionary has no word {name[:60]!r}")


def _edited(words: Words, edit: Callable[[Words], _T]) -> tuple[Words, _T]:
    words = dict(words)
    result = edit(words)
    check_size(words)
    return words, result


def _put(words: Words, entries: Iterable[Entry]) -> Imported:
    before = len(words)
    new = {entry.key: entry for entry in entries}
    words.update(new)
    added = len(words) - before
    return Imported(added, len(new) - added)


def _altered(words: Words, surface: str, changes: Mapping[str, object]) -> Entry:
    old = _found(words, surface)
    new = Entry.of(**{**asdict(old), **changes})
    if new.key != old.key and new.key in words:
        raise BadDictionaryEntry(f"{new.surface}: is there already")
    in_order = [new if word is old else word for word in words.values()]
    words.clear()
    words.update((word.key, word) for word in in_order)
    return new


def _summary(problems: Sequence[BadDictionaryEntry]) -> BadDictionaryEntry:
    if len(problems) == 1:
        return problems[0]
    lines = [f"{len(problems)} words are wrong", *map(str, problems[:_SHOWN])]
    if len(problems) > _SHOWN:
        lines.append("and so on")
    return BadDictionaryEntry("\n".join(lines))


def _log(problems: Sequence[HayakoeError]) -> None:
    for problem in problems[:_SHOWN]:
        _LOG.warning("%s%s", problem, f" ({problem.hint})" if problem.hint else "")
    if len(problems) > _SHOWN:
        _LOG.warning("and %d more problems with the user dictionary", len(problems) - _SHOWN)
