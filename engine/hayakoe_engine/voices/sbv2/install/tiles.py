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
        self._transforms: dict[tuple[int, bool], tuple[str, str]] = {}

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
        matrices = transforms(tile, kernel)
        into, out_of = self._matrices(kernel, dilated=dilation > 1)
        if dilation == 1:
            flat = builder.reshape(tiles, 1, tile, -1)
            axes = 1
        else:
            grouped = builder.reshape(tiles, tile, -1, dilation, channels)
            grouped = builder.transpose(grouped, 2, 0, 1, 3)
            # With five dimensions, ONNX Runtime does not try to lay the channels, of which there
            # are few here, out in blocks.
            flat = builder.reshape(grouped, 1, tile, 1, dilation, -1)
            axes = 3
        before = [0] * (axes - 1)
        factors = builder.node(
            "Conv",
            flat,
            into,
            kernel_shape=[*np.ones_like(before), 3],
            dilations=[*np.ones_like(before), channels],
            pads=[*before, channels, *before, channels],
        )
        products = self._products(
            builder.reshape(factors, matrices.products, -1, channels), matrices.of_weights(weight)
        )
        products = builder.reshape(products, 1, matrices.products, -1)
        results = builder.node("Conv", products, out_of, kernel_shape=[1])
        if dilation > 1:
            results = builder.reshape(results, dilation, tile, -1, channels_out)
            results = builder.transpose(results, 1, 2, 0, 3)
        return builder.reshape(results, tile, -1, channels_out)

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

    def _matrices(self, kernel: int, *, dilated: bool) -> tuple[str, str]:
        """Transforms as weights of convolutions over the flat tiles: of the input, of the output.

        The input's reads a tile and its neighbours.
        """
        if (kernel, dilated) not in self._transforms:
            matrices, tile = transforms(self._tile, kernel), self._tile
            left = tile - (kernel - 1) // 2
            wide = np.zeros((matrices.products, 3 * tile), np.float32)
            wide[:, left : left + matrices.input.shape[1]] = matrices.input
            into = wide.reshape(-1, 3, tile).transpose(0, 2, 1)
            self._transforms[kernel, dilated] = (
                self._builder.constant(into[:, :, None, None, :] if dilated else into),
                self._builder.constant(matrices.output[:, :, None].astype(np.float32)),
            )
        return self._transforms[kernel, dilated]
