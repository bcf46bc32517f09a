"""Readings in kana as clients of VOICEVOX write them: ``アシタ'ワ/ハレデ'_ス、ソ'オ？``.

Katakana, ``'`` after the mora where the pitch falls, once in each accent phrase; ``/`` between
accent phrases, or ``、`` where there is a pause; ``_`` before a mora that is whispered; ``？`` at
the end of a phrase that asks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from hayakoe_engine.errors import RequestError
from hayakoe_engine.text.kana import BadKana as NoMoras
from hayakoe_engine.text.kana import split_moras
from wyoming_hayakoe.http.voicevox.phrases import KanaPhrase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BadKana", "parse_kana", "written_kana"]

_PHRASE: Final = re.compile("([^/、]*)([/、]?)")


class BadKana(RequestError):
    """A reading is not written as it must be.

    Attributes:
        name: What is wrong, in the words of that engine.
        text: Where.
    """

    code = "bad-request"

    def __init__(self, name: str, text: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.text = text


def parse_kana(text: str) -> tuple[KanaPhrase, ...]:
    """What is written there.

    Raises:
        BadKana: It is not written as it must be.
    """
    return tuple(_phrases(text))


def written_kana(phrases: Iterable[KanaPhrase]) -> str:
    """Accent phrases as ``parse_kana`` takes them."""
    pieces: list[str] = []
    for phrase in phrases:
        for number, mora in enumerate(phrase.moras):
            pieces += "_" * (number in phrase.devoiced), mora, "'" * (number + 1 == phrase.accent)
        pieces += "？" * phrase.is_question, "、" if phrase.has_pause else "/"
    return "".join(pieces[:-1])


def _phrases(text: str) -> Iterator[KanaPhrase]:
    place = 0
    while place <= len(text):
        match = _PHRASE.match(text, place)
        if match is None:
            return
        yield _phrase(match[1], has_pause=match[2] == "、")
        if not match[2]:
            return
        place = match.end()


def _phrase(written: str, *, has_pause: bool) -> KanaPhrase:
    kana, question, rest = written.partition("？")
    if rest:
        raise BadKana(
            "INTERROGATION_MARK_NOT_AT_END", written, f"{written:.80}: ？ is not at its end"
        )
    if not kana:
        raise BadKana("EMPTY_PHRASE", written, "an accent phrase is empty")
    before, fall, after = kana.partition("'")
    if not fall:
        raise BadKana("ACCENT_NOTFOUND", written, f"{written:.80}: there is no ' for the accent")
    if not before:
        raise BadKana("ACCENT_TOP", written, f"{written:.80}: ' is at its beginning")
    if "'" in after:
        raise BadKana("ACCENT_TWICE", written, f"{written:.80}: there is more than one '")
    try:
        moras, devoiced = _moras(before + after)
        accent = len(_moras(before)[0])
    except NoMoras as error:
        raise BadKana("UNKNOWN_TEXT", written, f"{written:.80}: {error}") from None
    return KanaPhrase(moras, accent, has_pause, bool(question), devoiced)


def _moras(kana: str) -> tuple[tuple[str, ...], frozenset[int]]:
    """Moras, and the numbers of those that are whispered."""
    moras = split_moras(kana.replace("_", ""))
    devoiced = set()
    place = 0
    for number, mora in enumerate(moras):
        if kana.startswith("_", place):
            devoiced.add(number)
            place += 1
        if not kana.startswith(mora, place):
            raise NoMoras(f"has _ inside of {mora}, or twice")
        place += len(mora)
    if place != len(kana):
        raise NoMoras("has _ at its end")
    return moras, frozenset(devoiced)
