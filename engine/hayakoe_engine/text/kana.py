"""Readings in katakana, and the moras that they are made of."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["BadKana", "default_accent", "find_moras", "split_moras", "to_katakana"]

# What Open JTalk says as one mora; every other small kana would be a mora of its own.
_AFTER_WHAT: Final = {
    "ァ": "クグツフヴ",
    "ィ": "ウクグシスズツテデフヴ",
    "ゥ": "クグトド",
    "ェ": "イウキギクグシジチツデニヒビピフミリヴ",
    "ォ": "ウクグツフヴ",
    "ャ": "キギシジチヂテデニヒビピミリヴ",
    "ュ": "キギシジチヂテデニヒビピフミリヴ",
    "ョ": "キギシジチヂテデニヒビピミリヴ",
    "ヮ": "クグ",
}
_SMALL: Final = "".join(_AFTER_WHAT)
_LARGE: Final = (
    "アイウエオカガキギクグケゲコゴサザシジスズセゼソゾタダチヂツヅテデトドナニヌネノ"
    "ハバパヒビピフブプヘベペホボポマミムメモヤユヨラリルレロワヰヱヲンヴッ"
)
_MORA: Final = re.compile(
    "|".join(f"[{before}]{small}" for small, before in _AFTER_WHAT.items()) + f"|[{_LARGE}ー]"
)
_ANY_MORA: Final = re.compile(f"{_MORA.pattern}|[{_SMALL}]")
_HIRAGANA: Final = {code: code + 0x60 for code in range(ord("ぁ"), ord("ゖ") + 1)}
_NO_VOWEL_OF_ITS_OWN: Final = "ーッン"


class BadKana(ValueError):
    """A text is no sequence of moras; the message shows where."""


def to_katakana(text: str) -> str:
    """Hiragana and half-width katakana as katakana; anything else stays."""
    return unicodedata.normalize("NFKC", text).strip().translate(_HIRAGANA)


def split_moras(kana: str) -> tuple[str, ...]:
    """Cut katakana into moras.

    Raises:
        BadKana: It is empty or holds something else.
    """
    if not kana:
        raise BadKana("is empty; write katakana or hiragana")
    moras: list[str] = []
    place = 0
    while place < len(kana):
        mora = _MORA.match(kana, place)
        if mora is None or (mora[0] == "ー" and kana[place - 1 : place] in ("", "ッ")):
            raise BadKana(_complaint(kana, place))
        moras.append(mora[0])
        place = mora.end()
    return tuple(moras)


def find_moras(kana: str) -> list[str]:
    """The moras that Open JTalk makes of katakana; anything else is left out."""
    return _ANY_MORA.findall(kana)


def default_accent(moras: tuple[str, ...]) -> int:
    """Where the pitch of most loan words falls: after the third mora from the end."""
    accent = max(len(moras) - 2, 1)
    while accent > 1 and moras[accent - 1] in _NO_VOWEL_OF_ITS_OWN:
        accent -= 1
    return accent


def _complaint(kana: str, place: int) -> str:
    char, before = kana[place], kana[max(place - 8, 0) : place]
    where = f"{char!r} at character {place + 1}" + (f", after {before}," if before else "")
    if char in _SMALL:
        return (
            f"has {where} where it makes no mora; {char} may follow one of {_AFTER_WHAT[char]}, "
            "elsewhere write the large kana or ー"
        )
    if char == "ー":
        return f"has {where} where there is no vowel to lengthen"
    return f"has {where} which is no kana; write katakana or hiragana with ー for long vowels"
