"""How a text is to be spoken."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self

from hayakoe_engine.errors import BadOption

RANGES: Final[dict[str, tuple[float, float]]] = {
    "speed": (0.25, 4.0),
    "pitch_semitones": (-12.0, 12.0),
    "intonation": (0.0, 2.0),
    "volume": (0.0, 2.0),
    "pause_scale": (0.0, 5.0),
    "seed": (0, 2**32 - 1),
}
"""Lowest and highest value of every numeric option, both allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisOptions:
    """Options of one request; every value is checked when the object is made.

    A voice ignores what it cannot do; ``VoiceInfo.ignored_options`` lists it.

    Attributes:
        speed: Speaking rate; 1.0 is the voice's own, larger is faster, 0.25 to 4.
        pitch_semitones: Shift of the pitch, -12 to 12 semitones.
        intonation: Scale of the pitch movement; 0 is monotone, 1.0 natural, 0 to 2.
        volume: Linear gain, 0 to 2.
        pause_scale: Scale of the pauses between phrases and sentences, 0 to 5.
        style: Name of one of the voice's styles; None is the voice's own.
        seed: Start of the random numbers, 0 to 4294967295. Same text, options and seed give the
            same samples.

    Raises:
        BadOption: A value is of the wrong type or outside its range.
    """

    speed: float = 1.0
    pitch_semitones: float = 0.0
    intonation: float = 1.0
    volume: float = 1.0
    pause_scale: float = 1.0
    style: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in RANGES:
            _check_number(name, getattr(self, name))
        if self.style is not None and not isinstance(self.style, str):
            raise BadOption(f"style must be a name, not {self.style!r}")

    def changed(self, **changes: Any) -> Self:  # noqa: ANN401
        """The same options with some values replaced.

        Raises:
            BadOption: A name is unknown, or a value is wrong.
        """
        if not changes:
            return self
        known = {field.name for field in fields(self)}
        for name in changes:
            if name not in known:
                raise BadOption(
                    f"unknown option {name!r}; the options are {', '.join(sorted(known))}"
                )
        return replace(self, **changes)


def _check_number(name: str, value: float) -> None:
    low, high = RANGES[name]
    types = (int,) if name == "seed" else (int, float)
    if not isinstance(value, types) or isinstance(value, bool):
        kind = "a whole number" if name == "seed" else "a number"
        raise BadOption(f"{name} must be {kind} from {low:g} to {high:g}, not {value!r}")
    if not low <= value <= high:  # also refuses what is not a number (NaN)
        raise BadOption(f"{name} must be from {low:g} to {high:g}, not {value!r}")
