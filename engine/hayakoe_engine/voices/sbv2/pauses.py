"""Pauses: the network draws marks out in time; here they are scaled, and made exact.

The pause after a sentence is what the network takes for its last mark and the blanks beside it,
as far as its audio does not end in so much silence already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.voices.sbv2.symbols import BLANK_ID, SYMBOL_IDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PAUSING_IDS: Final = [SYMBOL_IDS[mark] for mark in (".", ",", "!", "?", "…")]

MIN_PAUSE_S: Final = 0.08
"""Between two sentences, at normal scale."""

_SILENT: Final = 0.006
"""What is quieter, of full scale 1.0, is taken for silence."""

_STEP_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class EndPause:
    """The pause after a sentence.

    Attributes:
        seconds: How long it is, silence at the end of the sentence included.
        is_exact: Whether more silence than that is cut off.
    """

    seconds: float
    is_exact: bool


def arrange_pauses(
    phones: NDArray[np.int64],
    durations: NDArray[np.int64],
    *,
    scale: float,
    exact_end_s: float | None,
    frame_s: float,
) -> tuple[NDArray[np.int64], EndPause]:
    """Scale the pauses in a sentence and find the one after it.

    Args:
        phones: int64 ``[P]``, with blanks or without.
        durations: Frames of each, int64 ``[P]``.
        scale: Of every pause that is not exact.
        exact_end_s: Length of the pause after the sentence; None leaves it to the network.
        frame_s: Length of a frame.

    Returns:
        New durations and the pause to end with.
    """
    marks = np.isin(phones, _PAUSING_IDS)
    pauses = marks | (_beside(marks) & (phones == BLANK_ID))
    scaled = np.where(pauses, np.ceil(durations * scale), durations).astype(np.int64)
    last = _last_pause(phones, marks, pauses)
    if exact_end_s is not None:
        scaled[last] = np.minimum(scaled[last], 1)
        return scaled, EndPause(exact_end_s, is_exact=True)
    natural_s = float(scaled[last].sum()) * frame_s
    return scaled, EndPause(max(natural_s, MIN_PAUSE_S * scale), is_exact=False)


def end_with(pause: EndPause, samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """The last samples of a sentence with its pause."""
    wanted = round(pause.seconds * rate_hz)
    silent = _silence_at_end(samples, round(_STEP_S * rate_hz))
    if silent < wanted:
        return np.concatenate([samples, np.zeros(wanted - silent, np.float32)])
    if pause.is_exact:
        return samples[: len(samples) - (silent - wanted)]
    return samples


def _last_pause(
    phones: NDArray[np.int64], marks: NDArray[np.bool_], pauses: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The marks after the last phone that is one, and the blanks beside them."""
    spoken = np.flatnonzero(~marks & (phones != BLANK_ID))
    after = np.zeros_like(pauses)
    after[spoken[-1] + 1 if len(spoken) else 0 :] = True
    return pauses & after


def _beside(marks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    beside = np.zeros_like(marks)
    beside[:-1] |= marks[1:]
    beside[1:] |= marks[:-1]
    return beside


def _silence_at_end(samples: NDArray[np.float32], step: int) -> int:
    """Silent samples at the end, counted in whole steps."""
    steps = len(samples) // step
    tail = np.abs(samples[len(samples) - steps * step :]).reshape(steps, step).max(axis=1)
    loud = np.flatnonzero(tail > _SILENT)
    return (steps - 1 - int(loud[-1])) * step if len(loud) else steps * step
