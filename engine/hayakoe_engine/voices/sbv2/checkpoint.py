"""Checkpoints of Style-Bert-VITS2 JP-Extra voices: safetensors to a ``Synthesizer``.

Only safetensors files are read; a pickled checkpoint can run code and is refused.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

import torch
from safetensors import SafetensorError, safe_open

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.network import Synthesizer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

    from hayakoe_engine.voices.sbv2.network_config import NetworkConfig

_WEIGHT_NORM_NAMES: Final = (
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
    ("weight_g", "weight_v"),
)
"""Gain and direction of a normalised weight, as newer and as older PyTorch names them."""


def load_checkpoint(path: Path, config: NetworkConfig) -> Synthesizer:
    """The network of a checkpoint, in float32 on the CPU, for inference.

    What only training needs is ignored. Sizes that no ``config.json`` gives are taken from the
    weights.

    Raises:
        BadVoiceFiles: It is no safetensors file, or a weight is missing, has another shape than
            the configuration says or is not finite; the message names file and key.
    """
    try:
        with safe_open(path, framework="pt") as file:
            weights = _Weights(path, file)
            with torch.device("meta"):
                network = Synthesizer(weights.complete(config))
            expected = network.state_dict()
            state = {key: weights.read(key, meta.shape) for key, meta in expected.items()}
    except (OSError, SafetensorError) as error:
        raise BadVoiceFiles(
            f"{path}: cannot be read: {error}",
            hint="only checkpoints in the safetensors format can be read",
        ) from error
    network.load_state_dict(state, assign=True)
    return network.requires_grad_(False).eval()


class _File(Protocol):
    """The part of ``safe_open`` that is used here; the library does not declare its types."""

    def keys(self) -> Sequence[str]: ...

    def get_tensor(self, name: str) -> Tensor: ...


class _Weights:
    def __init__(self, path: Path, file: _File) -> None:
        self._path = path
        self._file = file
        self._keys = frozenset(file.keys())

    def complete(self, config: NetworkConfig) -> NetworkConfig:
        """The configuration with the sizes that only the weights tell."""
        bert, durations = "enc_p.bert_proj.weight", "dp.conv_1.weight"
        if bert in self._keys:
            config = replace(config, bert_width=self._file.get_tensor(bert).shape[1])
        if durations in self._keys:
            channels = self._file.get_tensor(durations).shape[0]
            config = replace(config, duration_channels=channels)
        layer = "flow.flows.0.enc.attn_layers.{}.conv_q.weight"
        layers = next(n for n in itertools.count() if layer.format(n) not in self._keys)
        return replace(config, flow_encoder_layers=layers or config.flow_encoder_layers)

    def read(self, key: str, shape: torch.Size) -> Tensor:
        """A weight in float32, folded if it is normalised."""
        weight = self._file.get_tensor(key) if key in self._keys else self._folded(key)
        if weight.shape != shape:
            raise self._bad(
                f"{key} has the shape {list(weight.shape)}; "
                f"the voice's configuration says {list(shape)}"
            )
        if not torch.isfinite(weight).all():
            raise self._bad(f"{key} has values that are not finite")
        return weight.to(torch.float32)

    def _folded(self, key: str) -> Tensor:
        layer = key.removesuffix("weight")
        for names in _WEIGHT_NORM_NAMES:
            keys = [layer + name for name in names]
            if self._keys.issuperset(keys):
                gain, direction = (self._file.get_tensor(k).to(torch.float64) for k in keys)
                if direction.ndim != 3 or gain.shape != (len(direction), 1, 1):
                    raise self._bad(f"{keys[0]} does not fit {keys[1]}")
                norm = torch.linalg.vector_norm(direction, dim=(1, 2), keepdim=True)
                folded: Tensor = gain * direction / norm
                return folded.to(torch.float32)
        raise self._bad(f"{key} is missing")

    def _bad(self, message: str) -> BadVoiceFiles:
        return BadVoiceFiles(f"{self._path}: {message}")
