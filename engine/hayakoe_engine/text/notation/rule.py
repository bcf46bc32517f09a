"""What a rule of notation is, and the pieces that many rules share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DIGITS", "NUMBER", "Rule", "always", "digit_by_digit", "fold", "nearby"]

DIGITS: Final = "0123456789"

# A number as it is written; lengths are limited so that no rule takes more than linear time.
NUMBER: Final = r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,5}(?![0-9])|[0-9]{1,15})(?:\.[0-9]{1,12})?"

_DIGIT_NAMES: Final = (
    "ゼロ",
    "イチ",
    "ニー",
    "サン",
    "ヨン",
    "ゴー",
    "ロク",
    "ナナ",
    "ハチ",
    "キュー",
)

_FOLDS: Final = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},
    **dict.fromkeys(map(ord, "\u3000\u00a0\u2009\u202f"), ord(" ")),
    **dict.fromkeys(map(ord, "‐‑‒–﹣"), ord("-")),
    **dict.fromkeys(map(ord, "〜∼˜"), ord("~")),
    **dict.fromkeys(map(ord, "º˚"), ord("°")),
    **dict.fromkeys(map(ord, "’‘′"), ord("'")),
    **dict.fromkeys(map(ord, "”“″"), ord('"')),
    ord("￥"): ord("¥"),
    ord("￡"): ord("£"),
    ord("￦"): ord("₩"),
    ord("µ"): ord("μ"),
    ord("\u2126"): ord("Ω"),
    ord("⁄"): ord("/"),
    ord("∕"): ord("/"),
    ord("∶"): ord(":"),
    ord("◯"): ord("○"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of notation.

    Attributes:
        name: For people.
        needs: Characters of which the text has at least one; empty if that says nothing.
        pattern: Matches the folded text. If it has a group ``x``, only that is replaced.
        apply: Returns what to say instead, or None if the match is something else after all. A
            result that changes nothing still keeps later rules away.
    """

    name: str
    needs: frozenset[str]
    pattern: re.Pattern[str]
    apply: Callable[[re.Match[str]], str | None]

    @classmethod
    def of(
        cls, name: str, needs: str, pattern: str, apply: Callable[[re.Match[str]], str | None]
    ) -> Rule:
        """Make a rule from the text of a pattern."""
        return cls(name, frozenset(needs), re.compile(pattern), apply)

    def span(self, match: re.Match[str]) -> tuple[int, int]:
        """What of a match is replaced."""
        return match.span("x") if "x" in self.pattern.groupindex else match.span()


def always(text: str) -> Callable[[re.Match[str]], str]:
    """Say the same for every match."""
    return lambda _: text


def fold(text: str) -> str:
    """Write full-width characters, dashes and quotes in one way; the length stays."""
    return text.translate(_FOLDS)


def digit_by_digit(digits: str) -> str:
    """How a string of digits is told, each for itself; other characters stay."""
    return "".join(_DIGIT_NAMES[int(d)] if d in DIGITS else d for d in digits)


def nearby(match: re.Match[str]) -> str:
    """The text around a match, as far as it is looked at for what the match means."""
    return match.string[max(0, match.start() - 60) : match.end() + 60]
