"""How a sentence is delivered where its voice is not left to itself: lengths and pitch, by mora."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Delivery", "MoraDelivery"]


@dataclass(frozen=True, slots=True)
class MoraDelivery:
    """How one mora is spoken.

    Attributes:
        vowel_s: Length of its vowel, ン or ッ at normal speed, in seconds.
        consonant_s: Length of what comes before that, in seconds; None if nothing does.
        pitch_factor: Of the pitch that the voice would give it: 2 is an octave up.
    """

    vowel_s: float
    consonant_s: float | None = None
    pitch_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one reading is spoken.

    Attributes:
        moras: One for each mora of the reading.
        pauses_s: Length of each pause within the reading at normal speed, in seconds.
    """

    moras: tuple[MoraDelivery, ...]
    pauses_s: tuple[float, ...] = ()

    @property
    def changes_pitch(self) -> bool:
        """Whether a mora has another pitch than the voice would give it."""
        return any(mora.pitch_factor != 1.0 for mora in self.moras)

    @property
    def phone_lengths_s(self) -> tuple[float, ...]:
        """Length of each phone of the reading at normal speed, in seconds."""
        return tuple(
            length
            for mora in self.moras
            for length in (mora.consonant_s, mora.vowel_s)
            if length is not None
        )

    @property
    def phone_pitch_factors(self) -> tuple[float, ...]:
        """Factor of the pitch of each phone of the reading."""
        return tuple(
            mora.pitch_factor
            for mora in self.moras
            for length in (mora.consonant_s, mora.vowel_s)
            if length is not None
        )
