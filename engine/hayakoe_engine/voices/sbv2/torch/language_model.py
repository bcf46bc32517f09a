"""The language model on a device: its features stay there, for the encoder."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from hayakoe_engine.voices.sbv2.bert import MAX_TOKENS
from hayakoe_engine.voices.sbv2.torch.batching import Batcher, alone
from hayakoe_engine.voices.sbv2.torch.stage import bucket, compiled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from hayakoe_engine.voices.sbv2.torch.deberta import Deberta
    from hayakoe_engine.voices.sbv2.torch.device import Device

    Ids = NDArray[np.int64]

_MAX_CELLS: Final = 8 * MAX_TOKENS
_WARM_TOKENS: Final = (24, 96)


class TorchBert:
    """The language model. May be used from many threads at once.

    Args:
        network: On the device, in the numbers it is to compute with.
        device: The device.
        is_compiled: Whether torch compiles it, which takes minutes, now.
    """

    def __init__(self, network: Deberta, device: Device, *, is_compiled: bool = False) -> None:
        self._device = device
        self._is_compiled = is_compiled
        self._is_exact = network.embedding.weight.dtype == torch.float32
        self._network = network
        self._run = compiled(_run) if is_compiled else _run
        compute = device.guarded(self._compute)
        self._batched = Batcher(device.gate, compute, len, max_cells=_MAX_CELLS)
        if is_compiled:
            for count in (1, 2):
                for length in _WARM_TOKENS:
                    texts = [np.zeros(length, np.int64)] * count
                    alone(device.gate, partial(compute, texts))

    def features(self, ids: Ids) -> Tensor:
        """Characters, int64 ``[L]``, to features, ``[L, width]``, on the device."""
        pieces = [
            self._batched(ids[start : start + MAX_TOKENS])
            for start in range(0, len(ids), MAX_TOKENS)
        ]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    @torch.inference_mode()
    def _compute(self, texts: Sequence[Ids]) -> list[Tensor]:
        longest = max(map(len, texts))
        if self._is_compiled:
            longest = bucket(longest)
        self._device.allow_short_mantissas(allowed=not self._is_exact)
        ids = self._device.padded(texts, longest)
        mask = self._device.padded([np.ones(len(text), np.bool_) for text in texts], longest)
        made = self._run(self._network, ids, mask)
        return [features[: len(text)] for features, text in zip(made, texts, strict=True)]


def _run(network: Deberta, ids: Tensor, mask: Tensor) -> Tensor:
    return network.forward(ids, mask)
