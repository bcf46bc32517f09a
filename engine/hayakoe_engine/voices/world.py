"""Pitch and intonation of a finished sentence, by the WORLD vocoder.

Needs the extra ``pitch``. WORLD takes a sentence apart into pitch, spectrum and noise, and puts it
together again, which costs some quality (Morise et al., "WORLD", 2016).
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPTIONS: Final = frozenset({"pitch_scale", "intonation_scale"})
"""What it can change."""

_LOWEST_HZ: Final = 40.0
_HIGHEST_HZ: Final = 1000.0


def is_available() -> bool:
    """Whether the extra is installed."""
    return find_spec("pyworld") is not None


def change_pitch(
    samples: NDArray[np.float32], rate_hz: int, pitch_scale: float, intonation_scale: float
) -> NDArray[np.float32]:
    """The same sentence with another pitch.

    Args:
        samples: float32 ``[n]``.
        rate_hz: Of the samples.
        pitch_scale: Factor of the mean pitch.
        intonation_scale: Factor of how far the pitch moves around its mean; 0 is monotone.

    Returns:
        float32 ``[n]``; the samples themselves where nothing has a pitch.
    """
    import pyworld  # noqa: PLC0415

    wave = samples.astype(np.float64)
    pitch_hz, times_s = pyworld.harvest(wave, rate_hz)
    voiced = pitch_hz > 0
    if not voiced.any():
        return samples
    spectrum = pyworld.cheaptrick(wave, pitch_hz, times_s, rate_hz)
    noise = pyworld.d4c(wave, pitch_hz, times_s, rate_hz)
    mean_hz = pitch_hz[voiced].mean()
    changed_hz = pitch_scale * mean_hz + intonation_scale * (pitch_hz[voiced] - mean_hz)
    pitch_hz[voiced] = np.clip(changed_hz, _LOWEST_HZ, _HIGHEST_HZ)
    changed = pyworld.synthesize(pitch_hz, spectrum, noise, rate_hz)
    fitted = np.zeros(len(samples), np.float32)
    fitted[: len(changed)] = changed[: len(samples)]
    return fitted
