"""English words and letters in Japanese prose, as katakana.

A word is sought in the project's own table; in Open JTalk's dictionary, which then keeps it; in
both without its ending, or as two words in one; as Japanese in Latin letters; in the library
``e2k`` if it is installed; else rules of spelling read it, or its letters are named. Letters that
touch a digit are no words: they are left alone unless the table has them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import pyopenjtalk
from pyopenjtalk.openjtalk import OpenJTalk

from hayakoe_engine.text import brands
from hayakoe_engine.text.english_words import ENGLISH_WORDS
from hayakoe_engine.text.names import NAMES
from hayakoe_engine.text.rewriting import Replacement
from hayakoe_engine.text.spelling import (
    LONGEST_WORD,
    inflect,
    is_pronounceable,
    read_by_library,
    read_by_rules,
    read_romaji,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["find_english"]

_L: Final = "A-Za-zＡ-Ｚａ-ｚÀ-ÖØ-öø-ɏ\u0300-\u036f"
_RUN: Final = re.compile(
    rf"([{_L}0-9０-９]++)((?:['’＇][A-Za-zＡ-Ｚａ-ｚ]{{1,5}}(?![{_L}0-9０-９]))?)"
    rf"((?:(?:[+＋]{{1,2}}|[#＃])(?![{_L}0-9０-９]))?)"
)
_HUMP: Final = re.compile("[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_TOUCHING: Final = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉µμΩ°℃%％")
_JAPANESE: Final = re.compile("[ぁ-ヿ㐀-鿿々]")
_FULL_STOP: Final = re.compile(r"\.(?=[^\s.]| [^A-Z\s])")
# What may stand between the words of a name, and what its entry has there.
_IN_NAMES: Final[dict[str | None, str]] = dict.fromkeys(["", *" \u3000-‐‑_."], "")
_IN_NAMES.update({"&": "&", "＆": "&"})
_IN_WORDS: Final[frozenset[str | None]] = frozenset(["", *"-‐‑_'’－＿"])
_MOST_PARTS: Final = 6
_ACRONYM: Final = 5
_NO_WORDS: Final = frozenset({"フィラー", "記号"})
_KATAKANA: Final = re.compile("[ァ-ヴー]+")
_TABLE: Final = {**ENGLISH_WORDS, **NAMES, **brands.READINGS}
_NAMES: Final = {words.replace(" ", ""): kana for words, kana in _TABLE.items()}
_SEVERAL_WORDS: Final = {words.replace(" ", "") for words in _TABLE if {*words} & {*" &"}}
_UNITS: Final = frozenset(brands.UNITS.split())
_DOMAINS: Final = frozenset(brands.DOMAINS.split())
_LETTERS: Final = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", brands.LETTERS.split(), strict=True))


def find_english(text: str) -> list[Replacement]:
    """Find the Latin words and letters of a sentence that Open JTalk would not read well.

    A run of more than 40 letters is no word: its first five letters are named, the rest is silent.

    Returns:
        What to put in their place, in order and without overlaps.
    """
    parts = _parts(text)
    changes: list[Replacement] = []
    group: list[_Piece] = []
    i = 0
    while i < len(parts):
        piece, count = _piece(text, parts, i)
        if piece is None or piece.glue is None:
            changes += _joined(group)
            group = []
        if piece is not None:
            group.append(piece)
        i += count
    return [*changes, *_joined(group)]


class _Part(NamedTuple):
    """A word, or a hump of one in CamelCase."""

    start: int
    stop: int
    word: str  # in ASCII
    gap: str | None  # what stands before it, after another word
    ending: str = ""  # 's
    mark: str = ""  # + or #
    is_code: bool = False


class _Piece(NamedTuple):
    """A part of a replacement."""

    start: int
    stop: int
    kana: str
    rule: str | None  # None for Open JTalk's dictionary
    glue: str | None  # said between it and the piece before; None if they are apart


def _joined(group: list[_Piece]) -> Iterator[Replacement]:
    """Make one change of pieces that belong together, unless Open JTalk knows the only one."""
    rules = [piece.rule for piece in group if piece.rule is not None]
    if len(group) > 1 or rules:
        kana = group[0].kana + "".join((piece.glue or "") + piece.kana for piece in group[1:])
        # シー by itself is スィー to Open JTalk.
        kana = "シイ" if kana == "シー" else kana
        yield Replacement(group[0].start, group[-1].stop, kana, rules[0] if rules else "dictionary")


def _parts(text: str) -> list[_Part]:
    parts: list[_Part] = []
    end = 0
    is_code = True
    for run in _RUN.finditer(text):
        word, ending, mark = map(_ascii, run.groups())
        start, stop = run.span(1)
        gap = text[end:start]
        was_code = is_code
        is_code = _is_code(text, start, stop, word) or (was_code and gap in tuple("/／·⋅"))
        end = stop if is_code else run.end()
        if is_code:
            parts.append(_Part(start, stop, word, None, is_code=True))
            continue
        is_one = word[1:].islower() or word.isupper() or len(word) > LONGEST_WORD
        is_one = is_one or len(word) != stop - start or _dictionary(word) != ""
        *humps, last = [word] if is_one else _HUMP.findall(word)
        before = None if was_code else gap
        for hump in humps:
            parts.append(_Part(start, start + len(hump), hump, before))
            start += len(hump)
            before = ""
        parts.append(_Part(start, stop, last, before, ending, mark))
    return parts


def _ascii(text: str) -> str:
    if text.isascii():
        return text
    text = text.replace("’", "'").replace("ß", "ss").replace("æ", "ae").replace("ø", "o")
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _is_code(text: str, start: int, stop: int, word: str) -> bool:
    """Tell whether letters are a unit, a formula or the number of a model."""
    before, after = text[max(start - 2, 0) : start], text[stop : stop + 2]
    if not word.isalpha() or {before[-1:], after[:1]} & _TOUCHING:
        return True
    numbered = re.match("[0-9０-９][-‐‑－]", before) or re.match("[-‐‑－][0-9０-９]", after)
    if len(word) == 1 and numbered:
        return True
    return word.lower() in _UNITS and re.match("[0-9０-９][ \u3000]", before) is not None


def _piece(text: str, parts: list[_Part], i: int) -> tuple[_Piece | None, int]:
    """Read the part ``i`` and those that belong to its name; return how many these are."""
    part = parts[i]
    if part.is_code:
        kana = _name(part.word) if len(part.word) > 2 else ""
        return (_Piece(part.start, part.stop, kana, "name", None) if kana else None), 1
    rule: str | None = "name"
    count, kana, stop = _abbreviation(text, parts, i) or _longest_name(parts, i) or (1, "", 0)
    if not kana:
        kana, rule = _letter(text, parts, i) if len(part.word) == 1 else _word(part.word)
        stop = part.stop
        if not text[part.start : stop].isascii():
            rule = rule or "dictionary"
    last = parts[i + count - 1]
    if last.ending and stop == last.stop:
        kana, rule = _with_ending(kana, last), rule or "ending"
        stop += len(last.ending)
    if last.word.lower() in brands.TITLES and text[stop : stop + 2] == ". ":
        stop += 1
    glue = "" if part.gap in _IN_WORDS else None
    if part.gap == "." and part.word.islower():
        glue = "ドット" if part.word in _DOMAINS else " "
    return _Piece(part.start, stop, kana, rule, glue), count


def _abbreviation(text: str, parts: list[_Part], i: int) -> tuple[int, str, int] | None:
    """Read letters with full stops, such as U.S.A."""
    j = i
    while j < len(parts) and len(parts[j].word) == 1 and (j == i or parts[j].gap == "."):
        j += 1
    if j - i < 2:
        return None
    letters = "".join(part.word for part in parts[i:j])
    kana = brands.READINGS.get(".".join(letters.lower()) + ".") or _spelled(letters)
    stop = parts[j - 1].stop
    return j - i, kana, stop + bool(_FULL_STOP.match(text, stop))


def _longest_name(parts: list[_Part], i: int) -> tuple[int, str, int] | None:
    best = None
    joined, spaced = "", False
    for n, part in enumerate(parts[i : i + _MOST_PARTS]):
        if n:
            before = parts[i + n - 1]
            if part.gap not in _IN_NAMES or before.ending or before.mark:
                break
            joined += _IN_NAMES[part.gap]
            spaced = spaced or part.gap != ""
        joined += part.word
        for tail in (part.ending + part.mark, part.ending, ""):
            if len(joined + tail) > 1 and (kana := _name(joined + tail, spaced=spaced)):
                best = n + 1, kana, part.stop + len(tail)
                break
    return best


def _name(word: str, *, spaced: bool = False) -> str:
    """Look a name up; if it was written in several words, it must be one of several."""
    if spaced and word.lower() not in _SEVERAL_WORDS:
        return ""
    return _NAMES.get(word) or _NAMES.get(word.lower(), "")


def _letter(text: str, parts: list[_Part], i: int) -> tuple[str, str | None]:
    part = parts[i]
    following = parts[i + 1] if i + 1 < len(parts) else part
    is_small = part.word == "a" or (part.gap != " " and following.word.islower())
    if part.word in "aA" and is_small and following.gap == " " and len(following.word) > 1:
        return brands.READINGS["a"], "name"
    # Open JTalk knows Tシャツ, W杯 and many more; but to it, A is エイ.
    is_known = part.word not in "AJKajk" and not part.ending and _JAPANESE.match(text, part.stop)
    return _spelled(part.word), None if is_known else "letters"


def _with_ending(kana: str, part: _Part) -> str:
    ending = part.ending[1:].lower()
    if ending == "s":
        return inflect(kana, part.word.lower(), "s")
    return kana + (brands.CONTRACTED.get(ending) or _name(ending) or _word(ending)[0])


@lru_cache(maxsize=8192)
def _word(word: str) -> tuple[str, str | None]:
    """Read a word that is no name; also tell the rule."""
    if len(word) > LONGEST_WORD:
        return _spelled(word[:_ACRONYM]), "letters"
    attempts = _attempts(word, word.lower())
    return next(((kana, rule) for kana, rule in attempts if kana), ("", "letters"))


def _attempts(word: str, lower: str) -> Iterator[tuple[str, str | None]]:
    yield _dictionary(word), None
    yield _known(lower), "dictionary"
    if acronyms := re.fullmatch("([A-Z]{2,5})s", word):
        kana = _known(acronyms[1]) or _spelled(acronyms[1])
        yield inflect(kana, acronyms[1], "s"), "letters"
    if len(word) < 3 or (word.isupper() and len(word) <= _ACRONYM):
        yield _spelled(word), "letters"
    yield _inflected(lower) or _compound(lower), "ending"
    if is_pronounceable(lower):
        yield read_romaji(lower), "romaji"
        yield read_by_library(lower), "library"
        yield read_by_rules(lower), "spelling"
    yield _spelled(word), "letters"


def _spelled(word: str) -> str:
    return "".join(_LETTERS.get(letter, "") for letter in word.upper())


def _known(word: str) -> str:
    return _name(word) or _dictionary(word)


@lru_cache(maxsize=8192)
def _dictionary(word: str) -> str:
    """How Open JTalk reads a word; empty if it only names the letters."""
    if not 1 < len(word) <= LONGEST_WORD:
        return ""
    features, morphs = pyopenjtalk.run_frontend_detailed(
        word, use_sudachi_kanji_yomi=False, jtalk=_analyser()
    )
    if len(features) != 1 or morphs[0]["is_unknown"] or features[0]["pos"] in _NO_WORDS:
        return ""
    kana = features[0]["pron"].replace("’", "")
    return kana if _KATAKANA.fullmatch(kana) else ""


@cache
def _analyser() -> OpenJTalk:
    return OpenJTalk(pyopenjtalk.OPEN_JTALK_DICT_DIR)


def _inflected(word: str) -> str:
    """Read a word that ends in -s, -ed, -ing and so on, if the rest is known."""
    for ending in brands.ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1:
            for base in _bases(stem, ending):
                if len(base) > 2 and (kana := _known(base)):
                    return inflect(kana, base, ending)
    return ""


def _bases(stem: str, ending: str) -> Iterator[str]:
    vowel = ending[0] in "aeiouy"
    if vowel and re.search("[^aeiou][aeiou][^aeiouwxy]$", stem):
        yield stem + "e"  # hoping is not hopping
    yield stem
    if vowel:
        yield stem + "e"
        if stem[-1] == stem[-2]:
            yield stem[:-1]
    if stem[-1] == "i":
        yield stem[:-1] + "y"


def _compound(word: str) -> str:
    """Read two known words written as one, or one with a prefix."""
    for prefix, kana in brands.PREFIXES.items():
        rest = word.removeprefix(prefix)
        if rest != word and len(rest) > 3 and (known := _known(rest) or _inflected(rest)):
            return kana + known
    # Three letters and four make too many words that are no compounds: nowhere.
    for cut in range(len(word) - 3, 2, -1) if len(word) > 7 else ():
        # Davidson is a name; it is not said like a son.
        second = "ソン" if word[cut:] == "son" else _name(word[cut:])
        if second and (first := _name(word[:cut])):
            return first + second
    return ""
