"""Weights of the language model: of a checkpoint, or of the published graph."""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch.nn import functional

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.torch.deberta import Deberta, DebertaConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from hayakoe_engine.voices.sbv2.install.bert_weights import BertWeights, Linear, Norm

__all__ = ["checkpoint_in", "load_checkpoint", "load_stored", "store"]

_CONFIG: Final = "config.json"
_UNHEARD_LAYERS: Final = 2
"""The last layers, which voices are not trained to listen to."""
_SCALE: Final = "_scale"
"""Ends the name of what 1 in a weight of 8 bits stands for."""
_EPSILON: Final = 1e-7
_SIZES: Final = "sizes"
_MAX_LAYERS: Final = 1000
_WEIGHTS: Final = "*.safetensors"


def checkpoint_in(folder: Path) -> Path | None:
    """The checkpoint that a folder as the ``transformers`` library writes it holds, if any."""
    files = sorted(folder.glob(_WEIGHTS)) if (folder / _CONFIG).is_file() else []
    if len(files) > 1:
        raise BadVoiceFiles(
            f"{folder}: the language model is in more than one file",
            hint="save it in one, or remove the others",
        )
    return files[0] if files else None


def load_checkpoint(file: Path) -> Deberta:
    """The language model of a checkpoint beside its ``config.json``, in float32 on the CPU.

    Raises:
        BadVoiceFiles: It is damaged or another model; the message names file and reason.
    """
    about = _About(file.with_name(_CONFIG))
    with _blaming(file), safe_open(file, framework="pt") as opened:
        names = frozenset(opened.keys())
        prefix = "deberta." if any(name.startswith("deberta.") for name in names) else ""

        def read(name: str) -> Tensor:
            tensor: Tensor = opened.get_tensor(prefix + name).to(torch.float32)
            return tensor

        return _assemble(about.config, _state_of(read, about))


def store(weights: BertWeights, file: Path) -> None:
    """Keep what was read out of a published graph; weights in 8 bits stay so.

    Raises:
        OSError: It cannot be written.
    """
    state = {
        "embedding.weight": _tensor(weights.embedding),
        **_norm("embedding_norm", weights.embedding_norm),
        "convolution.weight": _tensor(weights.convolution),
        "convolution.bias": _tensor(weights.convolution_bias),
        **_norm("convolution_norm", weights.convolution_norm),
        "rows": _tensor(weights.rows),
    }
    for number, layer in enumerate(weights.layers):
        scope = f"layers.{number}"
        projections = (layer.query, layer.key, layer.value)
        state |= {
            **_linear(f"{scope}.projections", *projections),
            **_linear(f"{scope}.attention_output", layer.attention_output),
            **_norm(f"{scope}.attention_norm", layer.attention_norm),
            **_linear(f"{scope}.inner", layer.inner),
            **_linear(f"{scope}.output", layer.output),
            **_norm(f"{scope}.output_norm", layer.output_norm),
            f"{scope}.key_table": _table(_tensor(layer.key_table), weights.heads),
            f"{scope}.query_table": _table(_tensor(layer.query_table), weights.heads),
        }
    config = DebertaConfig(
        vocabulary=weights.embedding.shape[0],
        width=weights.embedding.shape[1],
        layers=len(weights.layers),
        heads=weights.heads,
        inner=weights.layers[0].inner.weight.shape[1],
        positions=len(weights.layers[0].key_table),
        distances=len(weights.rows),
        epsilon=_EPSILON,
    )
    contiguous = {name: tensor.contiguous() for name, tensor in state.items()}
    save_file(contiguous, file, metadata={_SIZES: json.dumps(asdict(config))})


def load_stored(file: Path) -> Deberta:
    """What ``store`` has kept, in float32 on the CPU.

    Raises:
        BadVoiceFiles: It is damaged.
    """
    with _blaming(file), safe_open(file, framework="pt") as opened:
        names = frozenset(opened.keys())
        state = {}
        for name in names:
            if name.endswith(_SCALE):
                continue
            tensor = opened.get_tensor(name)
            if name + _SCALE in names:
                tensor = tensor.to(torch.float32) * opened.get_tensor(name + _SCALE)[:, None]
            state[name] = tensor
        return _assemble(DebertaConfig(**json.loads(opened.metadata()[_SIZES])), state)


