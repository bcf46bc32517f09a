"""Layers of the synthesizer's transformers and predictors, written lean: as rows of time.

The published graphs have channels before time and every linear layer as a convolution. Here all
works on float32 ``[time, channels]``, and all weights are matrices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from hayakoe_engine.voices.sbv2.install.quantize import quantized_product

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hayakoe_engine.voices.sbv2.install.builder import GraphBuilder
    from hayakoe_engine.voices.sbv2.install.weights import Weights

    Weight: TypeAlias = NDArray[np.float32]

_EPSILON: Final = 1e-5


class RowWriter:
    """Writes layers into a graph.

    Args:
        builder: The graph.
        weights: Of all layers.
        quantized: Multiply 8-bit integers in all layers that do not say otherwise.
    """

    def __init__(self, builder: GraphBuilder, weights: Weights, *, quantized: bool = False) -> None:
        self.builder = builder
        self.weights = weights
        self._quantized = quantized

    def linear(self, x: str, weight: Weight, bias: Weight, *, exact: bool = False) -> str:
        """A linear layer; weight ``[in, out]``."""
        return self.add_constant(self._multiply(x, weight, exact=exact), bias)

    def pointwise(self, x: str, key: str) -> str:
        """A convolution that reads one place."""
        return self.linear(x, *self.weights.pointwise(key))

    def convolve(self, x: str, key: str) -> str:
        """A convolution over time that keeps its length."""
        weight, bias = self.weights[f"{key}.weight"], self.weights[f"{key}.bias"]
        channels_out, channels, kernel = weight.shape
        shifts = range(-((kernel - 1) // 2), kernel // 2 + 1)
        if channels <= channels_out:
            # Collect what every result depends on, then multiply.
            around = self.builder.node("Concat", *(self.shift(x, s) for s in shifts), axis=1)
            return self.linear(around, weight.transpose(2, 1, 0).reshape(-1, channels_out), bias)
        # Multiply, then sum what belongs to every result.
        product = self._multiply(x, weight.transpose(1, 2, 0).reshape(channels, -1))
        parts = self.builder.nodes("Split", kernel, product, axis=1)
        shifted = [self.shift(part, s) for part, s in zip(parts, shifts, strict=True)]
        return self.add_constant(self.builder.total(shifted), bias)

    def convolve_each(self, x: str, key: str, dilation: int) -> str:
        """A convolution of every channel on its own that keeps the length."""
        weight, bias = self.weights[f"{key}.weight"], self.weights[f"{key}.bias"]
        kernel = weight.shape[2]
        parts = [
            self.builder.node(
                "Mul",
                self.shift(x, dilation * (place - kernel // 2)),
                self.builder.constant(weight[:, 0, place]),
            )
            for place in range(kernel)
        ]
        return self.add_constant(self.builder.total(parts), bias)

    def normalise(self, x: str, key: str) -> str:
        """Layer normalisation of every row."""
        return self.builder.node(
            "LayerNormalization",
            x,
            self.builder.constant(self.weights[f"{key}.gamma"]),
            self.builder.constant(self.weights[f"{key}.beta"]),
            axis=-1,
            epsilon=_EPSILON,
        )

    def add(self, x: str, y: str) -> str:
        """Sum of two tensors."""
        return self.builder.node("Add", x, y)

    def add_constant(self, x: str, value: Weight) -> str:
        """Sum of every row and a constant one."""
        return self.add(x, self.builder.constant(value))

    def shift(self, x: str, shift: int) -> str:
        """What is found so many rows later, zeros outside."""
        return self.builder.pad(x, (-shift, 0), (shift, 0)) if shift else x

    def _multiply(self, x: str, weight: Weight, *, exact: bool = False) -> str:
        if self._quantized and not exact:
            return quantized_product(self.builder, x, weight)
        return self.builder.node("MatMul", x, self.builder.constant(weight))
