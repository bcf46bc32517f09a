"""How a sentence of full-context labels is divided into windows for the HTS engine."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from hayakoe_engine.text.labels import SILENCES, phone_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hayakoe_engine.voices.hts_durations import DurationModel

FIRST_WINDOW_LABELS: Final = 8
"""Least labels (phones) of a sentence's first window: about 0.6 s; at most twice as many."""
WINDOW_LABELS: Final = 32
"""Least labels of every further window: about 2.4 s; at most twice as many."""
CONTEXT_LABELS: Final = 12
"""Labels synthesised before and after a window; with fewer the pitch of neighbours differs."""

_SEARCH_STEPS: Final = 12

_ACCENT_PHRASE = re.compile(r"/F:[^@]*@(\d+)_")
_MORA = re.compile(r"/A:[^+]*\+(\d+)\+")
_VOICELESS = frozenset(
    {"k", "ky", "kw", "t", "ty", "ts", "ch", "p", "py", "s", "sh", "h", "hy", "f", "cl"}
)


class Window(NamedTuple):
    """A range of labels to be spoken, and the wider range to be synthesised for it.

    Attributes:
        start: First label spoken.
        spoken_stop: After the last phone.
        stop: After the pause label that follows the phones, if one does.
        context_start: First label synthesised.
        context_stop: After the last label synthesised.
        joins_previous: Whether the phones before are spoken without a pause between.
        joins_next: Whether the phones after are.
    """

    start: int
    spoken_stop: int
    stop: int
    context_start: int
    context_stop: int
    joins_previous: bool
    joins_next: bool


def plan_windows(labels: Sequence[str], speed: float) -> list[Window]:
    """Divide a sentence into windows, the first one short.

    Windows end at pauses and, where those are far apart, at the beginning of an accent phrase,
    best before a voiceless consonant: in its closure a join is inaudible. The plan depends on the
    labels and the speed only. At slow speed a window has fewer labels, so that the work it makes
    is bounded.
    """
    scale = min(1.0, speed)
    context = max(4, round(CONTEXT_LABELS * scale))
    silences = [i for i, label in enumerate(labels) if phone_of(label) in SILENCES]
    windows: list[Window] = []
    for before, after in pairwise(silences):
        if after - before < 2:
            continue
        least = FIRST_WINDOW_LABELS if not windows else WINDOW_LABELS
        cuts = [before + 1]
        while (cut := _next_cut(labels, cuts[-1], after, max(4, round(least * scale)))) < after:
            cuts.append(cut)
            least = WINDOW_LABELS
        for start, stop in pairwise([*cuts, after]):
            is_last = stop == after
            windows.append(
                Window(
                    start=start,
                    spoken_stop=stop,
                    stop=stop + 1 if is_last and after < len(labels) - 1 else stop,
                    context_start=max(before, start - context),
                    context_stop=min(after + 1, stop + context),
                    joins_previous=start != before + 1,
                    joins_next=not is_last,
                )
            )
    return windows


def _next_cut(labels: Sequence[str], start: int, stop: int, least: int) -> int:
    """Where the window that begins at ``start`` ends, at most at ``stop``."""
    if stop - start <= 2 * least:
        return stop
    candidates = range(start + least, min(start + 2 * least, stop - least // 2) + 1)
    phrases = [i for i in candidates if _changes(_ACCENT_PHRASE, labels, i)]
    moras = [i for i in candidates if _changes(_MORA, labels, i)]
    for places in (phrases, moras):
        voiceless = (i for i in places if phone_of(labels[i]) in _VOICELESS)
        if (place := next(voiceless, None)) is not None:
            return place
    return (phrases or moras or candidates)[0]


def _changes(pattern: re.Pattern[str], labels: Sequence[str], index: int) -> bool:
    """Whether what the pattern finds changes from the label before to this one."""
    before, here = pattern.search(labels[index - 1]), pattern.search(labels[index])
    return before is not None and here is not None and before[1] != here[1]


def engine_speed(model: DurationModel, labels: Sequence[str], speed: float) -> float:
    """The speed to ask of the engine so that the phones among the labels have this speed.

    The engine stretches what varies most, and that is silence: of a short list of labels with a
    silence at its end it would hardly change the phones at all, so every window would have a rate
    of its own.
    """
    if speed == 1.0:
        return speed
    phones = [i for i, label in enumerate(labels) if phone_of(label) not in SILENCES]
    natural = model.label_frames(labels, 1.0)
    target = sum(natural[i] for i in phones) / speed
    slow = 0.02
    # Near the speed at which every state has but its one frame, the engine complains.
    fast = max(1.0, sum(natural) / (1.05 * len(labels) * model.n_states))
    for _ in range(_SEARCH_STEPS):
        middle = (slow * fast) ** 0.5
        frames = model.label_frames(labels, middle)
        if sum(frames[i] for i in phones) > target:
            slow = middle
        else:
            fast = middle
    return fast
