"""How near one piece of audio comes to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FFT: Final = 2048
_HOP: Final = 512
_BANDS: Final = 80
_FLOOR: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near audio comes to a reference.

    Attributes:
        snr_db: Power of the reference over that of the difference; infinite if they are equal.
        log_mel_distance_db: Root mean square difference of the spectrograms as one hears them.
    """

    snr_db: float
    log_mel_distance_db: float


def compare(
    reference: NDArray[np.float32], other: NDArray[np.float32], sample_rate_hz: int
) -> Agreement:
    """How near audio comes to a reference of the same length.

    Args:
        reference: float32 ``[samples]``.
        other: float32 ``[samples]``.
        sample_rate_hz: Of both.
    """
    spectra = [log_mel_db(audio, sample_rate_hz) for audio in (reference, other)]
    distance = np.sqrt(np.square(spectra[0] - spectra[1]).mean())
    return Agreement(snr_db(reference, other), float(distance))


def snr_db(reference: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Power of a reference over that of the difference from it; infinite if they are equal."""
    wanted = reference.astype(np.float64)
    error = np.square(other - wanted).sum()
    return float(10 * np.log10(np.square(wanted).sum() / error)) if error else np.inf


def log_mel_db(audio: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float64]:
    """Spectrogram as one hears it, in decibels, ``[frames, bands]``.

    Args:
        audio: float32 ``[samples]``.
        sample_rate_hz: Of it.
    """
    padded = np.pad(audio.astype(np.float64), _FFT // 2)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    magnitudes = np.abs(np.fft.rfft(pieces * np.hanning(_FFT), axis=1))
    bands = magnitudes @ _mel_filters(sample_rate_hz).T
    return 20 * np.log10(np.maximum(bands, _FLOOR))


def _mel_filters(sample_rate_hz: int) -> NDArray[np.float64]:
    """Overlapping triangles, equally wide in mel: ``[bands, bins]``."""
    top_mel = 2595 * np.log10(1 + sample_rate_hz / 2 / 700)
    edges_hz = 700 * (10 ** (np.linspace(0, top_mel, _BANDS + 2) / 2595) - 1)
    bins_hz = np.fft.rfftfreq(_FFT, 1 / sample_rate_hz)
    rising = (bins_hz - edges_hz[:-2, None]) / (edges_hz[1:-1] - edges_hz[:-2])[:, None]
    falling = (edges_hz[2:, None] - bins_hz) / (edges_hz[2:] - edges_hz[1:-1])[:, None]
    return np.maximum(0, np.minimum(rising, falling))
