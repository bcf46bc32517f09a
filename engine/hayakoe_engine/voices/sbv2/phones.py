"""From a reading to what the network is asked: phones, tones, and the characters they belong to.

What is spoken, and how high, is what the full-context labels say. The words say to which
characters the phones belong, since the language model reads characters, and where the marks are,
which the labels do not have. Spellings, marks and the dealing of phones to characters are those
that voices are trained with.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from hayakoe_engine.text.labels import phone_of
from hayakoe_engine.voices.sbv2.symbols import (
    BLANK_ID,
    LANGUAGE_ID,
    SILENCE,
    SYMBOL_IDS,
    TONE_OFFSET,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from hayakoe_engine.text.reading import Reading, Word

__all__ = ["ModelInput", "PhoneSequence", "phones_of"]

_MARKS: Final = ".,?!'-"
_UNREADABLE: Final = "'"
_LONG: Final = "ー"
_LENGTHENED: Final = frozenset("aiueoNq")

_ELLIPSIS: Final = re.compile("・{3}|·{3}")
_SPELLINGS: Final = str.maketrans(  # after NFKC, which leaves no full-width marks
    {
        **dict.fromkeys("~〜", _LONG),
        "。": ".",
        **dict.fromkeys("、・·", ","),
        **dict.fromkeys('“”‘’"()《》【】[]「」', "'"),
        **dict.fromkeys("˗‐‒–—―⁃−⎯⏤─━⸺⸻", "-"),
    }
)
# Kana, kanji, Greek and the marks; voices are trained on texts that have lost everything else.
_UNKNOWN: Final = re.compile(
    rf"[^\u3041-\u3098\u309d-\u30ff\u4e00-\u9fff\u3400-\u4dbf々〇\u0370-\u03ff\u1f00-\u1fff{_MARKS}]"
)
_JAPANESE: Final = re.compile("[\u3041-\u3096\u30a1-\u30fa々〇ー\u4e00-\u9fff\u3400-\u4dbf]+")
_KANJI: Final = re.compile("[\u4e00-\u9fff\u3400-\u4dbf]")
_SPACES_AND_BRACKETS: Final = frozenset({"Zs", "Ps", "Pe", "Pi", "Pf"})

# What the labels call otherwise, or the network has no phone for.
_PHONES: Final = {
    **{vowel.upper(): (vowel,) for vowel in "aiueo"},  # devoiced
    "cl": ("q",),
    "kw": ("k", "w"),
    "gw": ("g", "w"),
    "fy": ("f", "y"),
}
_MORA: Final = re.compile(r"/A:(-?\d+)\+(\d+)\+\d+/.*/F:(\d+)_")


@dataclass(frozen=True, eq=False, slots=True)
class ModelInput:
    """What the encoder takes; ``P`` phones, ``len(text) + 2`` tokens of the language model.

    Attributes:
        phones: int64 ``[P]``.
        tones: int64 ``[P]``.
        languages: int64 ``[P]``.
        word2ph: How many phones belong to each token, int64 ``[tokens]``; their sum is ``P``.
    """

    phones: NDArray[np.int64]
    tones: NDArray[np.int64]
    languages: NDArray[np.int64]
    word2ph: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PhoneSequence:
    """A sentence in phones.

    Attributes:
        phones: Names of ``SYMBOLS``, with silence at both ends; marks are phones, too.
        tones: For each phone 0, which is low, or 1, which is high; marks and silence are low.
        word2ph: How many phones belong to the start token of the language model, to each
            character of the text and to the end token; their sum is the number of phones.
        text: What the language model reads.
        spoken: For each phone the number of the reading's phone that it is, or is part of; -1 for
            silence and marks.
    """

    phones: tuple[str, ...]
    tones: tuple[int, ...]
    word2ph: tuple[int, ...]
    text: str
    spoken: tuple[int, ...]

    def model_input(self, *, add_blank: bool) -> ModelInput:
        """The numbers of it, with blanks between all phones and around them if asked for."""
        phones = np.array([SYMBOL_IDS[phone] for phone in self.phones], np.int64)
        tones = np.array(self.tones, np.int64) + TONE_OFFSET
        languages = np.full_like(phones, LANGUAGE_ID)
        word2ph = np.array(self.word2ph, np.int64)
        if add_blank:
            phones, tones, languages = map(_with_blanks, (phones, tones, languages))
            word2ph *= 2
            word2ph[0] += 1
        return ModelInput(phones, tones, languages, word2ph)


def phones_of(reading: Reading) -> PhoneSequence:
    """The phones of a sentence; of a silent one silence, and what marks there may be."""
    sequence = _Sequence()
    spoken = list(_spoken_phones(reading.labels))
    place = 0
    between = ""  # what is written since the last spoken word
    for group in _groups(reading.words):
        phones = sum(len(word.phones) for word in group)
        if not phones:
            between += "".join(word.spelling for word in group)
            continue
        sequence.add_marks(_marks(between, pauses=spoken[place].after_pause))
        for text, length in _spellings(group):
            sequence.add_word(text, spoken[place : place + length])
            place += length
        between = ""
    sequence.add_marks(_marks(between, pauses=False))
    return sequence.finished()


def _groups(words: Sequence[Word]) -> Iterator[list[Word]]:
    """The words one by one, but those that a rule has made of the same characters together."""
    group: list[Word] = []
    for word in words:
        continues = group and word.rule is not None and word.rule == group[-1].rule
        if not (continues and not word.surface):
            if group:
                yield group
            group = []
        group.append(word)
    if group:
        yield group


class _SpokenPhone(NamedTuple):
    """A phone of the labels, as the network calls it."""

    phones: tuple[str, ...]
    tone: int
    after_pause: bool


def _spoken_phones(labels: Sequence[str]) -> Iterator[_SpokenPhone]:
    after_pause = False
    for label in labels:
        phone = phone_of(label)
        mora = _MORA.search(label)
        if mora is not None:  # silences and pauses are in no mora
            yield _SpokenPhone(_PHONES.get(phone, (phone,)), _tone(mora), after_pause)
        after_pause = phone == "pau"


def _tone(mora: re.Match[str]) -> int:
    """High are the moras from the second to the accented one, or the first if it is accented."""
    from_accent, place, moras = map(int, mora.groups())
    if place == 1:
        return int(from_accent == 0 and moras > 1)
    return int(from_accent <= 0)


class _Sequence:
    """A phone sequence in the making."""

    def __init__(self) -> None:
        self._phones = [SILENCE]
        self._tones = [0]
        self._word2ph = [1]
        self._text: list[str] = []
        self._spoken = [-1]
        self._next = 0

    def add_word(self, text: str, spoken: Sequence[_SpokenPhone]) -> None:
        """Deal the phones of a word to its characters, the first getting what is left over."""
        before = len(self._phones)
        for phones, tone, _ in spoken:
            self._phones += phones
            self._tones += (tone,) * len(phones)
            self._spoken += (self._next,) * len(phones)
            self._next += 1
        each, more = divmod(len(self._phones) - before, len(text))
        self._word2ph += [each + 1] * more + [each] * (len(text) - more)
        self._text.append(text)

    def add_marks(self, text: str) -> None:
        """One phone for each character."""
        for char in text:
            phone = char if char in _MARKS else _UNREADABLE
            tone = 0
            if char == _LONG and self._phones[-1] in _LENGTHENED:
                phone, tone = self._phones[-1], self._tones[-1]
            elif char == _LONG:
                phone = "-"
            self._phones.append(phone)
            self._tones.append(tone)
            self._word2ph.append(1)
            self._spoken.append(-1)
        self._text.append(text)

    def finished(self) -> PhoneSequence:
        return PhoneSequence(
            phones=(*self._phones, SILENCE),
            tones=(*self._tones, 0),
            word2ph=(*self._word2ph, 1),
            text="".join(self._text),
            spoken=(*self._spoken, -1),
        )


def _spellings(group: Sequence[Word]) -> Iterator[tuple[str, int]]:
    """What the language model reads for spoken words, and how many phones each text has.

    It knows kanji better than the kana that a rule may have put in their place; what is not all
    Japanese it reads in kana, as voices are trained.
    """
    written = _normalised(group[0].surface)
    if group[0].rule is not None and _KANJI.search(written) and _JAPANESE.fullmatch(written):
        yield written, sum(len(word.phones) for word in group)
        return
    for word in group:
        text = _normalised(word.spelling)
        if word.phones:
            yield word.kana if _UNKNOWN.search(text) else text, len(word.phones)


def _marks(spelling: str, *, pauses: bool) -> str:
    """The marks, and the characters that nobody can read, between two spoken words."""
    marks = _UNKNOWN.sub("", _normalised(spelling))
    if pauses and not marks and any(map(_is_sign, spelling)):
        return ","  # such as the slash of はい／いいえ, which no voice is trained with
    return marks


def _is_sign(char: str) -> bool:
    return unicodedata.category(char) not in _SPACES_AND_BRACKETS


def _normalised(text: str) -> str:
    text = _ELLIPSIS.sub("...", unicodedata.normalize("NFKC", text))
    return text.translate(_SPELLINGS)


def _with_blanks(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    spaced = np.full(2 * len(ids) + 1, BLANK_ID, np.int64)
    spaced[1::2] = ids
    return spaced