class _About:
    """What the ``config.json`` of a checkpoint says."""

    def __init__(self, file: Path) -> None:
        with _blaming(file):
            said = json.loads(file.read_text(encoding="utf-8"))
            if said["model_type"] != "deberta-v2":
                raise ValueError(f"the model is {said['model_type']}, not deberta-v2")
            self.buckets = int(said["position_buckets"])
            farthest = int(said.get("max_relative_positions", -1))
            if farthest < 1:
                farthest = int(said["max_position_embeddings"])
            layers = int(said["num_hidden_layers"]) - _UNHEARD_LAYERS
            if not (0 < layers < _MAX_LAYERS and 1 < self.buckets < farthest < 1 << 16):
                raise ValueError("there can be no such model")
            self.farthest = farthest
            self.config = DebertaConfig(
                vocabulary=int(said["vocab_size"]),
                width=int(said["hidden_size"]),
                layers=layers,
                heads=int(said["num_attention_heads"]),
                inner=int(said["intermediate_size"]),
                positions=2 * self.buckets,
                distances=2 * farthest + 1,
                epsilon=float(said.get("layer_norm_eps", _EPSILON)),
            )

    def rows(self) -> Tensor:
        """Row of the tables by distance: near ones have one each, far ones share them."""
        distance = torch.arange(-self.farthest, self.farthest + 1)
        middle = self.buckets // 2
        size = distance.abs().clamp(min=middle).to(torch.float32)
        scale = math.log((self.farthest - 1) / middle)
        far = torch.ceil(torch.log(size / middle) / scale * (middle - 1)) + middle
        shared = torch.sign(distance) * far.to(torch.int64)
        rows = torch.where(distance.abs() <= middle, distance, shared) + self.buckets
        return rows.clamp(0, 2 * self.buckets - 1)


def _state_of(read: Callable[[str], Tensor], about: _About) -> dict[str, Tensor]:
    config = about.config

    def both(ours: str, theirs: str) -> dict[str, Tensor]:
        parts = ("weight", "bias")
        return {f"{ours}.{part}": read(f"{theirs}.{part}") for part in parts}

    state = {
        "embedding.weight": read("embeddings.word_embeddings.weight"),
        "rows": about.rows(),
        **both("embedding_norm", "embeddings.LayerNorm"),
        **both("convolution", "encoder.conv.conv"),
        **both("convolution_norm", "encoder.conv.LayerNorm"),
    }
    norm = both("norm", "encoder.LayerNorm")
    positions = functional.layer_norm(
        read("encoder.rel_embeddings.weight"),
        (config.width,),
        norm["norm.weight"],
        norm["norm.bias"],
        config.epsilon,
    )
    for number in range(config.layers):
        ours, theirs = f"layers.{number}", f"encoder.layer.{number}"
        attention = f"{theirs}.attention.self"
        query, key, value = (
            both("it", f"{attention}.{kind}_proj") for kind in ("query", "key", "value")
        )
        for name, known in (("key_table", key), ("query_table", query)):
            table = functional.linear(positions, known["it.weight"], known["it.bias"])
            state[f"{ours}.{name}"] = _table(table, config.heads)
        for part in ("weight", "bias"):
            joined = [known[f"it.{part}"] for known in (query, key, value)]
            state[f"{ours}.projections.{part}"] = torch.cat(joined)
        state |= both(f"{ours}.attention_output", f"{theirs}.attention.output.dense")
        state |= both(f"{ours}.attention_norm", f"{theirs}.attention.output.LayerNorm")
        state |= both(f"{ours}.inner", f"{theirs}.intermediate.dense")
        state |= both(f"{ours}.output", f"{theirs}.output.dense")
        state |= both(f"{ours}.output_norm", f"{theirs}.output.LayerNorm")
    return state


def _assemble(config: DebertaConfig, state: dict[str, Tensor]) -> Deberta:
    with torch.device("meta"):
        network = Deberta(config)
    network.load_state_dict(state, assign=True)
    return network.requires_grad_(False).eval()


def _table(table: Tensor, heads: int) -> Tensor:
    """``[positions, width]`` to ``[heads, head width, positions]``."""
    return table.view(len(table), heads, -1).permute(1, 2, 0).contiguous()


def _linear(name: str, *layers: Linear) -> dict[str, Tensor]:
    """One layer of several beside each other."""
    state = {
        f"{name}.weight": torch.cat([_tensor(layer.weight.T) for layer in layers]),
        f"{name}.bias": torch.cat([_tensor(layer.bias) for layer in layers]),
    }
    if layers[0].scale is not None:
        scales = [_tensor(layer.scale) for layer in layers if layer.scale is not None]
        state[f"{name}.weight{_SCALE}"] = torch.cat(scales)
    return state


def _norm(name: str, norm: Norm) -> dict[str, Tensor]:
    return {f"{name}.weight": _tensor(norm.gain), f"{name}.bias": _tensor(norm.bias)}


def _tensor(values: NDArray[np.generic]) -> Tensor:
    return torch.tensor(values.copy())


@contextmanager
def _blaming(file: Path) -> Iterator[None]:
    try:
        yield
    except BadVoiceFiles:
        raise
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise BadVoiceFiles(
            f"{file}: cannot be read as the language model: {reason}",
            hint="it is a DeBERTa-v2 in the layout of the transformers library, with config.json",
        ) from error
