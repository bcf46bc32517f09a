"""The decoder with fast convolutions: the same weights, fewer multiplications.

A stage with fast convolutions works on rows, float32 ``[steps, channels]``, and within its blocks
on tiles, ``[8, tiles, channels]``, in which step t is row t % 8 of tile t // 8. A convolution with
dilation d combines steps that are d apart, so for it the rows of a tile are regrouped:
``[8 * d, tiles / d, channels]``, in which row i * d + w of tile j is step (8 * j + i) * d + w.
"""

from __future__ import annotations

from itertools import compress
from math import gcd, lcm
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.voices.sbv2.install.builder import GraphBuilder
from hayakoe_engine.voices.sbv2.install.decoder import (
    DirectWriter,
    condition_row,
    decoder_inputs,
    mean_of,
)
from hayakoe_engine.voices.sbv2.install.fastconv import TILE, transforms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from onnx import ModelProto

    from hayakoe_engine.voices.sbv2.install.decoder import (
        Block,
        Convolution,
        DecoderWeights,
        Stage,
        Upsampling,
    )

LEAST_CHANNELS: Final[Mapping[int, int]] = {3: 128, 7: 64, 11: 64}
"""Kernel to the channels from which on fast convolution is faster."""

_DILATIONS: Final = frozenset({1, 3, 5})


def fast_decoder(
    decoder: DecoderWeights,
    *,
    first_stage: int = 0,
    least_channels: Mapping[int, int] = LEAST_CHANNELS,
) -> tuple[ModelProto, int]:
    """A decoder for some numbers of frames.

    Args:
        decoder: Its weights.
        first_stage: Those before it are as in the direct decoder.
        least_channels: Kernel to the channels from which on its convolutions are fast ones.

    Returns:
        The graph, ``z`` and ``speaker_vector`` to ``audio``; and of what the number of frames
        must be a multiple, which is 1 if no convolution is a fast one.
    """
    builder = GraphBuilder()
    direct = DirectWriter(builder, decoder.slope)
    tiles = TileWriter(builder, decoder.slope)
    plans = [
        [index >= first_stage and _is_fast(block, stage, least_channels) for block in stage.blocks]
        for index, stage in enumerate(decoder.stages)
    ]
    if any(plans[0]):
        signal = Signal(tiles, rows=tiles.entrance(decoder))
    else:
        signal = Signal(tiles, image=direct.entrance(decoder))
    multiple = steps_per_frame = 1
    for index, (stage, plan) in enumerate(zip(decoder.stages, plans, strict=True)):
        upsampling, means = stage.upsampling, mean_of(decoder, index)
        if any(plan):
            signal = Signal(tiles, rows=tiles.upsample(signal.as_rows(), upsampling, means))
        else:
            signal = Signal(tiles, image=direct.upsample(signal.as_image(), upsampling, means))
        fast = list(compress(stage.blocks, plan))
        slow = [direct.block(signal.as_image(), b) for b in stage.blocks if b not in fast]
        if fast:
            signal = Signal(tiles, rows=tiles.blocks(signal.as_rows(), fast))
        if slow:
            images = [*slow, signal.as_image()] if fast else slow
            signal = Signal(tiles, image=builder.total(images))
        steps_per_frame *= upsampling.stride
        multiple = lcm(multiple, *(_multiple(block, steps_per_frame) for block in fast))
    return direct.finish(signal.as_image(), decoder), multiple


class Signal:
    """What one stage gives to the next, in the form in which it wants it.

    Args:
        tiles: Changes the form.
        rows: The signal as rows, or None.
        image: The signal as image, or None.
    """

    def __init__(
        self, tiles: TileWriter, *, rows: str | None = None, image: str | None = None
    ) -> None:
        self._tiles = tiles
        self._rows = rows
        self._image = image

    def as_rows(self) -> str:
        """float32 ``[steps, channels]``."""
        if self._rows is None:
            self._rows = self._tiles.of_image(self.as_image())
        return self._rows

    def as_image(self) -> str:
        """float32 ``[1, channels, 1, steps]``."""
        if self._image is None:
            self._image = self._tiles.to_image(self.as_rows())
        return self._image


def _is_fast(block: Block, stage: Stage, least_channels: Mapping[int, int]) -> bool:
    return all(
        stage.channels >= least_channels.get(convolution.kernel, stage.channels + 1)
        and convolution.dilation in _DILATIONS
        for step in block
        for convolution in step
    )


