"""What the attributes of SSML's elements mean.

Every function raises ``ValueError`` for a value that it does not know; the message names those
that it does.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from hayakoe_engine.options import RANGES
from hayakoe_engine.text.kana import BadKana, split_moras, to_katakana

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hayakoe_engine.options import SynthesisOptions

__all__ = [
    "MAX_BREAK_S",
    "UNCHANGED",
    "Changes",
    "break_s",
    "emphasis",
    "name_of",
    "phoneme",
    "prosody",
    "required",
    "substitute",
    "voices",
]

MAX_BREAK_S: Final = 10.0
MAX_NAME_CHARS: Final = 256

_BREAKS_S: Final = {
    "none": 0.0,
    "x-weak": 0.1,
    "weak": 0.2,
    "medium": 0.4,
    "strong": 0.8,
    "x-strong": 1.2,
}
_RATES: Final = {
    "x-slow": 0.5,
    "slow": 0.8,
    "medium": 1.0,
    "fast": 1.25,
    "x-fast": 1.6,
    "default": 1.0,
}
_PITCHES: Final = {
    "x-low": 2 ** (-4 / 12),
    "low": 2 ** (-2 / 12),
    "medium": 1.0,
    "high": 2 ** (2 / 12),
    "x-high": 2 ** (4 / 12),
    "default": 1.0,
}
_VOLUMES: Final = {
    "silent": 0.0,
    "x-soft": 0.25,
    "soft": 0.5,
    "medium": 1.0,
    "loud": 1.4,
    "x-loud": 2.0,
    "default": 1.0,
}
_EMPHASES: Final = {"strong": 1.25, "moderate": 1.12, "none": 1.0, "reduced": 0.8}

_QUANTITY: Final = re.compile(r"([+-]?)([0-9]{1,6}(?:\.[0-9]{0,6})?|\.[0-9]{1,6})(%|st|dB|ms|s|)")

_ACCENT: Final = re.compile("['’↓]")
_KANA_ALPHABETS: Final = ("yomigana", "x-katakana")
_OTHER_ALPHABETS: Final = ("ipa", "x-sampa")


@dataclass(frozen=True, slots=True)
class Changes:
    """What the elements around a text make of the options of the request.

    Attributes:
        speed: Factor.
        pitch: Factor.
        volume: Factor.
    """

    speed: float = 1.0
    pitch: float = 1.0
    volume: float = 1.0

    def applied_to(self, options: SynthesisOptions) -> SynthesisOptions:
        """The options to speak with; what would leave its range stops at its end."""
        return options.changed(
            speed=_clamped("speed", options.speed * self.speed),
            pitch_scale=_clamped("pitch_scale", options.pitch_scale * self.pitch),
            volume=_clamped("volume", options.volume * self.volume),
        )


UNCHANGED: Final = Changes()


def required(attributes: Mapping[str, str], name: str) -> str:
    """The value of an attribute that must be there."""
    value = attributes.get(name, "").strip()
    if not value:
        raise ValueError(f"needs the attribute {name}")
    return value


def break_s(attributes: Mapping[str, str]) -> float:
    """Length of a ``break`` in seconds."""
    if "time" not in attributes:
        return _level(attributes, "strength", "medium", _BREAKS_S)
    value = attributes["time"].strip()
    sign, number, unit = _quantity(value)
    seconds = number / 1000 if unit == "ms" else number
    if sign == "-" or unit not in ("ms", "s") or not seconds <= MAX_BREAK_S:
        raise _wrong("time", value, f"500ms or 1.5s, from 0 to {MAX_BREAK_S:g}s")
    return seconds


def emphasis(changes: Changes, attributes: Mapping[str, str]) -> Changes:
    """What ``emphasis`` adds to the changes around it."""
    factor = _level(attributes, "level", "moderate", _EMPHASES)
    return replace(changes, volume=_clamped("volume", changes.volume * factor))


def name_of(attributes: Mapping[str, str]) -> str:
    """What a ``voice`` or a ``mark`` is called; fit to be written into a log."""
    value = required(attributes, "name")
    if len(value) > MAX_NAME_CHARS or not value.isprintable():
        raise _wrong("name", value, f"at most {MAX_NAME_CHARS} characters that can be seen")
    return value


def voices(outer: tuple[str, ...], attributes: Mapping[str, str]) -> tuple[str, ...]:
    """Who is asked to speak inside ``voice``, given who is around it; the most wanted is last.

    Other attributes than the name ask for nobody.
    """
    if "name" not in attributes:
        return outer
    wanted = name_of(attributes)
    return (*(voice for voice in outer if voice != wanted), wanted)


def prosody(changes: Changes, attributes: Mapping[str, str]) -> Changes:
    """What ``prosody`` makes of the changes around it.

    Names, and the number of a volume, are absolute; all else is relative.
    """
    speed, pitch, volume = changes.speed, changes.pitch, changes.volume
    if "rate" in attributes:
        speed = _rate(attributes["rate"].strip(), speed)
    if "pitch" in attributes:
        pitch = _pitch(attributes["pitch"].strip(), pitch)
    if "volume" in attributes:
        volume = _volume(attributes["volume"].strip(), volume)
    return Changes(
        _clamped("speed", speed), _clamped("pitch_scale", pitch), _clamped("volume", volume)
    )


def phoneme(attributes: Mapping[str, str]) -> str | None:
    """The reading of a ``phoneme``; None if its alphabet is not spoken here."""
    ph = required(attributes, "ph")
    alphabet = attributes.get("alphabet", _KANA_ALPHABETS[0]).strip()
    if alphabet in _KANA_ALPHABETS:
        try:
            return _kana(ph)
        except BadKana:
            example = "kana such as カ'キ, with ' or ↓ where the pitch falls"
            raise _wrong("a reading", ph, example) from None
    if alphabet not in _OTHER_ALPHABETS:
        allowed = f"{' or '.join(_KANA_ALPHABETS)} ({' and '.join(_OTHER_ALPHABETS)} do nothing)"
        raise _wrong("alphabet", alphabet, allowed)
    return None


def substitute(attributes: Mapping[str, str]) -> tuple[str, str | None]:
    """What ``sub`` says instead of its text: as a text and, if it has an accent, as a reading."""
    alias = required(attributes, "alias")
    if not _ACCENT.search(alias):
        return alias, None
    try:
        return alias, _kana(alias)
    except BadKana:  # it's
        return alias, None


def _level(
    attributes: Mapping[str, str], name: str, default: str, levels: Mapping[str, float]
) -> float:
    value = attributes.get(name, default).strip()
    if value not in levels:
        raise _wrong(name, value, f"one of {', '.join(levels)}")
    return levels[value]


def _rate(value: str, outer: float) -> float:
    if value in _RATES:
        return _RATES[value]
    sign, number, unit = _quantity(value)
    if unit == "%":
        return outer * _factor(sign, number)
    if unit or sign:
        raise _wrong("rate", value, f"80%, +20%, 1.2 or one of {', '.join(_RATES)}")
    return outer * number


def _pitch(value: str, outer: float) -> float:
    if value in _PITCHES:
        return _PITCHES[value]
    sign, number, unit = _quantity(value)
    if unit == "st":
        semitones = min(number, 120.0)
        return outer * math.pow(2, (-semitones if sign == "-" else semitones) / 12)
    if unit != "%" or not sign:
        raise _wrong("pitch", value, f"+2st, -10% or one of {', '.join(_PITCHES)}")
    return outer * _factor(sign, number)


def _volume(value: str, outer: float) -> float:
    if value in _VOLUMES:
        return _VOLUMES[value]
    sign, number, unit = _quantity(value)
    if unit == "dB":
        decibels = min(number, 120.0)
        return outer * math.pow(10, (-decibels if sign == "-" else decibels) / 20)
    if unit == "%" and sign:
        return outer * _factor(sign, number)
    if unit or sign or not number <= 100:
        raise _wrong("volume", value, f"+6dB, -20%, 0 to 100 or one of {', '.join(_VOLUMES)}")
    return number / 100


def _factor(sign: str, percent: float) -> float:
    if not sign:
        return percent / 100
    return max(0.0, 1 + (-percent if sign == "-" else percent) / 100)


def _quantity(value: str) -> tuple[str, float, str]:
    """Sign, number and unit; of what is no quantity, a unit that nothing has."""
    match = _QUANTITY.fullmatch(value)
    return (match[1], float(match[2]), match[3]) if match else ("", math.nan, "?")


def _kana(text: str) -> str:
    kana = _ACCENT.sub("'", to_katakana(text)).replace(" ", "/")
    return "".join(_phrase(part) for part in re.split("([/、])", kana))


def _phrase(phrase: str) -> str:
    """One accent phrase, checked; or what separates two."""
    if phrase in ("/", "、"):
        return phrase
    before, fall, after = phrase.removesuffix("_").partition("'")
    high = split_moras(before)
    if split_moras(before + after)[: len(high)] != high or (fall and phrase.endswith("_")):
        raise BadKana("has an accent inside a mora, or two")
    return before + fall + after


def _wrong(name: str, value: str, allowed: str) -> ValueError:
    return ValueError(f"{name} must be {allowed}, not {value[:40]!r}")


def _clamped(name: str, value: float) -> float:
    low, high = RANGES[name]
    return min(max(value, low), high)
