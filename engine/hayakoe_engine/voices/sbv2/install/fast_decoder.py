"""The decoder with fast convolutions: the same weights, fewer multiplications.

It is written in parts. What a sample depends on reaches far at first, where there are 8 steps a
frame, but not where most of the work is, and there are 64 and more: so what is decoded twice at the
edges of windows costs much less if the first stage is a graph of its own.
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
    steps_per_frame,
)
from hayakoe_engine.voices.sbv2.install.fastconv import POINTS
from hayakoe_engine.voices.sbv2.install.tiles import TileWriter

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from onnx import ModelProto

    from hayakoe_engine.voices.sbv2.install.decoder import (
        Block,
        DecoderWeights,
        Stage,
        Upsampling,
    )

TILE: Final = 8

LEAST_CHANNELS: Final[Mapping[int, int]] = {3: 64, 7: 32, 11: 32}
"""Kernel to the channels from which on fast convolution may be faster; machines differ in that."""

_DILATIONS: Final = frozenset({1, 3, 5})


def fast_decoder(
    decoder: DecoderWeights,
    stages: range | None = None,
    fast_stages: Container[int] | None = None,
    *,
    least_channels: Mapping[int, int] = LEAST_CHANNELS,
) -> tuple[ModelProto, int]:
    """A decoder for some numbers of frames, or its first or last part.

    The first part makes ``hidden``, float32 ``[steps, channels]``, of ``z`` and
    ``speaker_vector``; the last makes ``audio`` of that.

    Args:
        decoder: Its weights.
        stages: Those of the part, from the first or to the last; None is all of them.
        fast_stages: All others are as in the direct decoder; None is all that can be fast.
        least_channels: Kernel to the channels from which on its convolutions are fast ones.

    Returns:
        The graph; and of what the length of what it reads, ``z`` or ``hidden``, must be a multiple,
        which is 1 if no convolution is a fast one.
    """
    stages = stages or range(len(decoder.stages))
    builder = GraphBuilder()
    direct = DirectWriter(builder, decoder.slope)
    rows = RowsWriter(builder, decoder.slope)
    plans = {
        index: [
            (fast_stages is None or index in fast_stages)
            and _is_fast(block, decoder.stages[index], least_channels)
            for block in decoder.stages[index].blocks
        ]
        for index in stages
    }
    if stages.start > 0:
        before = decoder.stages[stages.start - 1]
        signal = Signal(rows, rows=builder.input("hidden", "steps", before.channels))
    elif any(plans[0]):
        signal = Signal(rows, rows=rows.entrance(decoder))
    else:
        signal = Signal(rows, image=direct.entrance(decoder))
    multiple = 1
    read_steps = steps_per_frame(decoder, stages.start - 1) if stages.start else 1
    for index, plan in plans.items():
        stage, means = decoder.stages[index], mean_of(decoder, index)
        if any(plan):
            signal = Signal(rows, rows=rows.upsample(signal.as_rows(), stage.upsampling, means))
        else:
            image = direct.upsample(signal.as_image(), stage.upsampling, means)
            signal = Signal(rows, image=image)
        fast = list(compress(stage.blocks, plan))
        slow = [direct.block(signal.as_image(), b) for b in stage.blocks if b not in fast]
        steps = steps_per_frame(decoder, index)
        if fast:
            summed = rows.blocks(signal.as_rows(), fast, few_tiles=steps <= TILE)
            signal = Signal(rows, rows=summed)
        if slow:
            images = [*slow, signal.as_image()] if fast else slow
            signal = Signal(rows, image=builder.total(images))
        multiple = lcm(multiple, *(_multiple(block, steps // read_steps) for block in fast))
    if stages.stop == len(decoder.stages):
        return direct.finish(signal.as_image(), decoder), multiple
    hidden = (signal.as_rows(), ("steps", decoder.stages[stages.stop - 1].channels))
    return builder.model({"hidden": hidden}), multiple


def fast_stages_of(
    decoder: DecoderWeights, least_channels: Mapping[int, int] = LEAST_CHANNELS
) -> tuple[int, ...]:
    """The stages of a decoder that can have fast convolutions.

    Args:
        decoder: Its weights.
        least_channels: As for ``fast_decoder``.
    """
    return tuple(
        index
        for index, stage in enumerate(decoder.stages)
        if any(_is_fast(block, stage, least_channels) for block in stage.blocks)
    )


def _is_fast(block: Block, stage: Stage, least_channels: Mapping[int, int]) -> bool:
    return all(
        (TILE, convolution.kernel) in POINTS
        and convolution.dilation in _DILATIONS
        and stage.channels >= least_channels[convolution.kernel]
        for step in block
        for convolution in step
    )


def _multiple(block: Block, steps: int) -> int:
    """Of what a length must be a multiple that becomes so many steps each, for whole tiles."""
    lengths = [TILE * convolution.dilation for step in block for convolution in step]
    return lcm(*(length // gcd(length, steps) for length in lengths))


class Signal:
    """What one stage gives to the next, in the form in which it wants it.

    Args:
        writer: Changes the form.
        rows: The signal as rows, or None.
        image: The signal as image, or None.
    """

    def __init__(
        self, writer: RowsWriter, *, rows: str | None = None, image: str | None = None
    ) -> None:
        self._writer = writer
        self._rows = rows
        self._image = image

    def as_rows(self) -> str:
        """float32 ``[steps, channels]``."""
        if self._rows is None:
            self._rows = self._writer.of_image(self.as_image())
        return self._rows

    def as_image(self) -> str:
        """float32 ``[1, channels, 1, steps]``."""
        if self._image is None:
            self._image = self._writer.to_image(self.as_rows())
        return self._image


class RowsWriter:
    """Writes parts of a decoder that work on rows, float32 ``[steps, channels]``, and tiles."""

    def __init__(self, builder: GraphBuilder, slope: float) -> None:
        self._builder = builder
        self._slope = slope

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

    def blocks(self, rows: str, blocks: Sequence[Block], *, few_tiles: bool) -> str:
        """Sum of what blocks give.

        Args:
            rows: What they read.
            blocks: All with fast convolutions.
            few_tiles: There are about as many tiles as frames.
        """
        writer = TileWriter(self._builder, TILE, few_tiles=few_tiles)
        channels = blocks[0][0][0].weight.shape[1]
        tiles = writer.of_rows(rows, channels)
        total = self._builder.total([self._block(writer, tiles, block) for block in blocks])
        return writer.to_rows(total, channels)

    def _block(self, writer: TileWriter, tiles: str, block: Block) -> str:
        for step in block:
            x = tiles
            for convolution in step:
                x = self.activate(x)
                x = writer.convolve(x, convolution.weight, convolution.dilation)
                if convolution.bias is not None:
                    x = self._builder.node("Add", x, self._builder.constant(convolution.bias))
            tiles = self._builder.node("Add", x, tiles)
        return tiles

    def _shifted(self, rows: str, shifts: Sequence[int], extra: int = 0) -> str:
        """What is found at each shift from a row, zeros outside; for so many rows more."""
        copies = [
            self._builder.pad(rows, (-shift, 0), (shift + extra, 0)) if shift or extra else rows
            for shift in shifts
        ]
        return self._builder.node("Concat", *copies, axis=1)