def _multiple(block: Block, steps_per_frame: int) -> int:
    """Of what the number of frames must be a multiple for all regrouped tiles to be whole."""
    lengths = [TILE * convolution.dilation for step in block for convolution in step]
    return lcm(*(length // gcd(length, steps_per_frame) for length in lengths))


class TileWriter:
    """Writes parts of a decoder that work on rows and tiles."""

    def __init__(self, builder: GraphBuilder, slope: float) -> None:
        self._builder = builder
        self._slope = slope
        self._transforms: dict[tuple[int, bool], tuple[str, str]] = {}

    def of_image(self, image: str) -> str:
        """``[1, channels, 1, steps]`` as rows."""
        steps_first = self._builder.transpose(image, 0, 2, 3, 1)
        return self._builder.node("Squeeze", steps_first, self._builder.integers(0, 1))

    def to_image(self, rows: str) -> str:
        """Rows as ``[1, channels, 1, steps]``."""
        channels_first = self._builder.transpose(rows, 1, 0)
        return self._builder.node("Unsqueeze", channels_first, self._builder.integers(0, 2))

    def activate(self, x: str) -> str:
        """LeakyRelu."""
        return self._builder.node("LeakyRelu", x, alpha=self._slope)

    def entrance(self, decoder: DecoderWeights) -> str:
        """The inputs of the graph, and the rows that the first stage reads."""
        builder = self._builder
        z, vector = decoder_inputs(builder, decoder)
        condition = condition_row(builder, vector, decoder)
        rows = builder.transpose(builder.node("Squeeze", z, builder.integers(0)), 1, 0)
        kernel = decoder.entrance.kernel
        shifts = range(-(kernel // 2), kernel - kernel // 2)
        weight = decoder.entrance.weight
        weight = weight.transpose(2, 1, 0).reshape(-1, len(weight))
        return builder.node(
            "Gemm", self._shifted(rows, shifts), builder.constant(weight), condition
        )

    def upsample(self, rows: str, upsampling: Upsampling, mean_of: int) -> str:
        """A transposed convolution of the mean of blocks whose sum is given."""
        builder = self._builder
        weight = upsampling.weight / np.float32(mean_of)
        channels_in, channels, kernel = weight.shape
        stride = upsampling.stride
        reach = -(-kernel // stride)
        # One product gives for every row all that it adds to the results.
        phases = np.zeros((reach, channels_in, stride, channels), np.float32)
        for place in range(kernel):
            phases[place // stride, :, place % stride] = weight[:, :, place]
        read = self._shifted(self.activate(rows), range(0, -reach, -1), extra=reach - 1)
        product = builder.node(
            "Gemm",
            read,
            builder.constant(phases.reshape(reach * channels_in, stride * channels)),
            builder.constant(np.tile(upsampling.bias, stride)),
        )
        steps = builder.reshape(product, -1, channels)
        end = upsampling.padding - (reach * stride - stride)
        return builder.cut(steps, upsampling.padding, end, 0)

    def blocks(self, rows: str, blocks: Sequence[Block]) -> str:
        """Sum of what blocks give."""
        builder = self._builder
        channels = blocks[0][0][0].weight.shape[1]
        tiles = builder.transpose(builder.reshape(rows, -1, TILE, channels), 1, 0, 2)
        total = builder.total([self._block(tiles, block) for block in blocks])
        return builder.reshape(builder.transpose(total, 1, 0, 2), -1, channels)

    def _block(self, tiles: str, block: Block) -> str:
        for step in block:
            x = tiles
            for convolution in step:
                x = self._convolve(self.activate(x), convolution)
            tiles = self._builder.node("Add", x, tiles)
        return tiles

    def _convolve(self, tiles: str, convolution: Convolution) -> str:
        """A fast convolution with zeros around what it reads."""
        builder = self._builder
        matrices = transforms(convolution.kernel)
        channels_out, channels, _ = convolution.weight.shape
        dilation = convolution.dilation
        into, out_of = self._matrices(convolution.kernel, dilated=dilation > 1)
        if dilation > 1:
            grouped = builder.reshape(tiles, TILE, -1, dilation, channels)
            grouped = builder.transpose(grouped, 2, 0, 1, 3)
            # Five dimensions keep ONNX Runtime from laying the channels, of which there are few
            # here, out in blocks.
            x = builder.node(
                "Conv",
                builder.reshape(grouped, 1, TILE, 1, dilation, -1),
                into,
                kernel_shape=[1, 1, 3],
                dilations=[1, 1, channels],
                pads=[0, 0, channels, 0, 0, channels],
            )
        else:
            x = builder.node(
                "Conv",
                builder.reshape(tiles, 1, TILE, -1),
                into,
                kernel_shape=[3],
                dilations=[channels],
                pads=[channels, channels],
            )
        factors = builder.reshape(x, matrices.products, -1, channels)
        weights = builder.constant(matrices.of_weights(convolution.weight))
        products = builder.node("MatMul", factors, weights)
        y = builder.node(
            "Conv", builder.reshape(products, 1, matrices.products, -1), out_of, kernel_shape=[1]
        )
        if dilation > 1:
            y = builder.reshape(y, dilation, TILE, -1, channels_out)
            y = builder.transpose(y, 1, 2, 0, 3)
        y = builder.reshape(y, TILE, -1, channels_out)
        return (
            y
            if convolution.bias is None
            else builder.node("Add", y, builder.constant(convolution.bias))
        )

    def _matrices(self, kernel: int, *, dilated: bool) -> tuple[str, str]:
        """Transforms as weights of convolutions over the flat tiles: of the input, of the output.

        The input's reads a tile and its neighbours.
        """
        if (kernel, dilated) not in self._transforms:
            matrices = transforms(kernel)
            left = TILE - (kernel - 1) // 2
            wide = np.zeros((matrices.products, 3 * TILE))
            wide[:, left : left + matrices.input.shape[1]] = matrices.input
            into = wide.reshape(-1, 3, TILE).transpose(0, 2, 1).astype(np.float32)
            out_of = matrices.output[:, :, None].astype(np.float32)
            if dilated:
                into = into[:, :, None, None, :]
            self._transforms[kernel, dilated] = (
                self._builder.constant(into),
                self._builder.constant(out_of),
            )
        return self._transforms[kernel, dilated]

    def _shifted(self, rows: str, shifts: Sequence[int], extra: int = 0) -> str:
        """What is found at each shift from a row, zeros outside; for so many rows more."""
        copies = [
            self._builder.pad(rows, (-shift, 0), (shift + extra, 0)) if shift or extra else rows
            for shift in shifts
        ]
        return self._builder.node("Concat", *copies, axis=1)
