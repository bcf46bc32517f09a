"""One word of the user dictionary, checked."""

from __future__ import annotations

import re
import reprlib
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from hayakoe_engine.text.clean import clean_text
from hayakoe_engine.text.dictionary.errors import BadDictionaryEntry
from hayakoe_engine.text.kana import BadKana, default_accent, split_moras, to_katakana

__all__ = ["FIELDS", "Entry", "clusters", "normal", "normal_surface"]

FIELDS: Final = ("surface", "reading", "accent", "priority", "match_case")
DEFAULT_PRIORITY: Final = 8
MAX_PRIORITY: Final = 10
MAX_ENTRIES: Final = 20_000
MAX_SURFACE: Final = 100
MAX_READING: Final = 200

JAPANESE_LETTERS: Final = (
    "々〆ぁ-ゖァ-ヺーㇰ-ㇿ\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_NATIVE: Final = re.compile(f"[{JAPANESE_LETTERS}]+")

# Written differently, meant alike, and not made alike by NFKC.
_ALIKE: Final = str.maketrans("‐‒–—−〜‘’“”", "-----~''\"\"")
# Their plain form means something else: ① is no 1, ² no 2.
_MEANINGFUL: Final = frozenset({"<circle>", "<super>", "<sub>", "<fraction>"})

_SHORT: Final = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


@dataclass(frozen=True, slots=True)
class Entry:
    """How one word is read.

    Attributes:
        surface: The word as it is written, in the form that ``normal`` gives.
        reading: Katakana, as it sounds: ー for long vowels.
        accent: The mora after which the pitch falls, from 1; 0 if it does not; None is where that
            of most loan words falls.
        priority: How strongly it competes with Open JTalk's own words, 0 to 10.
        match_case: Whether only this case of Latin letters is meant.
    """

    surface: str
    reading: str
    accent: int | None = None
    priority: int = DEFAULT_PRIORITY
    match_case: bool = False

    @classmethod
    def of(
        cls,
        surface: object,
        reading: object,
        accent: object = None,
        priority: object = DEFAULT_PRIORITY,
        match_case: object = False,
    ) -> Self:
        """Check and normalise what somebody wrote.

        Raises:
            BadDictionaryEntry: Something is wrong with it.
        """
        word = _checked_surface(surface)
        kana, moras = _checked_reading(word, reading)
        if accent is not None:
            spelled = "・".join(moras[:20]) + "…" * (len(moras) > 20)
            _check_number(word, "accent", accent, len(moras), f"the moras are {spelled}")
        _check_number(word, "priority", priority, MAX_PRIORITY, "8 is the default")
        if not isinstance(match_case, bool):
            raise BadDictionaryEntry(f"{word}: match_case must be true or false")
        return cls(word, kana, accent, priority, match_case)  # type: ignore[arg-type]

    @property
    def moras(self) -> tuple[str, ...]:
        """The reading, mora by mora."""
        return split_moras(self.reading)

    @property
    def spoken_accent(self) -> int:
        """The accent, also where none is given."""
        return default_accent(self.moras) if self.accent is None else self.accent

    @property
    def is_native(self) -> bool:
        """Whether it is all kanji and kana, so that Open JTalk finds it in a text by itself."""
        return _NATIVE.fullmatch(self.surface) is not None

    @property
    def key(self) -> tuple[str, str]:
        """What no two words of a dictionary share."""
        return self.surface.casefold(), self.surface if self.match_case else ""


def clusters(text: str) -> list[str]:
    """Cut a text where normalising one piece does not depend on the next."""
    pieces: list[str] = []
    for char in text:
        if pieces and (_joins(char) or (char.isspace() and pieces[-1].isspace())):
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


@lru_cache(maxsize=8192)
def normal(cluster: str) -> str:
    """One cluster in the form in which words are compared."""
    if cluster.isspace():
        return " "
    if unicodedata.decomposition(cluster[0]).split(" ", 1)[0] in _MEANINGFUL:
        return cluster
    return unicodedata.normalize("NFKC", cluster).translate(_ALIKE)


def normal_surface(text: str) -> str:
    """A word in the form in which words are compared and kept."""
    return "".join(map(normal, clusters(text))).strip()


@lru_cache(maxsize=8192)
def _joins(char: str) -> bool:
    return unicodedata.combining(unicodedata.normalize("NFKC", char)[0]) != 0


def _checked_surface(surface: object) -> str:
    if not isinstance(surface, str):
        raise BadDictionaryEntry(f"the surface must be text, not {_SHORT.repr(surface)}")
    # A word longer than this has nothing to be shown for.
    word = normal_surface(surface[: MAX_SURFACE * 10])
    if not word:
        raise BadDictionaryEntry("the surface is empty; write the word as it stands in texts")
    if len(word) > MAX_SURFACE:
        raise BadDictionaryEntry(
            f"{word[:20]}…: the surface is longer than {MAX_SURFACE} characters"
        )
    for char in word:
        if unicodedata.category(char)[0] in "CZ" and char != " ":
            raise BadDictionaryEntry(
                f"{_SHORT.repr(word)}: the surface has U+{ord(char):04X}, which cannot be seen"
            )
    if not _NATIVE.fullmatch(word) and not _survives_cleaning(word):
        raise BadDictionaryEntry(
            f"{word}: the surface has emoji, markup or repeated marks, which are removed from "
            "every text before words are looked for",
            hint="write the surface as `wyoming-hayakoe read --details` shows the text",
        )
    return word


def _survives_cleaning(word: str) -> bool:
    return normal_surface(clean_text(f"あ{word}あ")) == f"あ{word}あ"


def _checked_reading(word: str, reading: object) -> tuple[str, tuple[str, ...]]:
    if not isinstance(reading, str):
        raise BadDictionaryEntry(f"{word}: the reading must be text, not {_SHORT.repr(reading)}")
    kana = to_katakana(reading[: MAX_READING * 10])
    if len(kana) > MAX_READING:
        raise BadDictionaryEntry(f"{word}: the reading is longer than {MAX_READING} characters")
    try:
        return kana, split_moras(kana)
    except BadKana as error:
        raise BadDictionaryEntry(f"{word}: the reading {error}") from None


def _check_number(word: str, name: str, value: object, largest: int, explanation: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadDictionaryEntry(
            f"{word}: the {name} must be a whole number, not {_SHORT.repr(value)}"
        )
    if not 0 <= value <= largest:
        raise BadDictionaryEntry(
            f"{word}: the {name} {_SHORT.repr(value)} is not within 0 to {largest}; {explanation}"
        )
