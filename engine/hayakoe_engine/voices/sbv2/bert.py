"""The language model at run time: token numbers to features, the last ones remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

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
        self._cache_bytes = cache_bytes
        self._lock = threading.Lock()
        self._cache: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()
        self._cached_bytes = 0

    def features(self, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Features of every token.

        Args:
            ids: Token numbers, those of the start and the end among them; at least one.

        Returns:
            float32 ``[len(ids), width]``; read-only, because others get the same array.
        """
        tokens = np.asarray(ids, np.int64)
        key = tokens.tobytes()
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        features = self._run(tokens)
        features.flags.writeable = False
        self._keep(key, features)
        return features

    def _run(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        pieces = [
            self._session.run(None, {"ids": tokens[start : start + MAX_TOKENS]})[0]
            for start in range(0, len(tokens), MAX_TOKENS)
        ]
        return np.concatenate(pieces)

    def _keep(self, key: bytes, features: NDArray[np.float32]) -> None:
        if features.nbytes > self._cache_bytes:
            return
        with self._lock:
            replaced = self._cache.pop(key, None)
            self._cached_bytes += features.nbytes - (0 if replaced is None else replaced.nbytes)
            self._cache[key] = features
            while self._cached_bytes > self._cache_bytes:
                self._cached_bytes -= self._cache.popitem(last=False)[1].nbytes
