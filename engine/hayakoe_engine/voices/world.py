"""Pitch and intonation of a finished sentence, by the WORLD vocoder.

Needs the extra ``pitch``. WORLD takes a sentence apart into pitch, spectrum and noise, and puts it
together again, which costs some quality (Morise et al., "WORLD", 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPTIONS: Final = frozenset({"pitch_scale", "intonation_scale"})
"""What it can change."""

_LOWEST_HZ: Final = 40.0
_HIGHEST_HZ: Final = 1000.0


@dataclass(frozen=True, slots=True, eq=False)
class Reshaping:
    """Phones that are to be longer or shorter, higher or lower.

    Attributes:
        starts_s: Where each phone begins, and where the last ends, float64 ``[P + 1]``.
        new_starts_s: Where they are to begin and to end, float64 ``[P + 1]``.
        pitch_factors: Of the pitch of each phone, float64 ``[P]``.
    """

    starts_s: NDArray[np.float64]
    new_starts_s: NDArray[np.float64]
    pitch_factors: NDArray[np.float64]

    def factors_at(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Factors of the pitch, gliding from the middle of one phone to that of the next."""
        middles_s = (self.starts_s[:-1] + self.starts_s[1:]) / 2
        factors: NDArray[np.float64] = np.exp(
            np.interp(times_s, middles_s, np.log(self.pitch_factors))
        )
        return factors


def is_available() -> bool:
    """Whether the extra is installed."""
    return find_spec("pyworld") is not None


def change_pitch(
    samples: NDArray[np.float32],
    rate_hz: int,
    pitch_scale: float,
    intonation_scale: float,
    reshaping: Reshaping | None = None,
) -> NDArray[np.float32]:
    """The same sentence with another pitch, and other lengths of its phones.

    Args:
        samples: float32 ``[n]``.
        rate_hz: Of the samples.
        pitch_scale: Factor of the mean pitch.
        intonation_scale: Factor of how far the pitch moves around its mean; 0 is monotone.
        reshaping: What becomes of single phones.

    Returns:
        float32 ``[n]``, or as long as the reshaping says; the samples themselves where nothing has
        a pitch and no length changes.
    """
    import pyworld  # noqa: PLC0415

    wave = samples.astype(np.float64)
    pitch_hz, times_s = pyworld.harvest(wave, rate_hz)
    voiced = pitch_hz > 0
    if not voiced.any() and reshaping is None:
        return samples
    spectrum = pyworld.cheaptrick(wave, pitch_hz, times_s, rate_hz)
    noise = pyworld.d4c(wave, pitch_hz, times_s, rate_hz)
    length = len(samples)
    if voiced.any():
        mean_hz = pitch_hz[voiced].mean()
        changed_hz = pitch_scale * mean_hz + intonation_scale * (pitch_hz[voiced] - mean_hz)
        if reshaping is not None:
            changed_hz *= reshaping.factors_at(times_s[voiced])
        pitch_hz[voiced] = np.clip(changed_hz, _LOWEST_HZ, _HIGHEST_HZ)
    if reshaping is not None and not np.array_equal(reshaping.starts_s, reshaping.new_starts_s):
        new_times_s = np.arange(0.0, reshaping.new_starts_s[-1], times_s[1])
        sources_s = np.interp(new_times_s, reshaping.new_starts_s, reshaping.starts_s)
        frames = np.rint(sources_s / times_s[1]).astype(np.int64).clip(0, len(times_s) - 1)
        pitch_hz, spectrum, noise = pitch_hz[frames], spectrum[frames], noise[frames]
        length = round(reshaping.new_starts_s[-1] * rate_hz)
    changed = pyworld.synthesize(pitch_hz, spectrum, noise, rate_hz)
    fitted = np.zeros(length, np.float32)
    fitted[: len(changed)] = changed[:length]
    return fitted
