"""Abbreviations whose full stop ends no sentence."""

from __future__ import annotations

import re
import unicodedata
from enum import Enum, auto
from typing import Final

__all__ = ["LONGEST", "Abbreviation", "abbreviation", "goes_on"]

_BEFORE_NAMES: Final = "Mrs? Ms Dr Prof St Mt Ft Rev Capt Lt Sgt Gen Sen Rep Gov Messrs Mme Mlle"
_BEFORE_ANYTHING: Final = r"vs e\.g i\.e cf viz approx feat incl"
_BEFORE_FIGURES: Final = (
    "ver vol v pp? nos? fig ch sec eds? eqs? ex rev lv tel ext"
    " jan feb mar apr jun jul aug sept? oct nov dec"
)
_AFTER_NAMES: Final = r"etc inc ltd co corp bros jr sr dept et al a\.m p\.m u\.s u\.k u\.n"

LONGEST: Final = 8
"""Characters, the full stop included, that an abbreviation takes at most, and one before it."""


class Abbreviation(Enum):
    """What follows an abbreviation if the sentence goes on."""

    ANYTHING = auto()
    FIGURE = auto()
    REST = auto()  # a small letter, hiragana or a comma


def _words(text: str) -> str:
    return rf"(?<![0-9A-Za-z_.'])(?:{'|'.join(text.split())})\."


_PATTERNS: Final = (
    (re.compile(_words(_BEFORE_NAMES) + r"\Z"), Abbreviation.ANYTHING),
    (re.compile(_words("MRS? DR") + r"\Z"), Abbreviation.ANYTHING),
    (re.compile(_words(_BEFORE_ANYTHING) + r"\Z", re.IGNORECASE), Abbreviation.ANYTHING),
    (re.compile(_words(_BEFORE_FIGURES) + r"\Z", re.IGNORECASE), Abbreviation.FIGURE),
    (re.compile(_words(_AFTER_NAMES) + r"\Z", re.IGNORECASE), Abbreviation.REST),
)


def abbreviation(text: str) -> Abbreviation | None:
    """Which kind of abbreviation a text ends with, its full stop included; None if with none."""
    text = unicodedata.normalize("NFKC", text)
    return next((kind for pattern, kind in _PATTERNS if pattern.search(text)), None)


def goes_on(kind: Abbreviation, char: str) -> bool:
    """Tell whether a sentence goes on with a character after an abbreviation and spaces."""
    match kind:
        case Abbreviation.ANYTHING:
            return True
        case Abbreviation.FIGURE:
            return char.isdecimal()
        case Abbreviation.REST:
            return "a" <= char <= "z" or "ぁ" <= char <= "ゟ" or char in "、，,;"
