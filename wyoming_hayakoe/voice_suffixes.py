"""What the name of a voice may end with: who goes first, and how long may be waited for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hayakoe_engine.scheduler import Priority

_SECONDS: Final = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)s", re.ASCII)


@dataclass(frozen=True, slots=True)
class Suffixed:
    """The name of a voice, and what it ended with.

    Attributes:
        name: Without suffixes; None is the default voice.
        priority: None if it says none.
        deadline_s: None if it says none; of any size.
    """

    name: str | None
    priority: Priority | None = None
    deadline_s: float | None = None


def split_suffixes(voice: str | None) -> Suffixed:
    """Take the suffixes off: ``mei@alarm``, ``mei@0.5s``, or both; what is neither is name."""
    name = voice or ""
    priority = deadline_s = None
    while True:
        front, at, suffix = name.rpartition("@")
        seconds = _SECONDS.fullmatch(suffix)
        if at and priority is None and suffix.upper() in Priority.__members__:
            priority = Priority[suffix.upper()]
        elif at and deadline_s is None and seconds is not None:
            deadline_s = float(seconds[1])
        else:
            return Suffixed(name or None, priority, deadline_s)
        name = front
