"""How many CPUs this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

_CGROUP_ROOT: Final = Path("/sys/fs/cgroup")


def available_cpus(cgroup_root: Path = _CGROUP_ROOT) -> int:
    """CPUs that the affinity mask and the control group's quota leave, at least one.

    A quota is what container limits are made of (``docker run --cpus``); half a CPU counts as one.
    """
    affinity = len(os.sched_getaffinity(0))
    quota = _quota_v2(cgroup_root / "cpu.max") or _quota_v1(cgroup_root / "cpu")
    return affinity if quota is None else max(1, min(affinity, math.ceil(quota)))


def _quota_v2(file: Path) -> float | None:
    limit, period = _words(file, 2)
    return _ratio(limit, period)


def _quota_v1(folder: Path) -> float | None:
    (limit,) = _words(folder / "cpu.cfs_quota_us", 1)
    (period,) = _words(folder / "cpu.cfs_period_us", 1)
    return _ratio(limit, period)


def _ratio(limit: str, period: str) -> float | None:
    """CPUs of a quota; None if there is no limit ("max" or -1)."""
    if not (limit.isdecimal() and period.isdecimal()) or int(period) == 0:
        return None
    return int(limit) / int(period)


def _words(file: Path, count: int) -> list[str]:
    try:
        words = file.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        words = []
    return words if len(words) == count else [""] * count
