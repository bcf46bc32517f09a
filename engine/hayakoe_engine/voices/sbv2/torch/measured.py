"""What is found out about a voice on a device: how loud it is, and which precision it bears."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from hayakoe_engine.voices.sbv2.agreement import compare
from hayakoe_engine.voices.sbv2.installed import (
    PRECISIONS,
    Precision,
    Quality,
    read_record,
    write_record,
)
from hayakoe_engine.voices.sbv2.loudness import gain_for
from hayakoe_engine.voices.sbv2.rehearsal import best_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hayakoe_engine.voices.sbv2.backend import Backend
    from hayakoe_engine.voices.sbv2.rehearsal import Rehearsal

_LOG = logging.getLogger(__name__)

_FILE: Final = "measured.json"


@dataclass(frozen=True, slots=True)
class Measured:
    """Facts about a voice.

    Attributes:
        gain: Makes the voice as loud as others.
        best: The fastest precision that is good enough.
        quality: Of the precisions below ``exact``; nothing where they are not faster.
    """

    gain: float
    best: Precision = "exact"
    quality: dict[str, Quality] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        rehearsal: Rehearsal,
        backend: Callable[[Precision], Backend],
        rate_hz: int,
        *,
        gains_by_less: bool,
    ) -> Self:
        """Have a voice speak to nobody.

        Args:
            rehearsal: Of the voice.
            backend: Its network in a precision.
            rate_hz: Sample rate of the voice.
            gains_by_less: Whether lower precisions are faster on the device.
        """
        exact = rehearsal.speak(backend("exact"))
        gain = gain_for(exact, rate_hz)
        if not gains_by_less:
            return cls(gain)
        quality: dict[str, Quality] = {}
        for precision in PRECISIONS[1:]:
            found = compare(exact, rehearsal.speak(backend(precision)), rate_hz)
            quality[precision] = Quality(found.snr_db, found.log_mel_distance_db)
            _LOG.info("precision %s: %.1f dB from exact", precision, found.snr_db)
        return cls(gain, best_of(quality), quality)

    def write(self, folder: Path) -> None:
        """Keep it.

        Raises:
            OSError: It cannot be written.
        """
        write_record(folder / _FILE, self)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read it again.

        Raises:
            BadVoiceFiles: It is damaged.
        """
        return read_record(folder / _FILE, cls)
