"""Writing the language model as a graph for one text at a time, without a mask.

What does not depend on the text is a constant, every linear layer is one node, and only those
relative positions are multiplied that occur. All rounding is that of the published graph after
ONNX Runtime's optimisation, so features are equal to the last bit where the same kernels run.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.voices.sbv2.install.bert_weights import Linear
from hayakoe_engine.voices.sbv2.install.builder import GraphBuilder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from onnx import ModelProto

    from hayakoe_engine.voices.sbv2.install.bert_weights import BertLayer, BertWeights, Norm

_EPSILON: Final = 1e-7
_MICROSOFT: Final = "com.microsoft"


def bert_graph(weights: BertWeights) -> ModelProto:
    """The graph.

    Args:
        weights: All linear layers in float, or all in int8.

    Returns:
        ids int64 [L] to hidden float32 [L, width].
    """
    return _Writer(weights).write()


class _Writer:
    def __init__(self, weights: BertWeights) -> None:
        self._weights = weights
        self._heads = weights.heads
        self._width = weights.embedding.shape[1]
        self._builder = builder = GraphBuilder()
        self._scale = builder.number(sqrt(3 * self._width / self._heads))
        self._ids = builder.input("ids", "tokens", kind="int64")
        self._positions = _Positions(builder, self._ids, weights.rows, weights.heads)

    def write(self) -> ModelProto:
        weights, builder = self._weights, self._builder
        embedded = self._norm(self._embed(), weights.embedding_norm)
        first, *others = weights.layers
        x = builder.node("Add", self._layer(embedded, first), self._convolve(embedded))
        x = self._norm(x, weights.convolution_norm)
        for layer in others:
            x = self._layer(x, layer)
        return builder.model({"hidden": (x, ("tokens", self._width))})

    def _embed(self) -> str:
        table = self._weights.embedding
        half = table.astype(np.float16)
        if not np.array_equal(half, table):
            return self._builder.node("Gather", self._builder.constant(table), self._ids)
        rows = self._builder.node("Gather", self._builder.constant(half), self._ids)
        return self._builder.node("Cast", rows, to=1)

    def _convolve(self, embedded: str) -> str:
        builder = self._builder
        channels = builder.node("Unsqueeze", builder.transpose(embedded, 1, 0), builder.integers(0))
        convolved = builder.node(
            "Conv",
            channels,
            builder.constant(self._weights.convolution),
            builder.constant(self._weights.convolution_bias),
            pads=[1, 1],
        )
        rows = builder.transpose(builder.node("Squeeze", convolved, builder.integers(0)), 1, 0)
        return self._gelu(rows)

    def _layer(self, x: str, layer: BertLayer) -> str:
        builder = self._builder
        attended = self._linear(self._attend(x, layer), layer.attention_output)
        x = self._norm(builder.node("Add", attended, x), layer.attention_norm)
        output = self._linear(self._gelu(self._linear(x, layer.inner)), layer.output)
        # ONNX Runtime fuses this sum with its norm, and that one before with nothing.
        return builder.node(
            "SkipLayerNormalization",
            output,
            x,
            builder.constant(layer.output_norm.gain),
            builder.constant(layer.output_norm.bias),
            domain=_MICROSOFT,
            epsilon=_EPSILON,
        )

    def _attend(self, x: str, layer: BertLayer) -> str:
        builder, positions = self._builder, self._positions
        joined = self._linear(x, _join((layer.query, layer.key, layer.value)))
        query, key, value = (
            builder.transpose(builder.reshape(part, 0, self._heads, -1), 1, 0, 2)
            for part in builder.nodes("Split", 3, joined, axis=1)
        )
        content = builder.node(
            "MatMul", query, builder.node("Div", builder.transpose(key, 0, 2, 1), self._scale)
        )
        to_position = positions.look_up(query, layer.key_table, positions.of_keys)
        from_position = positions.look_up(key, layer.query_table, positions.of_queries)
        position = builder.node(
            "Add",
            builder.node("Div", to_position, self._scale),
            builder.node("Div", builder.transpose(from_position, 0, 2, 1), self._scale),
        )
        scores = builder.node("Add", content, position)
        shares = builder.node("Softmax", scores, axis=-1)
        context = builder.transpose(builder.node("MatMul", shares, value), 1, 0, 2)
        return builder.reshape(context, 0, self._width)

    def _linear(self, x: str, linear: Linear) -> str:
        builder = self._builder
        weight, bias = builder.constant(linear.weight), builder.constant(linear.bias)
        if linear.scale is None:
            return builder.node("Add", builder.node("MatMul", x, weight), bias)
        return builder.node(
            "DynamicQuantizeMatMul",
            x,
            weight,
            builder.constant(linear.scale),
            "",
            bias,
            domain=_MICROSOFT,
        )

    def _norm(self, x: str, norm: Norm) -> str:
        gain, bias = self._builder.constant(norm.gain), self._builder.constant(norm.bias)
        return self._builder.node("LayerNormalization", x, gain, bias, axis=-1, epsilon=_EPSILON)

    def _gelu(self, x: str) -> str:
        return self._builder.node("Gelu", x, domain=_MICROSOFT)


class _Positions:
    """Products of queries or keys with the relative positions.

    A text of L tokens has 2L - 1 distances. Products are taken with 2L columns, from distance
    L - 1 down to -L, of which token i needs L from column L - 1 - i on. Read in rows of 2L - 1
    places instead of 2L, they all start at column L - 1.

    Attributes:
        of_keys: Rows of the tables for the columns, from a query at the token.
        of_queries: The same from a key at the token.
    """

    def __init__(
        self, builder: GraphBuilder, ids: str, rows: NDArray[np.int64], heads: int
    ) -> None:
        self._builder = builder
        self._heads = heads
        one = builder.integers(1)
        length = builder.node("Shape", ids)
        self._last = builder.node("Sub", length, one)
        self._places = builder.node("Add", length, self._last)
        self._all_places = builder.node("Mul", length, self._places)
        self._shape = builder.node("Concat", builder.integers(heads), length, self._places, axis=0)
        below = builder.node("Sub", builder.node("Neg", length), one)
        bounds = (
            builder.node("Squeeze", bound) for bound in (self._last, below, builder.integers(-1))
        )
        distances = builder.node("Range", *bounds)
        self.of_keys = self._rows(rows, distances)
        self.of_queries = self._rows(rows, builder.node("Neg", distances))

    def look_up(self, projected: str, table: NDArray[np.float32], rows: str) -> str:
        """Product with the position of every token, ``[heads, L, L]``.

        Args:
            projected: ``[heads, L, channels]``.
            table: ``[rows, heads * channels]``.
            rows: ``of_keys`` or ``of_queries``.
        """
        builder = self._builder
        used = builder.node("Gather", builder.constant(table), rows)
        used = builder.transpose(builder.reshape(used, 0, self._heads, -1), 1, 2, 0)
        products = builder.reshape(builder.node("MatMul", projected, used), self._heads, -1)
        products = builder.node(
            "Slice", products, builder.integers(0), self._all_places, builder.integers(1)
        )
        products = builder.node("Reshape", products, self._shape)
        return builder.node("Slice", products, self._last, self._places, builder.integers(2))

    def _rows(self, rows: NDArray[np.int64], distances: str) -> str:
        builder = self._builder
        farthest = builder.integers(len(rows) // 2)
        limits = (
            builder.node("Squeeze", limit) for limit in (builder.node("Neg", farthest), farthest)
        )
        near = builder.node("Clip", distances, *limits)
        return builder.node("Gather", builder.constant(rows), builder.node("Add", near, farthest))


def _join(linears: Sequence[Linear]) -> Linear:
    """Linear layers of the same input as one."""
    scales = [linear.scale for linear in linears if linear.scale is not None]
    return Linear(
        np.concatenate([linear.weight for linear in linears], axis=1),
        np.concatenate([linear.bias for linear in linears]),
        np.concatenate(scales) if scales else None,
    )
