"""Loudness that never exceeds full scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

KNEE: Final = 0.8
CEILING: Final = 0.98
"""What lies above the knee is bent so that nothing reaches the ceiling."""


def limit(samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """Keep what is too loud below the ceiling, sample by sample.

    It has no memory, so a sample does not depend on the window it is in.
    """
    size = np.abs(samples)
    over = size > KNEE
    room = CEILING - KNEE
    limited = samples.astype(np.float32)
    limited[over] = np.sign(samples[over]) * (KNEE + room * np.tanh((size[over] - KNEE) / room))
    return limited
