"""Which of a voice's decoders is the fastest on this machine, measured once."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.disk import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from onnxruntime import InferenceSession

    from hayakoe_engine.voices.sbv2.sessions import SessionOpener

_FRAMES: Final = 60
"""Fits every decoder's multiple, unless a voice is unlike all that are known."""
_RUNS: Final = 3


def frame_costs_s(opener: SessionOpener, graphs: Sequence[Path], multiple: int) -> list[float]:
    """How long a latent frame takes each of these decoders, on one thread.

    Args:
        opener: Opens them, and says where what is true for this machine is kept.
        graphs: Decoders of one voice.
        multiple: Latent lengths that all of them take.

    Raises:
        BadVoiceFiles: One cannot be opened.
    """
    file = opener.notes(graphs[0], "costs.json")
    names = [graph.name for graph in graphs]
    known = _read(file)
    if not set(names) <= known.keys():
        frames = -(-_FRAMES // multiple) * multiple
        for graph in graphs:
            known[graph.name] = _measure(opener.open(graph, threads=1), frames)
        if file is not None:
            with suppress(OSError):  # it is measured again the next time
                file.parent.mkdir(parents=True, exist_ok=True)
                write_whole(file, json.dumps(known).encode())
    return [known[name] for name in names]


def _measure(session: InferenceSession, frames: int) -> float:
    rng = np.random.default_rng(0)
    feeds = {
        item.name: rng.standard_normal(
            [size if isinstance(size, int) else frames for size in item.shape], np.float32
        )
        for item in session.get_inputs()
        if item.name in {"z", "speaker_vector"}
    }
    session.run(None, feeds)
    times_s = []
    for _ in range(_RUNS):
        # On one thread it is this thread that works, so what others do now does not count.
        begun = time.thread_time()
        session.run(None, feeds)
        times_s.append(time.thread_time() - begun)
    return min(times_s) / frames


def _read(file: Path | None) -> dict[str, float]:
    if file is None:
        return {}
    try:
        costs = json.loads(file.read_bytes())
        return {str(name): float(cost) for name, cost in costs.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
