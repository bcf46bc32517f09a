"""Layers of the synthesizer's transformers and predictors, written lean: as rows of time.

The published graphs have channels before time and every linear layer as a convolution. Here all
works on float32 ``[time, channels]``, and all weights are matrices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from hayakoe_engine.voices.sbv2.install.fastconv import POINTS
from hayakoe_engine.voices.sbv2.install.quantize import quantized_product
from hayakoe_engine.voices.sbv2.install.tiles import TileWriter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hayakoe_engine.voices.sbv2.install.builder import GraphBuilder
    from hayakoe_engine.voices.sbv2.install.weights import Weights

    Weight: TypeAlias = NDArray[np.float32]

_EPSILON: Final = 1e-5
_FLOAT: Final = 1
_TILE: Final = 2
"""With tiles of 4 the flow would be a fifth faster again, and its weights a third larger."""


class RowWriter:
    """Writes layers into a graph.

    Args:
        builder: The graph.
        weights: Of all layers.
        tiles: Writes what is convolved fast; None lets nothing be.
        quantized: Multiply 8-bit integers in all layers that do not say otherwise.
    """

    def __init__(
        self,
        builder: GraphBuilder,
        weights: Weights,
        *,
        tiles: RaggedTiles | None = None,
        quantized: bool = False,
    ) -> None:
        self.builder = builder
        self.weights = weights
        self._tiles = tiles
        self._quantized = quantized
        self._places: dict[int, str] = {}

    def linear(self, x: str, weight: Weight, bias: Weight, *, exact: bool = False) -> str:
        """A linear layer; weight ``[in, out]``."""
        return self.add_constant(self._multiply(x, weight, exact=exact), bias)

    def pointwise(self, x: str, key: str) -> str:
        """A convolution that reads one place."""
        return self.linear(x, *self.weights.pointwise(key))

    def feed_forward(self, x: str, key: str) -> str:
        """Two convolutions over time with a ReLU between them."""
        weights = [self.weights[f"{key}.conv_{number}.weight"] for number in (1, 2)]
        if self._tiles is None or not all(map(self._tiles.can_convolve, weights)):
            x = self.builder.node("Relu", self.convolve(x, f"{key}.conv_1"))
            return self.convolve(x, f"{key}.conv_2")
        biases = [self.weights[f"{key}.conv_{number}.bias"] for number in (1, 2)]
        tiles = self._tiles.of_rows(x, weights[0].shape[1])
        tiles = self.add_constant(self._tiles.convolve(tiles, weights[0]), biases[0])
        tiles = self._tiles.without_padding(self.builder.node("Relu", tiles))
        tiles = self._tiles.convolve(tiles, weights[1])
        return self.add_constant(self._tiles.to_rows(tiles, len(biases[1])), biases[1])

    def convolve(self, x: str, key: str) -> str:
        """A convolution over time that keeps its length."""
        weight, bias = self.weights[f"{key}.weight"], self.weights[f"{key}.bias"]
        channels_out, channels, kernel = weight.shape
        padded = self.builder.pad(x, ((kernel - 1) // 2, 0), (kernel // 2, 0))
        places = self._neighbours(x, kernel)

        def around(rows: str) -> str:
            """What every result depends on, in a row."""
            found = self.builder.node("Gather", rows, places)
            return self.builder.reshape(found, -1, kernel * channels)

        matrix = weight.transpose(2, 1, 0).reshape(-1, channels_out)
        if self._quantized:
            product = quantized_product(self.builder, padded, matrix, collect=around)
        else:
            product = self.builder.node("MatMul", around(padded), self.builder.constant(matrix))
        return self.add_constant(product, bias)

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

    def _neighbours(self, x: str, kernel: int) -> str:
        """int64 ``[time, kernel]``: the rows that a convolution reads of what has zeros around."""
        if kernel not in self._places:
            builder = self.builder
            rows = builder.count(builder.node("Shape", x, start=0, end=1))
            rows = builder.node("Unsqueeze", rows, builder.integers(1))
            self._places[kernel] = builder.node("Add", rows, builder.integers(*range(kernel)))
        return self._places[kernel]

    def _multiply(self, x: str, weight: Weight, *, exact: bool = False) -> str:
        if self._quantized and not exact:
            return quantized_product(self.builder, x, weight)
        return self.builder.node("MatMul", x, self.builder.constant(weight))


class RaggedTiles:
    """Writes fast convolutions of rows of which there are not always whole tiles.

    Args:
        builder: The graph.
        length: int64 ``[1]``, rows of everything.
    """

    def __init__(self, builder: GraphBuilder, length: str) -> None:
        self._builder = builder
        self._tiles = TileWriter(builder, _TILE, few_tiles=True)
        tile = builder.integers(_TILE)
        count = builder.node("Div", builder.node("Add", length, builder.integers(_TILE - 1)), tile)
        steps = builder.node("Mul", count, tile)
        missing = builder.node("Sub", steps, length)
        none, before = builder.integers(0), builder.integers(0, 0)
        self._padding = builder.node("Concat", before, missing, none, axis=0)
        self._cut = builder.node("Neg", self._padding)
        inside = builder.node("Cast", builder.node("Less", builder.count(steps), length), to=_FLOAT)
        self._inside = self._tiles.of_rows(inside, 1)

    def can_convolve(self, weight: Weight) -> bool:
        """Whether there is a fast convolution with such weights."""
        return (_TILE, weight.shape[2]) in POINTS

    def of_rows(self, rows: str, channels: int) -> str:
        """Rows and some zeros behind them as tiles."""
        return self._tiles.of_rows(self._builder.node("Pad", rows, self._padding), channels)

    def to_rows(self, tiles: str, channels: int) -> str:
        """Tiles as rows, without what is behind them."""
        return self._builder.node("Pad", self._tiles.to_rows(tiles, channels), self._cut)

    def without_padding(self, tiles: str) -> str:
        """Tiles with zeros behind the rows again."""
        return self._builder.node("Mul", tiles, self._inside)

    def convolve(self, tiles: str, weight: Weight) -> str:
        """A convolution that keeps the length, without bias."""
        return self._tiles.convolve(tiles, weight)
