"""Between readings and accent phrases as clients of VOICEVOX know them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final, Self

from hayakoe_engine.text.delivery import Delivery, MoraDelivery
from hayakoe_engine.text.kana import BadKana, split_moras
from wyoming_hayakoe.http.errors import Invalid
from wyoming_hayakoe.http.voicevox.models import AccentPhrase, Mora

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hayakoe_engine.text.reading import Reading

__all__ = ["KanaPhrase", "bare_phrases", "delivery_of", "phrases_of", "told_moras"]

HIGH: Final = 5.75
"""Pitch of a high mora, as it is told: the logarithm of 314 Hz. What a voice makes of it is its own
affair; only differences from what was told count."""
LOW: Final = 5.5
"""Pitch of a low mora: of 245 Hz."""

SENTENCE_PAUSE_S: Final = 0.4
CLAUSE_PAUSE_S: Final = 0.2

_LARGE: Final = str.maketrans("ァィゥェォャュョヮ", "アイウエオヤユヨワ")
_VOWELS: Final = {**dict(zip("aiueo", "アイウエオ", strict=True)), "N": "ン", "cl": "ッ"}
_PITCHLESS: Final = frozenset({"A", "I", "U", "E", "O", "cl"})
_SAME: Final = 0.001
_LOWEST_FACTOR: Final = 0.25
_HIGHEST_FACTOR: Final = 4.0


@dataclass(frozen=True, slots=True)
class KanaPhrase:
    """An accent phrase without lengths and pitch.

    Attributes:
        moras: Katakana.
        accent: The mora after which the pitch falls, from 1; the last one if it does not.
        has_pause: Whether a pause follows.
        is_question: Whether it is the end of a question.
        devoiced: Numbers of the moras that are whispered, from 0.
    """

    moras: tuple[str, ...]
    accent: int
    has_pause: bool = False
    is_question: bool = False
    devoiced: frozenset[int] = frozenset()

    @classmethod
    def of(cls, phrase: AccentPhrase, where: int) -> Self:
        """What a client has sent.

        Raises:
            Invalid: Its moras or its accent are none.
        """
        moras = tuple(mora.text for mora in phrase.moras)
        place = f"body.accent_phrases.{where}"
        try:
            wrong = split_moras("".join(moras)) != moras
        except BadKana:
            wrong = True
        if wrong:
            raise Invalid(f"{'・'.join(moras):.80} are no moras in katakana", param=place)
        if phrase.accent > len(moras):
            raise Invalid(
                f"accent is {phrase.accent}, but there are {len(moras)} moras",
                param=f"{place}.accent",
            )
        return cls(
            moras,
            phrase.accent or len(moras),
            phrase.pause_mora is not None,
            phrase.is_interrogative,
            frozenset(number for number, mora in enumerate(phrase.moras) if mora.is_devoiced),
        )


def bare_phrases(phrases: Iterable[KanaPhrase]) -> tuple[AccentPhrase, ...]:
    """Accent phrases whose lengths and pitch are still to be found."""
    return tuple(
        AccentPhrase(
            moras=tuple(
                Mora(
                    text=mora,
                    vowel="U" if number in phrase.devoiced else "u",  # only its case counts
                    vowel_length=0.0,
                    pitch=0.0,
                )
                for number, mora in enumerate(phrase.moras)
            ),
            accent=phrase.accent,
            pause_mora=_pause(CLAUSE_PAUSE_S) if phrase.has_pause else None,
            is_interrogative=phrase.is_question,
        )
        for phrase in phrases
    )


def phrases_of(readings: Iterable[tuple[Reading, Delivery]]) -> tuple[AccentPhrase, ...]:
    """Accent phrases of sentences, each with the lengths that its voice gives it."""
    phrases: list[AccentPhrase] = []
    pause_s = 0.0
    for reading, delivery in readings:
        if phrases:
            phrases[-1] = phrases[-1].model_copy(update={"pause_mora": _pause(pause_s)})
        phrases += _phrases(reading, delivery)
        pause_s = SENTENCE_PAUSE_S if reading.ends_sentence else CLAUSE_PAUSE_S
    return tuple(phrases)


def told_moras(reading: Reading) -> Iterator[tuple[str, ...]]:
    """The moras of each accent phrase, in kana that means the same without what stands before."""
    vowels = iter([phones[-1] for phones in reading.mora_phones])
    for phrase in reading.accent_phrases:
        told: list[str] = []
        for mora in phrase.moras:
            vowel = next(vowels)
            if mora == "ー" and told[-1:] in ([], ["ッ"]):
                told.append(_VOWELS.get(vowel) or _VOWELS[vowel.lower()])
            else:
                told.append(mora if len(mora) > 1 else mora.translate(_LARGE))
        yield tuple(told)


def _phrases(reading: Reading, delivery: Delivery) -> Iterator[AccentPhrase]:
    spoken = zip(reading.mora_phones, delivery.moras, strict=True)
    pauses_s = iter(delivery.pauses_s)
    last = len(reading.accent_phrases) - 1
    told = told_moras(reading)
    for number, (phrase, kana_moras) in enumerate(zip(reading.accent_phrases, told, strict=True)):
        accent = phrase.accent or len(phrase.moras)
        moras = []
        for place, kana in enumerate(kana_moras):
            phones, lengths = next(spoken)
            vowel = phones[-1]
            moras.append(
                Mora(
                    text=kana,
                    consonant=phones[0] if len(phones) > 1 else None,
                    consonant_length=_rounded(lengths.consonant_s),
                    vowel=vowel,
                    vowel_length=_rounded(lengths.vowel_s) or 0.0,
                    pitch=0.0 if vowel in _PITCHLESS else _told_pitch(place, accent),
                )
            )
        yield AccentPhrase(
            moras=tuple(moras),
            accent=accent,
            pause_mora=_pause(next(pauses_s, CLAUSE_PAUSE_S)) if phrase.pause_after else None,
            is_interrogative=number == last and reading.is_question,
        )


def delivery_of(
    reading: Reading, phrases: Sequence[AccentPhrase], pauses_s: Iterable[float], liveliness: float
) -> Delivery:
    """How a client wants a sentence to be spoken.

    Args:
        reading: The sentence.
        phrases: Its accent phrases, as the client wants them.
        pauses_s: Lengths of the pauses in it.
        liveliness: Factor of how far the pitch moves, for voices that cannot do that otherwise.
    """
    factors = chain.from_iterable(_pitch_factors(phrase, liveliness) for phrase in phrases)
    moras = chain.from_iterable(phrase.moras for phrase in phrases)
    spoken = zip(reading.mora_phones, moras, factors, strict=True)
    return Delivery(
        tuple(
            MoraDelivery(
                mora.vowel_length,
                (mora.consonant_length or 0.0) if len(phones) > 1 else None,
                factor,
            )
            for phones, mora, factor in spoken
        ),
        tuple(pauses_s),
    )


def _pitch_factors(phrase: AccentPhrase, liveliness: float) -> Iterator[float]:
    told = _told_pitches(phrase)
    accent = phrase.accent or len(phrase.moras)
    middle = (HIGH + LOW) / 2
    for place, (mora, pitch) in enumerate(zip(phrase.moras, told, strict=True)):
        change = 0.0
        if mora.pitch and mora.vowel not in _PITCHLESS:
            change = mora.pitch - pitch
            change += (liveliness - 1) * (_told_pitch(place, accent) - middle)
        factor = math.exp(change) if abs(change) > _SAME else 1.0
        yield min(max(factor, _LOWEST_FACTOR), _HIGHEST_FACTOR)


def _told_pitches(phrase: AccentPhrase) -> list[float]:
    """What the client was told, before it changed it.

    If it has moved the accent and left the pitch alone, that was told for another accent.
    """
    length = len(phrase.moras)
    here = phrase.accent or length
    for accent in (here, *range(1, length + 1)):
        told = [_told_pitch(place, accent) for place in range(length)]
        changes = zip(phrase.moras, told, strict=True)
        if all(not mora.pitch or abs(mora.pitch - pitch) <= _SAME for mora, pitch in changes):
            return told
    return [_told_pitch(place, here) for place in range(length)]


def _told_pitch(place: int, accent: int) -> float:
    is_high = accent == 1 if place == 0 else place < accent
    return HIGH if is_high else LOW


def _pause(seconds: float) -> Mora:
    return Mora(text="、", vowel="pau", vowel_length=_rounded(seconds) or 0.0, pitch=0.0)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
