"""How loud a voice is, so that all voices can be made equally loud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TARGET_RMS: Final = 0.12
"""Of speech without its pauses; that of the embedded voice."""

GAINS: Final = (0.25, 8.0)
"""Least and greatest gain: what asks for another is no voice."""

_STEP_S: Final = 0.01
_SPEECH: Final = 0.1
"""Of the loudest step; what is quieter is a pause."""


def gain_for(samples: NDArray[np.float32], rate_hz: int) -> float:
    """The gain that brings speech to the target, 1.0 for silence."""
    step = round(_STEP_S * rate_hz)
    steps = len(samples) // step
    if steps == 0:
        return 1.0
    powers = np.square(samples[: steps * step].reshape(steps, step)).mean(axis=1)
    rms = float(np.sqrt(powers[powers >= powers.max() * _SPEECH**2].mean()))
    return float(np.clip(TARGET_RMS / rms, *GAINS)) if rms > 0 else 1.0
