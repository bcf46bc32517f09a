"""A window: the piece of audio that is made, scheduled and sent at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from hayakoe_engine.audio import PhoneTiming


class MadeWindow(NamedTuple):
    """Audio that is ready.

    Attributes:
        samples: float32 ``[n]``.
        timings: The phones that begin in it, from its start on; empty if the voice does not know.
        sentence: What the sentence says that begins with it; None in the midst of one.
    """

    samples: NDArray[np.float32]
    timings: tuple[PhoneTiming, ...] = ()
    sentence: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Audio that is still to be made.

    Attributes:
        make: Makes it: one bounded piece of work, done once, in any thread.
        length: Samples that it will have, about.
        uses_all_cpus: Whether it keeps all CPUs busy, so that no other window of its request
            should be made beside it.
    """

    make: Callable[[], MadeWindow]
    length: int
    uses_all_cpus: bool = False
