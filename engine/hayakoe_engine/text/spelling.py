"""How words of Latin letters sound that no table has: romaji, the library ``e2k``, spelling."""

from __future__ import annotations

import importlib
import re
from functools import cache
from typing import TYPE_CHECKING, Final

from hayakoe_engine.text import brands
from hayakoe_engine.text.kana import split_moras

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "LONGEST_WORD",
    "inflect",
    "is_pronounceable",
    "read_by_library",
    "read_by_rules",
    "read_romaji",
]

LONGEST_WORD: Final = 40

_PRONOUNCEABLE: Final = re.compile(
    rf"(?:{brands.BEGINNINGS.replace(' ', '|')}|[^aeiou])?+(?=[aeiouy])"
    r"(?:[aeiouy]++[^aeiouy]{0,4}+)++"
)
_ROMAJI: Final = re.compile(
    "(?:(?:kk|ss|tt|pp|[kgnhbpmr]y|ssh|sh|tch|ch|ts|[kgsztdnhbpmrwj](?!y)|y|f(?=u))?"
    "[aiueo]|n(?![aiueoy]))+"
)
_FOREIGN_SOUND: Final = re.compile(
    "(?<!mas)e$|t[iu]|d[iu]|(?<!t)s(?=i)|w[iueo]|y[ie]|hu|[aeiou]{3}|e[ao]|oe|ae"
)
_PHONE: Final = re.compile("([bcdfghjkmnprstwyzCQSTj]?)(Y?)([aiueoAIUEO])|.")
_SYLLABLES: Final = {row[0]: row[1:].split() for row in brands.SYLLABLES.split("|")}


def is_pronounceable(word: str) -> bool:
    """Whether a word in small letters may be spoken as one, not by its letters."""
    return _PRONOUNCEABLE.fullmatch(word) is not None


def inflect(kana: str, base: str, ending: str) -> str:
    """Add an English ending to the katakana of a word; ``base`` is how the word is written."""
    if ending in {"s", "es"} and base.endswith("th"):
        return kana
    if ending[0] in "aeiy" and ending != "ed" and kana[-1] == "ー" and base.endswith(("r", "re")):
        kana = kana[:-1] + "ル"
    last = kana[-2:] if kana[-1] in "ァィゥェォャュョ" else kana[-1:]
    changed, added = brands.ENDINGS[ending]
    return kana.removesuffix(last) + changed.get(last, last + added)


def read_romaji(word: str) -> str:
    """Read Japanese in Latin letters, if the word can hardly be another language."""
    if not _ROMAJI.fullmatch(word) or _FOREIGN_SOUND.search(word):
        return ""
    if len(re.findall("[aiueo]+", word)) < 3:
        return ""
    word = re.sub("n(?![aiueoy])", "ン", re.sub("([kstp])(?=\\1)|t(?=ch)", "ッ", word))
    for latin, phone in (("sh", "S"), ("ch", "C"), ("tsu", "tu"), ("y", "Y")):
        word = word.replace(latin, phone)
    return _PHONE.sub(_syllable, word.replace("tu", "ツ"))


@cache
def _library() -> Callable[[str], object]:
    try:
        library: Callable[[str], object] = importlib.import_module("e2k").C2K(LONGEST_WORD, "turbo")
    except (ImportError, AttributeError, OSError, TypeError, ValueError):
        return lambda _: ""
    return library


def read_by_library(word: str) -> str:
    """Read a word with the library; empty if it is not installed or says nothing sensible."""
    try:
        kana = str(_library()(word))
        split_moras(kana)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):
        return ""
    return kana if len(kana) <= 2 * len(word) else ""


def read_by_rules(word: str) -> str:
    """Read a word in small letters as English ones are mostly spelled."""
    if ending := re.search("(?<=...)(?<=[^aiousy])s$|(?<=...)(?<=[^e])ed$", word):
        base = word[: -2 if re.search("(?:[eo][rln]|al)ed$", word) else -1]
        return inflect(read_by_rules(base), base, ending[0])
    pattern, sounds = _spelling()
    phones = pattern.sub(lambda match: sounds[(match.lastindex or 1) - 1], word)
    phones = re.sub("m(?=[pb])", "n", phones)
    # A stop that ends a word is long after a short vowel, ッ: キット, フィニッシュ, バッグ.
    phones = re.sub("(?<![aiueoAIUEO])([aiueo])(?=(?:[ptk]s?|S)$)", r"\1ッ", phones)
    phones = re.sub("^([^aiueoAIUEO]*[aiueo])(?=[dgCj]$)", r"\1ッ", phones)
    return _PHONE.sub(_syllable, phones)


@cache
def _spelling() -> tuple[re.Pattern[str], list[str]]:
    rules = [rule.rpartition("=") for rule in brands.SPELLING.split()]
    letters = "|".join(f"({letters})" for letters, _, _ in rules)
    letters = letters.replace("@", brands.SILENT_E).replace("%", "aeiouy")
    return re.compile(letters), [phones for _, _, phones in rules]


def _syllable(phone: re.Match[str]) -> str:
    consonant, glide, vowel = phone.groups("")
    if not vowel:
        return _SYLLABLES.get(phone[0], [phone[0]])[-1]
    column = "aiueo".index(vowel.lower())
    kana = _SYLLABLES[consonant or ("y" if glide else "_")][column]
    if glide and consonant in brands.GLIDES:
        kana = brands.GLIDES[consonant] + "ャィュェョ"[column]
    return kana + "ー" * vowel.isupper()
