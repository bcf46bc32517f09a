"""The language model at run time: token numbers to features, the last ones remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from hayakoe_engine.lru import LruCache
from hayakoe_engine.voices.sbv2.cpu_turns import cpu_turn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

CACHE_BYTES: Final = 8 << 20
"""Features of some fifty sentences; homes repeat theirs."""
MAX_TOKENS: Final = 512
"""Attention takes memory by the square of the length, so longer texts are read piece by piece."""


class Session(Protocol):
    """What runs the graph: an ``onnxruntime.InferenceSession`` or what stands for one."""

    def run(self, output_names: None, input_feed: Mapping[str, NDArray[Any]], /) -> Sequence[Any]:
        """Outputs for these inputs."""
        ...


class Bert:
    """The language model. May be used from many threads at once.

    Args:
        session: Of the installed graph: ids int64 ``[L]`` to hidden float32 ``[L, width]``.
        cache_bytes: Bound of the features kept; the longest unused go first.
    """

    def __init__(self, session: Session, *, cache_bytes: int = CACHE_BYTES) -> None:
        self._session = session
        self._kept = LruCache(cache_bytes, _size_bytes)

    def features(self, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Features of every token.

        Args:
            ids: Token numbers, those of the start and the end among them; at least one.

        Returns:
            float32 ``[len(ids), width]``; read-only, because others get the same array.
        """
        tokens = np.asarray(ids, np.int64)
        key = tokens.tobytes()
        features = self._kept.get(key)
        if features is None:
            features = self._run(tokens)
            features.flags.writeable = False
            self._kept.put(key, features)
        return features

    def _run(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        pieces = []
        for start in range(0, len(tokens), MAX_TOKENS):
            with cpu_turn():
                piece = self._session.run(None, {"ids": tokens[start : start + MAX_TOKENS]})[0]
            pieces.append(piece)
        return np.concatenate(pieces)


def _size_bytes(features: NDArray[np.float32]) -> int:
    return features.nbytes
