"""A stream of text, cut into sentences as early as possible.

The splitter is an automaton over characters. It starts anew after every sentence and never looks
at how the text was cut into pieces, so these hold for every text:

- the sentences are the same wherever the stream is cut;
- joined, they are the text: nothing is lost, doubled or altered;
- splitting a sentence again gives that sentence.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum, auto
from typing import Final

from hayakoe_engine.text.abbreviations import LONGEST, Abbreviation, abbreviation, goes_on

__all__ = ["SentenceSplitter", "split_sentences"]

_BRACKETS: Final = dict(zip("「『（(【［[〈《“", "」』）)】］]〉》”", strict=True))
_CLOSERS: Final = frozenset(_BRACKETS.values())
_NEWLINES: Final = frozenset("\n\r\u2028\u2029")
_SPACES: Final = frozenset(
    " \t\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u202f\u205f\u3000"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
)
_STOPS: Final = frozenset("。｡")
_MARKS: Final = frozenset("！？!?‼⁇⁈⁉")
_ELLIPSES: Final = frozenset("…‥")
_RUN: Final = _STOPS | _MARKS | _ELLIPSES

_SOFT: Final = _SPACES | _ELLIPSES | frozenset("、，,；・")
_CLINGING: Final = _SOFT | _RUN | _CLOSERS

_SPECIAL: Final = frozenset(_BRACKETS) | _CLOSERS | _NEWLINES | _SPACES | _RUN | frozenset(".．")

_TOKEN_SIGNS: Final = frozenset("=&/%#_-.")
_LIST_NUMBER: Final = re.compile(r"[\s>#*+-]*[0-9０-９]{1,3}")
_LIST_NUMBER_LENGTH: Final = 16

_ZWJ: Final = "\u200d"
_HARD_LIMIT_LEEWAY: Final = 40


class _Ending(Enum):
    """What the pending text ends with, as far as the next character decides about it."""

    NONE = auto()
    MARK = auto()  # a run of marks: ends the sentence unless it grows or a bracket closes
    TOKEN = auto()  # ASCII ! or ? after ASCII: perhaps inside a URL
    QUOTE = auto()  # a mark and closing brackets: 「はい。」と may go on
    DOT = auto()  # ASCII full stop: ends the sentence before a space
    WIDE_DOT = auto()  # ．after a digit: ends the sentence unless a digit follows
    SHORT = auto()  # an abbreviation and a space: No. 5, but also: No. That is wrong.


class SentenceSplitter:
    """Splits text that arrives in pieces.

    Args:
        minimum: Length, in characters, that a part of an overlong sentence has at least when it
            is cut at a comma, an ellipsis or a space.
        soft_limit: Length, in characters, from which a sentence is cut at such a place.
        hard_limit: Length, in characters, that no sentence exceeds.

    Raises:
        ValueError: The limits are not in ascending order or not positive.
    """

    def __init__(self, *, minimum: int = 40, soft_limit: int = 100, hard_limit: int = 200) -> None:
        if not 0 < minimum <= soft_limit <= hard_limit:
            raise ValueError("limits must satisfy 0 < minimum <= soft_limit <= hard_limit")
        self._minimum = minimum
        self._soft_limit = soft_limit
        self._hard_limit = hard_limit
        self._done: list[str] = []
        self._reset()

    def push(self, text: str) -> list[str]:
        """Take the next piece of text and return the sentences that it completes."""
        for char in text:
            self._take(char)
        return self._collect()

    def flush(self) -> list[str]:
        """Return what is pending, as at the end of the text, and start anew."""
        if self._pending:
            self._cut(len(self._pending))
        return self._collect()

    def _reset(self) -> None:
        self._pending: list[str] = []
        self._expected: list[str] = []  # closers of the open brackets
        self._soft_place = 0  # where an overlong sentence may be cut; 0: nowhere yet
        self._ending = _Ending.NONE
        self._short = Abbreviation.ANYTHING  # of an ending SHORT

    def _collect(self) -> list[str]:
        done, self._done = self._done, []
        return done

    def _cut(self, place: int) -> None:
        """End the sentence before index `place` and read what follows it anew."""
        pending = self._pending
        self._done.append("".join(pending[:place]))
        self._reset()
        for char in pending[place:]:
            self._take(char)

    def _take(self, char: str) -> None:
        if len(self._pending) == self._hard_limit:
            self._cut(_hard_place(self._pending, char))
        if self._ending is not _Ending.NONE:
            self._decide(char)
        pending = self._pending
        if pending and pending[-1] in _SOFT and len(pending) >= self._minimum:
            self._note_soft_place(char)
        pending.append(char)
        if char in _SPECIAL:
            self._read_special(char)
        if self._soft_place and len(self._pending) >= self._soft_limit:
            self._cut_softly()

    def _decide(self, char: str) -> None:
        """Settle, knowing the next character, whether the pending text is a sentence."""
        if char in _SPACES or char in _NEWLINES or self._joins_ending(char):
            return
        if self._goes_on(char):
            self._ending = _Ending.NONE
        else:
            self._cut(len(self._pending))

    def _joins_ending(self, char: str) -> bool:
        if self._ending is _Ending.SHORT:
            return False
        if char in _RUN:
            return self._ending is not _Ending.DOT
        return char in _CLOSERS or _extends(char)

    def _goes_on(self, char: str) -> bool:
        match self._ending:
            case _Ending.TOKEN:
                return char in _TOKEN_SIGNS or (char.isascii() and char.isalnum())
            case _Ending.QUOTE:
                is_link = char == "(" and self._pending[-1] == "]"
                return is_link or char in "、，ﾉ丿" or "ぁ" <= char <= "ゟ"
            case _Ending.WIDE_DOT:
                return char.isdecimal()
            case _Ending.SHORT:
                return goes_on(self._short, char)
            case ending:
                return ending is _Ending.DOT

    def _note_soft_place(self, char: str) -> None:
        if _is_soft_place(self._pending, char):
            self._soft_place = len(self._pending)

    def _cut_softly(self) -> None:
        # A sentence that is just ending is better than a part of it.
        if self._ending is _Ending.NONE:
            self._cut(self._soft_place)

    def _read_special(self, char: str) -> None:
        """Update the state for a character that was appended and means something."""
        if char in _NEWLINES:
            self._cut(len(self._pending))
        elif char in _SPACES:
            self._read_space()
        elif char in _STOPS:
            self._read_stop()
        elif char in _MARKS:
            self._read_mark(char)
        elif char in ".．":
            self._read_dot(char)
        elif char in _ELLIPSES:
            if self._ending is not _Ending.NONE and self._ending is not _Ending.QUOTE:
                self._ending = _Ending.MARK
        else:
            self._read_bracket(char)

    def _read_space(self) -> None:
        short = self._abbreviation(len(self._pending) - 1) if self._ending is _Ending.DOT else None
        if short is not None:
            self._ending, self._short = _Ending.SHORT, short
        elif self._ending is not _Ending.NONE and self._ending is not _Ending.SHORT:
            self._cut(len(self._pending))

    def _abbreviation(self, stop: int) -> Abbreviation | None:
        """Which abbreviation ends at an index of the pending text."""
        return abbreviation("".join(self._pending[max(0, stop - LONGEST) : stop]))

    def _read_stop(self) -> None:
        if self._expected and self._pending[-2] in _BRACKETS:
            return  # of a face: (。・ω・。)
        if self._expected:
            self._ending = _Ending.MARK
        else:
            self._cut(len(self._pending))

    def _read_mark(self, char: str) -> None:
        starts_in_token = (
            self._ending is _Ending.NONE
            and len(self._pending) > 1
            and "!" <= self._pending[-2] <= "~"
        )
        in_token = self._ending is _Ending.TOKEN or starts_in_token
        self._ending = _Ending.TOKEN if char.isascii() and in_token else _Ending.MARK

    def _read_dot(self, char: str) -> None:
        before = self._pending[-2] if len(self._pending) > 1 else ""
        if self._is_list_number():
            return
        if char == ".":
            self._ending = _Ending.NONE if before == "." else _Ending.DOT
        elif before.isdecimal():
            self._ending = _Ending.WIDE_DOT
        elif (short := self._abbreviation(len(self._pending))) is not None:
            self._ending, self._short = _Ending.SHORT, short
        else:
            self._read_stop()

    def _is_list_number(self) -> bool:
        if len(self._pending) > _LIST_NUMBER_LENGTH:
            return False
        return _LIST_NUMBER.fullmatch("".join(self._pending[:-1])) is not None

    def _read_bracket(self, char: str) -> None:
        if char in _BRACKETS:
            self._expected.append(_BRACKETS[char])
            return
        if char in self._expected:
            while self._expected.pop() != char:
                pass
        if self._ending is not _Ending.NONE and self._ending is not _Ending.DOT:
            self._ending = _Ending.QUOTE


def split_sentences(text: str) -> list[str]:
    """Split a whole text; joined, the sentences are the text."""
    splitter = SentenceSplitter()
    return splitter.push(text) + splitter.flush()


def _is_soft_place(before: list[str], char: str) -> bool:
    """Tell whether an overlong sentence may be cut between `before` and `char`."""
    last = before[-1]
    if char in _CLINGING or _extends(char):
        return False
    if last in _SPACES and before[-2:-1] == ["."]:
        return False  # an abbreviation
    if last == "・":
        return before[-3:] == ["・"] * 3
    if last == "," and "!" <= char <= "~":
        return False
    is_digit_before = len(before) > 1 and before[-2].isdecimal()
    return last != "，" or not (is_digit_before and char.isdecimal())


def _hard_place(pending: list[str], char: str) -> int:
    """Return where to cut a sentence at the hard limit, given the character after it."""
    text = [*pending, char]
    last = len(pending)
    first = max(1, last - _HARD_LIMIT_LEEWAY)
    whole = [i for i in range(last, first - 1, -1) if _is_between_graphemes(text, i)]
    outside_numbers = (i for i in whole if not (text[i - 1].isdecimal() and text[i].isdecimal()))
    return next(outside_numbers, whole[0] if whole else last)


def _is_between_graphemes(text: list[str], place: int) -> bool:
    before, after = text[place - 1], text[place]
    flag = _is_regional_indicator(before) and _is_regional_indicator(after)
    return not (flag or before == _ZWJ or _extends(after))


def _is_regional_indicator(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _extends(char: str) -> bool:
    """Tell whether a character belongs to the one before it."""
    if char.isascii():
        return False
    return (
        char == _ZWJ
        or char in "ﾞﾟ"
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin tones
        or "\udc00" <= char <= "\udfff"  # second half of a surrogate pair
        or unicodedata.category(char).startswith("M")
    )
