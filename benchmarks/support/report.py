"""Figures, their targets, and the table in which they are printed."""

from __future__ import annotations

import math
import os
import platform
import statistics
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_PACKAGES: Final = (
    "wyoming-hayakoe",
    "pyopenjtalk-plus",
    "onnxruntime",
    "numpy",
    "pydantic",
    "wyoming",
)
_NAME_WIDTH: Final = 54
_MEASURED_WIDTH: Final = 44
_TARGET_WIDTH: Final = 18


@dataclass(frozen=True, slots=True)
class Figure:
    """Something measured.

    Attributes:
        name: What it is.
        measured: The outcome as people read it.
        value: The outcome as compared with the target, in ``unit``.
        unit: Of the value and the samples.
        samples: All measurements.
        target: The target as people read it; None if there is none.
        met: Whether it is met; None without one.
    """

    name: str
    measured: str
    value: float
    unit: str
    samples: tuple[float, ...] = ()
    target: str | None = None
    met: bool | None = None

    def row(self) -> str:
        """Its line of the table."""
        verdict = {True: "met", False: "MISSED", None: ""}[self.met]
        return _row(self.name, self.measured, self.target or "", verdict)

    def entry(self) -> dict[str, Any]:
        """It for JSON."""
        return asdict(self)


def times(name: str, seconds: Sequence[float], *, at_most_ms: float | None = None) -> Figure:
    """The median of times, with their spread."""
    samples = [1000 * second for second in seconds]
    return _spread(name, samples, statistics.median(samples), "", at_most_ms)


def tail(name: str, seconds: Sequence[float], *, at_most_ms: float) -> Figure:
    """The time that one in a hundred exceeds."""
    samples = [1000 * second for second in seconds]
    return _spread(name, samples, percentile(samples, 99), "p99 ", at_most_ms)


def percentile(samples: Sequence[float], percent: float) -> float:
    """The least sample that this share of the samples does not exceed."""
    return sorted(samples)[math.ceil(len(samples) * percent / 100) - 1]


def header() -> str:
    """The head of the table."""
    return _row("figure", "measured", "target", "") + "\n" + "-" * 120


def machine() -> list[str]:
    """What it was measured on."""
    return [
        f"{_cpu()}, {len(os.sched_getaffinity(0))} CPUs, {platform.machine()}",
        f"Linux {platform.release()}, Python {platform.python_version()}",
        ", ".join(f"{package} {_version(package)}" for package in _PACKAGES),
        f"load average {load_average()} at the beginning; figures to be quoted need one near 0",
    ]


def load_average() -> str:
    """Of the last minute, as text."""
    return f"{os.getloadavg()[0]:.2f}"


def _spread(
    name: str, samples: list[float], value: float, label: str, at_most_ms: float | None
) -> Figure:
    shape = f"{min(samples):.0f}–{max(samples):.0f}, n={len(samples)}"
    if label:
        shape = f"median {statistics.median(samples):.1f}, max {max(samples):.1f}, n={len(samples)}"
    elif len(samples) >= 100:
        shape = f"p99 {percentile(samples, 99):.0f}, {shape}"
    digits = 1 if label else 0
    return Figure(
        name,
        f"{label}{value:.{digits}f} ms ({shape})",
        value,
        "ms",
        tuple(samples),
        None if at_most_ms is None else f"<= {at_most_ms:.0f} ms",
        None if at_most_ms is None else value <= at_most_ms,
    )


def _row(name: str, measured: str, target: str, verdict: str) -> str:
    return (
        f"{name:{_NAME_WIDTH}}{measured:{_MEASURED_WIDTH}}{target:{_TARGET_WIDTH}}{verdict}"
    ).rstrip()


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model"):
            return value.strip()
    return "unknown CPU"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
