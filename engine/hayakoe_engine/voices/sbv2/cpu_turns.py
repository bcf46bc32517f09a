"""Stages that keep all CPUs busy, one after another.

Side by side each would take as long as both: whoever asks at the same moment as somebody else would
hear the first sound no sooner than the one who is served last.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S: Final = 0.5
"""Most stages are done by then. A very long sentence's are not, and for that nobody waits."""

_turn = threading.Lock()


@contextmanager
def cpu_turn() -> Iterator[None]:
    """Waits, but not for long, until no other thread of this process is in such a stage."""
    is_ours = _turn.acquire(timeout=PATIENCE_S)
    try:
        yield
    finally:
        if is_ours:
            _turn.release()
