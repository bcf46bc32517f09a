"""How a text is to be spoken."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, Self, TypeAlias, get_args

from hayakoe_engine.errors import BadOption

Remember: TypeAlias = Literal["yes", "until-spoken", "no"]
"""What a voice may do with the audio that it makes, see ``SynthesisOptions.remember``."""

RANGES: Final[dict[str, tuple[float, float]]] = {
    "speed": (0.25, 4.0),
    "pitch_scale": (0.5, 2.0),
    "intonation_scale": (0.0, 2.0),
    "volume": (0.0, 2.0),
    "pause_scale": (0.0, 5.0),
    "style_weight": (0.0, 20.0),
    "sdp_ratio": (0.0, 1.0),
    "noise": (0.0, 2.0),
    "noise_w": (0.0, 2.0),
    "speaker_id": (0, 65_535),
    "seed": (0, 2**32 - 1),
}
"""Lowest and highest value of every numeric option, both allowed."""

_WHOLE: Final = frozenset({"speaker_id", "seed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisOptions:
    """Options of one request; every value is checked when the object is made.

    A voice ignores what it cannot do; ``VoiceInfo.ignored_options`` lists it.

    Attributes:
        speed: Speaking rate; 1.0 is the voice's own, larger is faster, 0.25 to 4.
        pitch_scale: Factor of the pitch: 2 is an octave up, 1.06 a semitone, 0.5 to 2.
        intonation_scale: Scale of the pitch movement; 0 is monotone, 1.0 natural, 0 to 2.
        volume: Linear gain, 0 to 2.
        pause_scale: Scale of the pauses between phrases and sentences, 0 to 5.
        style: Name of one of the voice's styles, or a mix of some: ``Happy+Sad``, or with shares
            ``Happy*0.7+Sad*0.3``; None is the voice's own.
        style_weight: How strong the style is: 0 is the voice's mean, 1 the style itself, 0 to 20.
        sdp_ratio: Liveliness of the rhythm: share of the stochastic durations, 0 to 1.
        noise: Liveliness of the sound, 0 to 2.
        noise_w: Liveliness of the stochastic durations, 0 to 2.
        speaker_id: Number of the speaker, in a voice of several.
        seed: Start of the random numbers, 0 to 4294967295. Same text, options and seed give the
            same samples.
        remember: Whether the voice may say a sentence as it has said it before, and keep what it
            says for the next time; "until-spoken" keeps it at least until somebody has spoken it,
            as far as there is place.

    Raises:
        BadOption: A value is of the wrong type or outside its range.
    """

    speed: float = 1.0
    pitch_scale: float = 1.0
    intonation_scale: float = 1.0
    volume: float = 1.0
    pause_scale: float = 1.0
    style: str | None = None
    style_weight: float = 1.0
    sdp_ratio: float = 0.2
    noise: float = 0.6
    noise_w: float = 0.8
    speaker_id: int = 0
    seed: int = 0
    remember: Remember = "yes"

    def __post_init__(self) -> None:
        for name in RANGES:
            _check_number(name, getattr(self, name))
        if self.style is not None and not isinstance(self.style, str):
            raise BadOption(f"style must be a name, not {self.style!r}")
        if self.remember not in get_args(Remember):
            choices = ", ".join(get_args(Remember))
            raise BadOption(f"remember must be one of {choices}, not {self.remember!r}")

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
    is_whole = name in _WHOLE
    types = (int,) if is_whole else (int, float)
    if not isinstance(value, types) or isinstance(value, bool):
        kind = "a whole number" if is_whole else "a number"
        raise BadOption(f"{name} must be {kind} from {low:g} to {high:g}, not {value!r}")
    if not low <= value <= high:  # also refuses what is not a number (NaN)
        raise BadOption(f"{name} must be from {low:g} to {high:g}, not {value!r}")
