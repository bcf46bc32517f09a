"""The flow: samples of the prior to the latent that the decoder reads, written lean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hayakoe_engine.voices.sbv2.install.builder import GraphBuilder
from hayakoe_engine.voices.sbv2.install.graph import Graph, UnknownGraph
from hayakoe_engine.voices.sbv2.install.rows import RaggedTiles, RowWriter
from hayakoe_engine.voices.sbv2.install.transformer import TransformerWriter
from hayakoe_engine.voices.sbv2.install.weights import Weights

if TYPE_CHECKING:
    from onnx import ModelProto

_LAYERS: Final = 4


def lean_flow(flow: ModelProto, *, quantized: bool = False) -> ModelProto:
    """The same flow as rows of time, products of matrices and 9 diagonals.

    Args:
        flow: The published flow, cut out of its graph: ``z_p`` and ``speaker_vector`` to ``z``.
        quantized: Multiply 8-bit integers in its transformers, which hold nearly all its weights.

    Raises:
        UnknownGraph: It is not built as expected.
    """
    weights = Weights(Graph(flow), "flow")
    half = weights["flow.flows.0.pre.weight"].shape[1]
    builder = GraphBuilder()
    z_p = builder.input("z_p", 1, 2 * half, "frames")
    speaker_channels = flow.graph.input[1].type.tensor_type.shape.dim[1].dim_value
    vector = builder.input("speaker_vector", 1, speaker_channels, 1)
    speaker = builder.reshape(vector, 1, -1)
    rows = builder.transpose(builder.node("Squeeze", z_p, builder.integers(0)), 1, 0)
    length = builder.node("Shape", rows, start=0, end=1)
    # Integers are multiplied faster than convolutions can be saved multiplications.
    tiles = None if quantized else RaggedTiles(builder, length)
    writer = RowWriter(builder, weights, tiles=tiles, quantized=quantized)
    transformer = TransformerWriter(writer, "flow.flows.0.enc", length)
    kept, shifted = builder.nodes("Split", 2, rows, axis=1)
    for number in reversed(range(_LAYERS)):
        key = f"flow.flows.{2 * number}"
        # Every layer begins with reversing the order of the channels. Instead the halves change
        # places, and every other layer has its weights in the reverse order.
        kept, shifted = shifted, kept
        order = slice(None, None, -1 if number % 2 else 1)
        weight, bias = weights.pointwise(f"{key}.pre")
        x = writer.linear(kept, weight[order], bias, exact=True)
        x = transformer.stack(x, f"{key}.enc", speaker)
        weight, bias = weights.pointwise(f"{key}.post")
        shift = writer.linear(x, weight[:, order], bias[order], exact=True)
        shifted = builder.node("Sub", shifted, shift)
    if f"flow.flows.{2 * _LAYERS}.pre.weight" in weights:
        raise UnknownGraph(f"the flow has more than {_LAYERS} layers")
    z = builder.transpose(builder.node("Concat", kept, shifted, axis=1), 1, 0)
    return builder.model(
        {"z": (builder.node("Unsqueeze", z, builder.integers(0)), (1, 2 * half, "frames"))}
    )
