"""How long phones and pauses are, in frames: what the network thinks, and what is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hayakoe_engine.text.delivery import Delivery, MoraDelivery
from hayakoe_engine.text.labels import phone_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from hayakoe_engine.text.reading import Reading
    from hayakoe_engine.voices.sbv2.phones import PhoneSequence

__all__ = ["apply_lengths", "measured", "phones_spoken"]


def phones_spoken(sequence: PhoneSequence, *, add_blank: bool) -> NDArray[np.int64]:
    """For each phone that the network gets the phone of the reading whose length it is part of.

    Returns:
        int64 ``[P]``; -1 for what belongs to none. A blank belongs to the phone before it, but
        before a mark to the pause.
    """
    spoken = np.array(sequence.spoken, np.int64)
    if not add_blank:
        return spoken
    spaced = np.full(2 * len(spoken) + 1, -1, np.int64)
    spaced[1::2] = spoken
    spaced[2:-1:2] = np.where(spoken[1:] >= 0, spoken[:-1], -1)
    return spaced


def measured(
    reading: Reading, spoken: NDArray[np.int64], durations: NDArray[np.int64], frame_s: float
) -> Delivery:
    """What the network thinks.

    Args:
        reading: What is to be spoken.
        spoken: Of ``phones_spoken``, int64 ``[P]``.
        durations: Frames of each phone, int64 ``[P]``.
        frame_s: Length of a frame.
    """
    frames = np.zeros(spoken.max(initial=-1) + 1, np.int64)
    np.add.at(frames, spoken[spoken >= 0], durations[spoken >= 0])
    lengths_s = iter((frames * frame_s).tolist())
    moras = []
    for phones in reading.mora_phones:
        consonant_s = next(lengths_s) if len(phones) > 1 else None
        moras.append(MoraDelivery(next(lengths_s), consonant_s))
    pauses = (int(durations[place].sum()) * frame_s for place in _pauses(reading.labels, spoken))
    return Delivery(tuple(moras), tuple(pauses))


def apply_lengths(
    reading: Reading,
    spoken: NDArray[np.int64],
    durations: NDArray[np.int64],
    *,
    frames_per_s: float,
    pause_scale: float,
) -> NDArray[np.int64]:
    """Give phones and pauses the lengths of the reading's delivery, if it has one.

    Args:
        reading: What is to be spoken.
        spoken: Of ``phones_spoken``, int64 ``[P]``.
        durations: Frames of each phone, int64 ``[P]``.
        frames_per_s: Frames for a second at normal speed.
        pause_scale: Of the pauses.

    Returns:
        Frames of each phone, int64 ``[P]``.
    """
    if reading.delivery is None:
        return durations
    fitted = durations.copy()
    for number, seconds in enumerate(reading.delivery.phone_lengths_s):
        _fit(fitted, np.flatnonzero(spoken == number), round(seconds * frames_per_s))
    pauses = _pauses(reading.labels, spoken)
    for place, seconds in zip(pauses, reading.delivery.pauses_s, strict=False):
        _fit(fitted, place, round(seconds * pause_scale * frames_per_s))
    return fitted


def _pauses(labels: Sequence[str], spoken: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Where the network has each pause within the sentence; nowhere if it has no mark for it."""
    number = -1
    for phone in map(phone_of, labels):
        if phone == "pau":
            before, after = np.flatnonzero(spoken == number), np.flatnonzero(spoken == number + 1)
            yield np.arange(before[-1] + 1, after[0]) if len(before) and len(after) else before[:0]
        elif phone != "sil":
            number += 1


def _fit(durations: NDArray[np.int64], place: NDArray[np.int64], frames: int) -> None:
    """Stretch or shrink some phones together so that they take so many frames."""
    if not len(place):
        return
    ends = np.cumsum(durations[place])
    if ends[-1] == 0:
        durations[place[0]] = frames
    elif ends[-1] != frames:
        durations[place] = np.diff(np.rint(ends * (frames / ends[-1])), prepend=0)
