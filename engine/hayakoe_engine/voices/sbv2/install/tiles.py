"""Fast convolutions in plain nodes.

They work on tiles, float32 ``[tile, tiles, channels]``, in which step t is row t % tile of tile
t // tile. A convolution with dilation d combines steps that are d apart, so for it the rows are
regrouped: ``[tile * d, tiles / d, channels]``, in which row i * d + w of tile j is step
(tile * j + i) * d + w.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hayakoe_engine.voices.sbv2.install.fastconv import transforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hayakoe_engine.voices.sbv2.install.builder import GraphBuilder


class TileWriter:
    """Writes fast convolutions into a graph.

    Args:
        builder: The graph.
        tile: Steps that are computed together.
        few_tiles: There are so few tiles in a run that it pays to multiply each of the transformed
            weights by itself: ONNX Runtime prepares them for that when it opens the graph.
    """

    def __init__(self, builder: GraphBuilder, tile: int, *, few_tiles: bool = False) -> None:
        self._builder = builder
        self._tile = tile
        self._few_tiles = few_tiles
        self._constants: dict[tuple[str, int], str] = {}

    def of_rows(self, rows: str, channels: int) -> str:
        """``[steps, channels]`` as tiles; steps must be a multiple of the tile."""
        steps = self._builder.reshape(rows, -1, self._tile, channels)
        return self._builder.transpose(steps, 1, 0, 2)

    def to_rows(self, tiles: str, channels: int) -> str:
        """Tiles as ``[steps, channels]``."""
        return self._builder.reshape(self._builder.transpose(tiles, 1, 0, 2), -1, channels)

    def convolve(self, tiles: str, weight: NDArray[np.float32], dilation: int = 1) -> str:
        """A convolution with zeros around what it reads, without bias.

        Args:
            tiles: As many as are a multiple of the dilation.
            weight: ``[out channels, in channels, kernel]``.
            dilation: Steps between the places that it reads.
        """
        builder, tile = self._builder, self._tile
        channels_out, channels, kernel = weight.shape
        grouped = builder.reshape(tiles, tile, -1, dilation, channels)
        grouped = builder.transpose(grouped, 2, 0, 1, 3) if dilation > 1 else grouped
        grouped = builder.reshape(grouped, tile, dilation, -1, channels)
        factors = self._factors(grouped, kernel, channels, dilation)
        products = self._products(factors, transforms(tile, kernel).of_weights(weight))
        results = self._results(products, kernel)
        if dilation > 1:
            results = builder.reshape(results, dilation, tile, -1, channels_out)
            results = builder.transpose(results, 1, 2, 0, 3)
        return builder.reshape(results, tile, -1, channels_out)

    def _factors(self, grouped: str, kernel: int, channels: int, dilation: int) -> str:
        """The transformed input ``[products, all tiles, channels]``.

        Args:
            grouped: ``[tile, dilation, tiles, channels]``.
            kernel: Places that are read.
            channels: In.
            dilation: Steps between those places.
        """
        builder, tile = self._builder, self._tile
        matrices = transforms(tile, kernel)
        left, right = (kernel - 1) // 2, kernel // 2
        if left + right <= tile:
            # The last rows of the tile before, the tile, the first rows of the tile after.
            before = builder.pad(grouped, (left - tile, 0, 1, 0), (0, 0, -1, 0))
            after = builder.pad(grouped, (0, 0, -1, 0), (right - tile, 0, 1, 0))
            read = builder.node("Concat", before, grouped, after, axis=0)
            into = self._constant("input", kernel, matrices.input)
            factors = builder.node("MatMul", into, builder.reshape(read, tile + kernel - 1, -1))
        else:
            # So many rows are better read in place: by a convolution over tiles. With five
            # dimensions, ONNX Runtime does not try to lay out in blocks what it takes for channels.
            wide = np.zeros((matrices.products, 3 * tile))
            wide[:, tile - left : 2 * tile + right] = matrices.input
            into = self._constant(
                "wide input", kernel, wide.reshape(-1, 3, tile).transpose(0, 2, 1)[:, :, None, None]
            )
            factors = builder.node(
                "Conv",
                builder.reshape(grouped, 1, tile, 1, dilation, -1),
                into,
                kernel_shape=[1, 1, 3],
                dilations=[1, 1, channels],
                pads=[0, 0, channels, 0, 0, channels],
            )
        return builder.reshape(factors, matrices.products, -1, channels)

    def _results(self, products: str, kernel: int) -> str:
        """Products transformed back, flat."""
        matrices = transforms(self._tile, kernel)
        out_of = self._constant("output", kernel, matrices.output)
        return self._builder.node(
            "MatMul", out_of, self._builder.reshape(products, matrices.products, -1)
        )

    def _products(self, factors: str, weights: NDArray[np.float32]) -> str:
        builder = self._builder
        if not self._few_tiles:
            return builder.node("MatMul", factors, builder.constant(weights))
        parts = builder.nodes("Split", len(weights), factors, axis=0)
        products = [
            builder.node("MatMul", part, builder.constant(weight))
            for part, weight in zip(parts, weights, strict=True)
        ]
        return builder.node("Concat", *products, axis=0)

    def _constant(self, name: str, kernel: int, value: NDArray[np.float64]) -> str:
        """A transform, which is written once."""
        if (name, kernel) not in self._constants:
            constant = self._builder.constant(value.astype(np.float32))
            self._constants[name, kernel] = constant
        return self._constants[name, kernel]
