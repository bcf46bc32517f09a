"""The weights of a published ``synthesizer.onnx``, by their names in checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import onnx

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.install.graph import Graph, attributes, other_input

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_KNOWN: Final = "enc_p.emb.weight"
"""Keeps its name; what exporters put before it they put before all names."""
_SPEAKER: Final = "spk_emb_linear"
_SHIFT: Final = "sdp.flows.0.m"
_LOG_SCALE: Final = "sdp.flows.0.logs"


def read_network(path: Path) -> Mapping[str, Floats]:
    """Read the weights out of a published graph, as far as they can be told apart.

    Most keep their names. Exporters turn two kinds of them into constants without one, which are
    found by what they are computed with: the weights that bring the speaker into the transformers,
    which are transposed, and the scale of the random durations, of which the exponential is left.

    Raises:
        BadVoiceFiles: It cannot be read.
    """
    try:
        graph = Graph(onnx.load(path))
    except Exception as error:  # its parser's errors have no common type
        raise BadVoiceFiles(f"{path}: cannot be read: {error}") from error
    names = list(graph.constant_names())
    known = next((name for name in names if name.endswith(_KNOWN)), _KNOWN)
    prefix = known.removesuffix(_KNOWN)
    weights: dict[str, Floats] = {}
    for name in names:
        value = graph.constant(name) if name.startswith(prefix) else None
        if value is not None and np.issubdtype(value.dtype, np.floating):
            weights[name.removeprefix(prefix)] = np.asarray(value, np.float32)
    for name in list(weights):
        scope, _, part = name.rpartition(".")
        if part == "bias" and scope.endswith(_SPEAKER) and f"{scope}.weight" not in weights:
            found = _factor_before(graph, prefix + name)
            if found is not None:
                weights[f"{scope}.weight"] = found
    if _SHIFT in weights and _LOG_SCALE not in weights:
        scale = _scale_after(graph, prefix + _SHIFT)
        if scale is not None:
            weights[_LOG_SCALE] = -np.log(scale)
    return weights


def _factor_before(graph: Graph, bias: str) -> Floats | None:
    """The weight ``[out, in]`` of the product to which a bias is added."""
    for node in graph.consumers(bias):
        product = node if node.op_type == "Gemm" else None
        if node.op_type == "Add":
            product = graph.producer(other_input(node, bias))
        if product is None or product.op_type not in {"MatMul", "Gemm"}:
            continue
        weight = graph.constant(product.input[1])
        if weight is not None:
            is_transposed = product.op_type == "Gemm" and attributes(product).get("transB")
            return np.asarray(weight if is_transposed else weight.T, np.float32)
    return None


def _scale_after(graph: Graph, shift: str) -> Floats | None:
    """What is multiplied with, where a shift has been subtracted."""
    for node in graph.consumers(shift):
        for product in graph.consumers(node.output[0]):
            if product.op_type == "Mul":
                scale = graph.constant(other_input(product, node.output[0]))
                if scale is not None and (scale > 0).all():
                    return np.asarray(scale, np.float32)
    return None
