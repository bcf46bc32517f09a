"""Samples of two engines, compared round by round."""

from __future__ import annotations

import os
import statistics
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from benchmarks.support.report import Figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PRECISIONS: Final = ("exact", "balanced", "fast")

_MOST_OTHERS: Final = 0.05
"""Share of the CPUs that others may take before a sample counts as disturbed."""
_LEAST_OTHERS_S: Final = 0.05
"""The kernel counts in steps of 10 ms for each CPU: less than this is not told from nothing."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement; disturbed if others took CPU time meanwhile."""

    value: float
    is_disturbed: bool = False


@dataclass(frozen=True, slots=True)
class Samples:
    """All measurements of an engine.

    Attributes:
        by_name: One per round, in order, by what was measured: seconds, bytes.
    """

    by_name: defaultdict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))

    def add_start(self, started: dict[str, Any]) -> None:
        """What ``EngineProcess.started`` says."""
        for part in ("import", "prepare", "ready"):
            self._add(part, started[part]["wall_s"], started[part])
        self._add("prepare, CPU", started["prepare"]["cpu_s"], started["prepare"])
        self._add("RSS, prepared", started["memory"]["rss"])
        self._add("anonymous, prepared", started["memory"]["anonymous"])

    def add_first_utterance(self, started: dict[str, Any], answer: dict[str, Any]) -> None:
        """What ``EngineProcess.started`` says and ``speak`` answers at once after that."""
        self.add_speech("first utterance", answer)
        ready = started["ready"]
        both = {name: ready[name] + answer[name] for name in ("wall_s", "others_s")}
        self._add("start to first audio", ready["wall_s"] + answer["pieces"][0][0], both)

    def add_speech(self, name: str, answer: dict[str, Any]) -> None:
        """What ``speak`` answers."""
        pieces = answer["pieces"]
        audio_s = sum(duration_s for _, duration_s in pieces)
        self._add(f"first audio, {name}", pieces[0][0], answer)
        self._add(f"first audio, {name}, CPU", answer["first_cpu_s"], answer)
        self._add(f"total, {name}", answer["wall_s"], answer)
        self._add(f"audio, {name}", audio_s)
        self._add(f"RTF, {name}", answer["wall_s"] / audio_s, answer)
        self._add(f"CPU by audio, {name}", answer["cpu_s"] / audio_s, answer)
        self._add(f"gap, {name}", longest_gap_s(pieces), answer)

    def add_memory(self, answer: dict[str, int]) -> None:
        """What ``memory`` answers."""
        for name, value in answer.items():
            self._add(f"{name}, spoken", value)

    def add_clients(self, answer: dict[str, Any]) -> None:
        """What ``speak_at_once`` answers."""
        clients = answer["clients"]
        self._add("last client", max(pieces[0][0] for pieces in clients), answer)
        self._add("gap, clients", max(map(longest_gap_s, clients)), answer)
        self._add("total, clients", answer["wall_s"], answer)

    def entry(self) -> dict[str, Any]:
        """They for JSON."""
        return {name: [asdict(each) for each in samples] for name, samples in self.by_name.items()}

    def _add(self, name: str, value: float, cost: dict[str, Any] | None = None) -> None:
        is_disturbed = cost is not None and cost["others_s"] > max(
            _LEAST_OTHERS_S, _MOST_OTHERS * cost["wall_s"] * len(os.sched_getaffinity(0))
        )
        self.by_name[name].append(Sample(value, is_disturbed))


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table.

    Attributes:
        name: What it is.
        key: Among the samples.
        unit: ``s``, ``MB`` or nothing.
        at_least: The least ratio aimed at, for each of ``PRECISIONS``.
    """

    name: str
    key: str
    unit: str = "s"
    at_least: tuple[float, float, float] | None = None


_ROWS: Final = (
    Row("import", "import"),
    Row("prepare", "prepare", at_least=(6, 8, 12)),
    Row("prepare, CPU time", "prepare, CPU"),
    Row("start of the process to the voice prepared", "ready"),
    Row("start of the process to its first audio", "start to first audio"),
    Row("first audio, first utterance of a process", "first audio, first utterance"),
    Row("first audio, 2 s", "first audio, 2 s", at_least=(3, 5, 8)),
    Row("first audio, 8 s", "first audio, 8 s", at_least=(4.5, 8, 10)),
    Row("first audio, 40 s in 4 sentences", "first audio, 40 s", at_least=(4.5, 8, 10)),
    Row("first audio, 2 s that were said before", "first audio, 2 s, said before"),
    Row("CPU time until the first audio, 2 s", "first audio, 2 s, CPU"),
    Row("CPU time until the first audio, 8 s", "first audio, 8 s, CPU"),
    Row("CPU time until the first audio, 40 s", "first audio, 40 s, CPU"),
    Row("whole text, 2 s", "total, 2 s"),
    Row("whole text, 8 s", "total, 8 s"),
    Row("whole text, 40 s", "total, 40 s"),
    Row("RTF, 2 s", "RTF, 2 s", ""),
    Row("RTF, 8 s", "RTF, 8 s", "", at_least=(1.0, 1.3, 1.9)),
    Row("RTF, 40 s", "RTF, 40 s", "", at_least=(1.0, 1.3, 1.9)),
    Row("CPU time by second of audio, 2 s", "CPU by audio, 2 s"),
    Row("CPU time by second of audio, 8 s", "CPU by audio, 8 s", at_least=(1.2, 1.25, 2)),
    Row("CPU time by second of audio, 40 s", "CPU by audio, 40 s", at_least=(1.2, 1.25, 2)),
    Row("memory (RSS), prepared", "RSS, prepared", "MB"),
    Row("memory (RSS), peak of these texts", "peak, spoken", "MB", at_least=(2, 2.2, 2.4)),
    Row("memory not backed by files, prepared", "anonymous, prepared", "MB"),
    Row("memory not backed by files, spoken", "anonymous, spoken", "MB", at_least=(6, 6, 6)),
    Row("first audio of the last of 3 clients at once", "last client", at_least=(8, 10, 10)),
    Row("the last of 3 clients served", "total, clients"),
)

_GAPS: Final = (
    Row("longest gap in playback, 8 s", "gap, 8 s"),
    Row("longest gap in playback, 40 s", "gap, 40 s"),
    Row("longest gap in playback of 3 clients at once", "gap, clients"),
)


def table(theirs: Samples, ours: Samples, precision: str) -> list[Figure]:
    """All figures of two engines; ``precision`` is that of ours and chooses the targets."""
    place = PRECISIONS.index(precision)
    ratios = (_ratio(row, theirs.by_name[row.key], ours.by_name[row.key], place) for row in _ROWS)
    gaps = (_gap(row, theirs.by_name[row.key], ours.by_name[row.key]) for row in _GAPS)
    return [*ratios, *gaps]


def constant(name: str, theirs: float, ours: float, unit: str, *, at_least: float) -> Figure:
    """A comparison of what is the same in every round."""
    return _figure(name, [(theirs, ours)], unit, at_least)


def longest_gap_s(pieces: Iterable[Sequence[float]]) -> float:
    """How long a player that starts with the first piece has nothing to play at worst, in seconds.

    Args:
        pieces: When each piece came and how long it is.
    """
    longest_s = 0.0
    played_until_s: float | None = None
    for arrival_s, duration_s in pieces:
        if played_until_s is None:
            played_until_s = arrival_s
        longest_s = max(longest_s, arrival_s - played_until_s)
        played_until_s = max(arrival_s, played_until_s) + duration_s
    return longest_s


def _ratio(row: Row, theirs: list[Sample], ours: list[Sample], place: int) -> Figure:
    pairs, disturbed = _undisturbed(theirs, ours)
    scale = 1e-6 if row.unit == "MB" else 1
    scaled = [(scale * a.value, scale * b.value) for a, b in pairs]
    at_least = None if row.at_least is None else row.at_least[place]
    return _figure(row.name, scaled, row.unit, at_least, disturbed)


def _gap(row: Row, theirs: list[Sample], ours: list[Sample]) -> Figure:
    pairs, disturbed = _undisturbed(theirs, ours)
    worst = [max(sample.value for sample in side) for side in zip(*pairs, strict=True)]
    return Figure(
        row.name,
        f"{worst[0]:.2f} / {worst[1]:.2f} s (n={len(pairs)}{disturbed})",
        worst[1],
        row.unit,
        tuple(sample.value for _, sample in pairs),
    )


def _undisturbed(
    theirs: list[Sample], ours: list[Sample]
) -> tuple[list[tuple[Sample, Sample]], str]:
    """The rounds that count, and a mark if none is free of disturbance."""
    pairs = list(zip(theirs, ours, strict=True))
    clean = [(a, b) for a, b in pairs if not a.is_disturbed and not b.is_disturbed]
    return (clean, "") if clean else (pairs, "!")


def _figure(
    name: str,
    pairs: Sequence[tuple[float, float]],
    unit: str,
    at_least: float | None,
    mark: str = "",
) -> Figure:
    ratios = [theirs / ours for theirs, ours in pairs]
    theirs, ours = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(ratios)
    digits = 0 if unit == "MB" else 2
    spread = f"{min(ratios):.1f}–{max(ratios):.1f}, n={len(ratios)}{mark}"
    return Figure(
        name,
        f"{ratio:.2f}x ({spread}): {theirs:.{digits}f} / {ours:.{digits}f} {unit}".rstrip(),
        ratio,
        "",
        tuple(ratios),
        target=None if at_least is None else f">= {at_least:g}x",
        met=None if at_least is None else ratio >= at_least,
    )
