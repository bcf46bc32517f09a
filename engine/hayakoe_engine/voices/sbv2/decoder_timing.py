"""How fast a voice's decoder is on this machine, measured once."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.disk import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

_FRAMES: Final = 60
_RUNS: Final = 3


def frame_cost_s(
    head: InferenceSession, tail: InferenceSession, multiple: int, notes: Path | None
) -> float:
    """Time that decoding a latent frame takes one CPU.

    Args:
        head: The decoder's first part.
        tail: Its second part.
        multiple: Latent lengths that they take.
        notes: File that it is kept in; None measures it now.
    """
    if notes is None:
        return _measure(head, tail, multiple)
    try:
        return float(json.loads(notes.read_bytes()))
    except (OSError, ValueError, TypeError):
        cost_s = _measure(head, tail, multiple)
    with suppress(OSError):  # it is measured again the next time
        notes.parent.mkdir(parents=True, exist_ok=True)
        write_whole(notes, json.dumps(cost_s).encode())
    return cost_s


def sample_latent(
    head: InferenceSession, frames: int, multiple: int
) -> tuple[int, dict[str, NDArray[np.float32]]]:
    """Something to time the decoder with, always the same.

    Args:
        head: Its first part.
        frames: Latent frames, rounded up.
        multiple: Latent lengths that it takes.

    Returns:
        How many frames there are, and the inputs of the first part.
    """
    frames = -(-frames // multiple) * multiple
    rng = np.random.default_rng(0)
    return frames, {
        item.name: rng.standard_normal(
            [size if isinstance(size, int) else frames for size in item.shape], np.float32
        )
        for item in head.get_inputs()
    }


def _measure(head: InferenceSession, tail: InferenceSession, multiple: int) -> float:
    frames, feeds = sample_latent(head, _FRAMES, multiple)
    costs_s = []
    for _ in range(_RUNS + 1):
        # CPU time: what others do now does not count; the second part runs on this thread alone.
        begun = time.process_time()
        (hidden,) = head.run(None, feeds)
        cost_s = time.process_time() - begun
        begun = time.thread_time()
        tail.run(None, {"hidden": hidden})
        costs_s.append(cost_s + time.thread_time() - begun)
    return min(costs_s[1:]) / frames
