"""Where the words of the user dictionary stand in a text."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Final

from hayakoe_engine.text.dictionary.entry import JAPANESE_LETTERS, Entry, clusters, normal
from hayakoe_engine.text.rewriting import Replacement

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    from hayakoe_engine.text.rewriting import Rewritten

    Span = tuple[int, int]

__all__ = ["SPELLED_RULE", "WORD_RULE", "Matcher", "not_against_dictionary", "private_surface"]

SPELLED_RULE: Final = "dictionary"
"""Rule of the characters that say how a word is read; nothing may change them any more."""
WORD_RULE: Final = "dictionary word"
"""Rule of the characters of a word that stay as they are, because Open JTalk knows it."""

_FIRST_MARK: Final = 0xE000
_JAPANESE: Final = re.compile(f"[{JAPANESE_LETTERS}]")
_WORD: Final = re.compile(f"[{JAPANESE_LETTERS}]+")
# A unit may follow a number: kWh is a word in 3.5kWh, Stack is none in M5Stack.
_NUMBER_BEFORE: Final = re.compile(r"(?<!\w)[0-9][0-9.,]*\Z", re.ASCII)
_BEFORE_FRACTION: Final = re.compile(r"[0-9][.,]\Z")
_FRACTION: Final = re.compile(r"[.,][0-9]")


def private_surface(entry: Entry) -> str:
    """What stands for a word that Open JTalk cannot find by itself.

    That is its reading and a private character. The character tells the accent, keeps the reading
    from being taken for a part of the text around it, and never comes from a cleaned text.
    """
    return entry.reading + chr(_FIRST_MARK + entry.spoken_accent)


def not_against_dictionary(
    text: Rewritten, changes: Iterable[Replacement], cut: Callable[[str], Container[Span]]
) -> list[Replacement]:
    """Keep the changes that leave alone what the dictionary decided.

    A change may take in a whole word of kanji or kana together with what stands around it, as in
    ``(金)`` of a date, but neither cut such a word nor change it for itself. A built-in word that
    is longer has to give way as well, as 羽生市 to 羽生.

    Args:
        text: What the dictionary made of the sentence.
        changes: What others would change.
        cut: Tells which words the analyser sees in a text. Called only if that matters.
    """
    return [change for change in changes if _is_free(text, change.start, change.stop, cut)]


def _is_free(text: Rewritten, start: int, stop: int, cut: Callable[[str], Container[Span]]) -> bool:
    rules = text.rules
    inside = set(rules[start:stop])
    if SPELLED_RULE in inside or inside == {WORD_RULE}:
        return False
    ends = (end for end in (start, stop) if 0 < end < len(rules))
    if any(rules[end - 1] == rules[end] is not None for end in ends):
        return False
    if WORD_RULE not in inside or not _WORD.fullmatch(text.text, start, stop):
        return True
    parts = [span for span in _words_inside(rules, start, stop) if _is_strong(span, start)]
    return not parts or not any(map(cut(text.text).__contains__, parts))


def _words_inside(rules: tuple[str | None, ...], start: int, stop: int) -> Iterator[Span]:
    for rule, places in groupby(range(start, stop), rules.__getitem__):
        if rule == WORD_RULE:
            first, *others = places
            yield first, (others or [first])[-1] + 1


def _is_strong(span: Span, start: int) -> bool:
    """Whether a word is more than a character, and not what is left of a word without its first.

    雪山 says nothing of 大雪山.
    """
    return span[1] - span[0] > 1 and span[0] - start != 1


class Matcher:
    """Finds words in texts; the longest of those that begin at a place."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        entries = tuple(entries)
        self._spelled = _Index(entry for entry in entries if not entry.is_native)
        self._native = _Index(entry for entry in entries if entry.is_native)

    def find(self, text: str) -> list[Replacement]:
        """What to replace in a sentence, in order and without overlaps."""
        if not (self._spelled.words or self._native.words):
            return []
        folded = _Folded(text)
        changes: list[Replacement] = []
        place = 0
        for start, stop, entry in self._spelled.matches(folded, 0, len(folded.text)):
            changes += self._native_words(folded, place, start)
            changes.append(folded.replacement(start, stop, private_surface(entry), SPELLED_RULE))
            place = stop
        return changes + self._native_words(folded, place, len(folded.text))

    def _native_words(self, folded: _Folded, begin: int, end: int) -> list[Replacement]:
        changes: list[Replacement] = []
        for start, stop, entry in self._native.matches(folded, begin, end):
            whole = folded.replacement(start, stop, entry.surface, WORD_RULE)
            if folded.original[whole.start : whole.stop] != entry.surface:
                changes.append(whole)  # Open JTalk knows only the normal form
                continue
            changes += (
                Replacement(whole.start + i, whole.start + i + 1, char, WORD_RULE)
                for i, char in enumerate(entry.surface)
            )
        return changes


