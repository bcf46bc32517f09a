"""Checkpoints of Style-Bert-VITS2 JP-Extra voices: safetensors to a ``Synthesizer``.

Only safetensors files are read; a pickled checkpoint can run code and is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import safetensors
import safetensors.torch
import torch

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.network import Synthesizer

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from hayakoe_engine.voices.sbv2.network import NetworkConfig

_WEIGHT_NORM_NAMES: Final = (
    ("parametrizations.weight.original0", "parametrizations.weight.original1"),
    ("weight_g", "weight_v"),
)
"""Gain and direction of a normalised weight, as newer and as older PyTorch names them."""


def load_checkpoint(path: Path, config: NetworkConfig) -> Synthesizer:
    """The network of a checkpoint, in float32 on the CPU, for inference.

    What only training needs is ignored.

    Raises:
        BadVoiceFiles: It is no safetensors file, or a weight is missing, has another shape than
            the configuration says or is not finite; the message names file and key.
    """
    with torch.device("meta"):
        network = Synthesizer(config)
    expected = network.state_dict()
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            reader = _WeightReader(path, file)
            weights = {key: reader.read(key, meta.shape) for key, meta in expected.items()}
    except (OSError, safetensors.SafetensorError) as error:
        raise BadVoiceFiles(
            f"{path} cannot be read: {error}", hint="a voice is a safetensors file"
        ) from error
    network.load_state_dict(weights, assign=True)
    return network.requires_grad_(False).eval()


class _WeightReader:
    def __init__(self, path: Path, file: safetensors.safe_open) -> None:
        self._path = path
        self._file = file
        self._keys = frozenset(file.keys())

    def read(self, key: str, shape: torch.Size) -> Tensor:
        weight = self._folded(key) if key not in self._keys else self._file.get_tensor(key)
        if weight.shape != shape:
            raise BadVoiceFiles(
                f"{self._path}: {key} has the shape {list(weight.shape)}; "
                f"the configuration says {list(shape)}"
            )
        weight = weight.to(torch.float32)
        if not torch.isfinite(weight).all():
            raise BadVoiceFiles(f"{self._path}: {key} has values that are not numbers")
        return weight

    def _folded(self, key: str) -> Tensor:
        layer = key.removesuffix("weight")
        for gain_name, direction_name in _WEIGHT_NORM_NAMES:
            gain_key, direction_key = layer + gain_name, layer + direction_name
            if key.endswith(".weight") and {gain_key, direction_key} <= self._keys:
                gain = self._file.get_tensor(gain_key).to(torch.float64)
                direction = self._file.get_tensor(direction_key).to(torch.float64)
                norm = torch.linalg.vector_norm(direction.flatten(1), dim=1).reshape(-1, 1, 1)
                return gain * direction / norm
        raise BadVoiceFiles(f"{self._path}: {key} is missing")


def save_checkpoint(network: Synthesizer, path: Path) -> None:
    """Write a checkpoint that holds what inference needs, named as in published voices.

    Raises:
        OSError: It cannot be written.
    """
    weights: dict[str, Tensor] = {"iteration": torch.zeros(1, dtype=torch.int64)}
    for key, weight in network.state_dict().items():
        if key.startswith(("dec.ups.", "dec.resblocks.")) and key.endswith(".weight"):
            layer = key.removesuffix("weight")
            gain_name, direction_name = _WEIGHT_NORM_NAMES[0]
            norm = torch.linalg.vector_norm(weight.flatten(1), dim=1).reshape(-1, 1, 1)
            weights[layer + gain_name] = norm
            weights[layer + direction_name] = weight.contiguous()
        else:
            weights[key] = weight.contiguous()
    safetensors.torch.save_file(weights, path)
