"""Transformer blocks with relative positions, written lean: rows of time, products of matrices.

The published graphs compute, for all pairs of places, offsets of which only 9 have an embedding,
and every linear layer as a convolution. Here a block works on ``[time, channels]``, and the
offsets are 9 diagonals.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.voices.sbv2.install.graph import UnknownGraph
from hayakoe_engine.voices.sbv2.install.quantize import quantized_product

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hayakoe_engine.voices.sbv2.install.builder import GraphBuilder
    from hayakoe_engine.voices.sbv2.install.weights import Weights

EPSILON: Final = 1e-5
_SPEAKER_LAYER: Final = 2


@dataclass(frozen=True, slots=True)
class Band:
    """The keys near every query, as tensors of a graph.

    Attributes:
        places: int64 ``[heads, time, offsets]``, key of every query and offset, moved inside.
        inside: float32 ``[time, offsets]``, 1 where there is a key.
    """

    places: str
    inside: str


class TransformerWriter:
    """Writes blocks into a graph.

    Args:
        builder: The graph.
        weights: Of all blocks.
        like: Key of a stack of blocks; all others have its sizes.
        length: int64 ``[1]``, rows of everything.
        quantized: Let the blocks multiply 8-bit integers.
    """

    def __init__(
        self,
        builder: GraphBuilder,
        weights: Weights,
        like: str,
        length: str,
        *,
        quantized: bool = False,
    ) -> None:
        self._builder = builder
        self._weights = weights
        self._length = length
        self._quantized = quantized
        embedding = weights[f"{like}.attn_layers.0.emb_rel_k"]
        hidden = weights[f"{like}.attn_layers.0.conv_q.weight"].shape[0]
        self._width = embedding.shape[2]
        self._heads = hidden // self._width
        if embedding.shape[0] != 1 or self._heads * self._width != hidden:
            raise UnknownGraph(f"{like} has relative positions of shape {embedding.shape}")
        self._band = self._write_band(embedding.shape[1] // 2)

    def stack(self, x: str, key: str, speaker: str) -> str:
        """All blocks of a stack.

        Args:
            x: ``[time, hidden]``.
            key: The stack's.
            speaker: ``[1, speaker channels]``.
        """
        layer = 0
        while f"{key}.attn_layers.{layer}.conv_q.weight" in self._weights:
            if layer == _SPEAKER_LAYER:
                joined = self.product(speaker, *self._weights.linear(f"{key}.spk_emb_linear"))
                x = self._builder.node("Add", x, joined)
            attended = self._attend(x, f"{key}.attn_layers.{layer}")
            x = self.normalise(
                self._builder.node("Add", x, attended), f"{key}.norm_layers_1.{layer}"
            )
            fed = self._feed_forward(x, f"{key}.ffn_layers.{layer}")
            x = self.normalise(self._builder.node("Add", x, fed), f"{key}.norm_layers_2.{layer}")
            layer += 1
        if layer <= _SPEAKER_LAYER:
            raise UnknownGraph(f"{key} has {layer} layers")
        return x

    def product(self, x: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        """A linear layer outside of the blocks; weight ``[in, out]``."""
        product = self._builder.node("MatMul", x, self._builder.constant(weight))
        return self._builder.node("Add", product, self._builder.constant(bias))

    def _multiply(self, x: str, weight: NDArray[np.float32]) -> str:
        if self._quantized:
            return quantized_product(self._builder, x, weight)
        return self._builder.node("MatMul", x, self._builder.constant(weight))

    def _linear(self, x: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        return self._builder.node("Add", self._multiply(x, weight), self._builder.constant(bias))

    def normalise(self, x: str, key: str) -> str:
        """Layer normalisation of every row."""
        return self._builder.node(
            "LayerNormalization",
            x,
            self._builder.constant(self._weights[f"{key}.gamma"]),
            self._builder.constant(self._weights[f"{key}.beta"]),
            axis=-1,
            epsilon=EPSILON,
        )

    def convolve(self, x: str, key: str) -> str:
        """A convolution over time that keeps its length."""
        weight, bias = self._weights[f"{key}.weight"], self._weights[f"{key}.bias"]
        if weight.shape[1] <= weight.shape[0]:
            return self._read_wide(x, weight, bias)
        return self._write_wide(x, weight, bias)

    def _read_wide(self, x: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        """Collect what every result depends on, then multiply."""
        channels_out, _, kernel = weight.shape
        around = [self._shift(x, place - (kernel - 1) // 2) for place in range(kernel)]
        matrix = weight.transpose(2, 1, 0).reshape(-1, channels_out)
        return self._linear(self._builder.node("Concat", *around, axis=1), matrix, bias)

    def _write_wide(self, x: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        """Multiply first, then sum what belongs to every result."""
        channels_in, kernel = weight.shape[1:]
        matrix = weight.transpose(1, 2, 0).reshape(channels_in, -1)
        product = self._multiply(x, matrix)
        parts = self._builder.nodes("Split", kernel, product, axis=1)
        shifted = [self._shift(part, place - (kernel - 1) // 2) for place, part in enumerate(parts)]
        total = self._builder.total(shifted)
        return self._builder.node("Add", total, self._builder.constant(bias))

    def _shift(self, x: str, shift: int) -> str:
        """What is found so many rows later, zeros outside."""
        return self._builder.pad(x, (-shift, 0), (shift, 0)) if shift else x

    def _feed_forward(self, x: str, key: str) -> str:
        x = self._builder.node("Relu", self.convolve(x, f"{key}.conv_1"))
        return self.convolve(x, f"{key}.conv_2")

    def _attend(self, x: str, key: str) -> str:
        builder = self._builder
        query, key_, value = (self._weights.pointwise(f"{key}.conv_{part}") for part in "qkv")
        # The queries' scale is part of their weights.
        scale = np.float32(1 / sqrt(self._width))
        weight = np.concatenate([query[0] * scale, key_[0], value[0]], 1)
        bias = np.concatenate([query[1] * scale, key_[1], value[1]])
        joined = builder.reshape(self._linear(x, weight, bias), -1, 3, self._heads, self._width)
        parts = builder.nodes("Split", 3, builder.transpose(joined, 1, 2, 0, 3), axis=0)
        queries, keys, values = (builder.node("Squeeze", p, builder.integers(0)) for p in parts)
        scores = builder.node("MatMul", queries, builder.transpose(keys, 0, 2, 1))
        near = builder.constant(self._weights[f"{key}.emb_rel_k"][0].T)
        near_scores = builder.node("Mul", builder.node("MatMul", queries, near), self._band.inside)
        scores = builder.node(
            "ScatterElements", scores, self._band.places, near_scores, axis=2, reduction="add"
        )
        shares = builder.node("Softmax", scores, axis=-1)
        near_shares = builder.node("GatherElements", shares, self._band.places, axis=2)
        near_shares = builder.node("Mul", near_shares, self._band.inside)
        near = builder.constant(self._weights[f"{key}.emb_rel_v"][0])
        mixed = builder.node(
            "Add",
            builder.node("MatMul", shares, values),
            builder.node("MatMul", near_shares, near),
        )
        rows = builder.reshape(builder.transpose(mixed, 1, 0, 2), -1, self._heads * self._width)
        return self._linear(rows, *self._weights.pointwise(f"{key}.conv_o"))

    def _write_band(self, window: int) -> Band:
        builder = self._builder
        zero, one = builder.constant(np.array(0)), builder.constant(np.array(1))
        length = builder.node("Squeeze", self._length)
        rows = builder.node(
            "Unsqueeze", builder.node("Range", zero, length, one), builder.integers(1)
        )
        places = builder.node("Add", rows, builder.integers(*range(-window, window + 1)))
        last = builder.node("Sub", length, one)
        moved = builder.node("Clip", places, zero, last)
        inside = builder.node("Cast", builder.node("Equal", places, moved), to=1)
        shape = builder.node(
            "Concat",
            builder.integers(self._heads),
            self._length,
            builder.integers(2 * window + 1),
            axis=0,
        )
        return Band(builder.node("Expand", moved, shape), inside)