class _Folded:
    """A text made comparable.

    Attributes:
        original: The text.
        text: The text in normal form without case.
        starts: For each character of ``text`` the place in ``original`` if it begins a cluster,
            otherwise -1; and the end.
    """

    def __init__(self, text: str) -> None:
        pieces: list[str] = []
        self.original = text
        self.starts: list[int] = []
        place = 0
        for cluster in clusters(text):
            piece = normal(cluster).casefold()
            pieces.append(piece)
            self.starts += [place, *[-1] * (len(piece) - 1)][: len(piece)]
            place += len(cluster)
        self.starts.append(place)
        self.text = "".join(pieces)

    def replacement(self, start: int, stop: int, text: str, rule: str) -> Replacement:
        return Replacement(self.starts[start], self.starts[stop], text, rule)

    def cased(self, start: int, stop: int) -> str:
        """A part in normal form with its case."""
        return "".join(map(normal, clusters(self.original[self.starts[start] : self.starts[stop]])))

    def is_whole(self, start: int, stop: int) -> bool:
        """Whether no Latin word and no number is cut at either end."""
        if self.starts[start] < 0 or self.starts[stop] < 0:
            return False
        text = self.text
        if start and _is_word(text[start]) and _is_word(text[start - 1]):
            number = _NUMBER_BEFORE.search(text, max(start - 20, 0), start)
            if number is None or text[start].isdecimal():
                return False
        if stop < len(text) and _is_word(text[stop - 1]) and _is_word(text[stop]):
            return False
        return not (
            (text[start].isdecimal() and _BEFORE_FRACTION.search(text, max(start - 2, 0), start))
            or (text[stop - 1].isdecimal() and _FRACTION.match(text, stop))
        )


class _Index:
    def __init__(self, entries: Iterable[Entry]) -> None:
        self.words: dict[str, list[Entry]] = {}
        lengths: dict[str, set[int]] = {}
        for entry in entries:
            key = entry.key[0]
            self.words.setdefault(key, []).append(entry)
            lengths.setdefault(key[0], set()).add(len(key))
        self._lengths = {char: sorted(all_, reverse=True) for char, all_ in lengths.items()}

    def matches(self, folded: _Folded, begin: int, end: int) -> Iterator[tuple[int, int, Entry]]:
        """Words between two places, from left to right."""
        place = begin
        while place < end:
            for length in self._lengths.get(folded.text[place], ()):
                stop = place + length
                entry = self._entry(folded, place, stop) if stop <= end else None
                if entry is not None:
                    yield place, stop, entry
                    place = stop
                    break
            else:
                place += 1

    def _entry(self, folded: _Folded, start: int, stop: int) -> Entry | None:
        candidates = self.words.get(folded.text[start:stop])
        if candidates is None or not folded.is_whole(start, stop):
            return None
        cased = folded.cased(start, stop)
        exact = (entry for entry in candidates if entry.match_case and entry.surface == cased)
        any_case = (entry for entry in candidates if not entry.match_case)
        return next(exact, None) or next(any_case, None)


def _is_word(char: str) -> bool:
    """Whether Latin words and numbers are made of such characters."""
    return char == "_" or (char.isalnum() and not _JAPANESE.match(char))
