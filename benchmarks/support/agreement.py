"""How far two engines make the same sound of the same text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from benchmarks.support.engine_process import EngineProcess

_NOTHING_RANDOM: Final = {"sdp_ratio": 0.0, "noise": 0.0, "noise_w": 0.0}
_BLANK: Final = "_"
_SAME_MOMENT_S: Final = 1e-3


_ACCENT: Final = re.compile(r"-([^+]+)\+.*?/A:([^/]*)/.*?/F:(\w+)")
"""Of a full-context label: the phone, its place in the accent phrase, the phrase's length."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two engines made of one sentence, nothing being left to chance.

    Attributes:
        text: The sentence.
        same_reading: They read it with the same phones and the same accents.
        same_times: Every phone begins at the same moment in both.
        difference: RMS of the difference by RMS of the first engine's sound, the loudness of the
            second one's fitted to it.
    """

    text: str
    same_reading: bool
    same_times: bool
    difference: float


@dataclass(frozen=True, slots=True)
class _Recording:
    samples: NDArray[Any]
    phones: list[str]
    starts_s: list[float]
    accents: list[str]


def compare(one: EngineProcess, other: EngineProcess, texts: Iterable[str]) -> Iterator[Agreement]:
    """Have both speak each sentence."""
    for text in texts:
        a, b = _record(one, text), _record(other, text)
        pairs = zip(a.starts_s, b.starts_s, strict=False)
        yield Agreement(
            text,
            same_reading=a.phones == b.phones and a.accents == b.accents,
            same_times=all(abs(x - y) < _SAME_MOMENT_S for x, y in pairs),
            difference=difference(a.samples, b.samples),
        )


def difference(reference: NDArray[Any], samples: NDArray[Any]) -> float:
    """Relative RMS difference over the length that both have, after fitting the loudness."""
    length = min(len(reference), len(samples))
    a, b = reference[:length].astype(float), samples[:length].astype(float)
    gain = float(a @ b) / float(b @ b)
    return float(np.linalg.norm(a - gain * b) / np.linalg.norm(a))


def _record(process: EngineProcess, text: str) -> _Recording:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "samples.npy"
        answer = process.ask("record", text=text, options=_NOTHING_RANDOM, file=str(file))
        samples = np.load(file)
    spoken = [(phone, start_s) for phone, start_s in answer["phones"] if phone != _BLANK]
    return _Recording(
        samples,
        [phone for phone, _ in spoken],
        [start_s for _, start_s in spoken],
        [str(_ACCENT.findall(label)) for label in answer["labels"]],
    )
