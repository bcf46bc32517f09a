"""The decoder: read out of a graph, and written so that ONNX Runtime's fast kernels take it.

ONNX Runtime lays out only two-dimensional convolutions in blocks of channels, for which it has
its fastest kernels; so samples become images one row high. The mean over the residual blocks of a
stage is part of the weights of what reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, prod
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from hayakoe_engine.voices.sbv2.install.builder import GraphBuilder
from hayakoe_engine.voices.sbv2.install.graph import Graph, UnknownGraph, attributes, other_input

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto, NodeProto

    Weights: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """A convolution that keeps the length.

    Attributes:
        weight: float32 ``[out channels, in channels, kernel]``.
        bias: float32 ``[out channels]``.
        dilation: Steps between the places that it reads.
    """

    weight: Weights
    bias: Weights | None
    dilation: int

    @property
    def kernel(self) -> int:
        """Places that it reads."""
        return int(self.weight.shape[2])


@dataclass(frozen=True, slots=True, eq=False)
class Upsampling:
    """A transposed convolution that makes every step ``stride`` steps.

    Attributes:
        weight: float32 ``[in channels, out channels, kernel]``.
        bias: float32 ``[out channels]``.
        stride: Steps out of one.
        padding: Steps that are cut off at the beginning; the end is cut to fit.
    """

    weight: Weights
    bias: Weights
    stride: int
    padding: int


Block: TypeAlias = tuple[tuple[Convolution, ...], ...]
"""Residual steps; each adds to its input what its convolutions, each after a LeakyRelu, give."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """An upsampling and the blocks whose mean follows it."""

    upsampling: Upsampling
    blocks: tuple[Block, ...]

    @property
    def channels(self) -> int:
        """Of all that the blocks read and write."""
        return int(self.upsampling.weight.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class DecoderWeights:
    """What a decoder consists of.

    Attributes:
        entrance: Reads the latent.
        condition: Reads the speaker vector; float32 ``[channels, speaker channels]``.
        condition_bias: float32 ``[channels]``.
        stages: In order.
        exit: Makes the samples, of which a tanh is taken.
        slope: Of every LeakyRelu but the last.
        last_slope: Of the LeakyRelu before ``exit``.
    """

    entrance: Convolution
    condition: Weights
    condition_bias: Weights
    stages: tuple[Stage, ...]
    exit: Convolution
    slope: float
    last_slope: float

    @property
    def hop_length(self) -> int:
        """Samples per frame."""
        return prod(stage.upsampling.stride for stage in self.stages)


def read_decoder(model: ModelProto) -> DecoderWeights:
    """Read a decoder out of its graph.

    Raises:
        UnknownGraph: It is not built as expected.
    """
    return _Reader(Graph(model)).read()


def direct_decoder(decoder: DecoderWeights) -> ModelProto:
    """A decoder for any number of frames: ``z`` and ``speaker_vector`` to ``audio``."""
    builder = GraphBuilder()
    writer = DirectWriter(builder, decoder.slope)
    x = writer.entrance(decoder)
    for index, stage in enumerate(decoder.stages):
        x = writer.upsample(x, stage.upsampling, mean_of(decoder, index))
        x = builder.total([writer.block(x, block) for block in stage.blocks])
    return writer.finish(x, decoder)


def mean_of(decoder: DecoderWeights, index: int) -> int:
    """Of how many blocks the mean is still to be taken in what the stage of this number reads."""
    return len(decoder.stages[index - 1].blocks) if index else 1


def steps_per_frame(decoder: DecoderWeights, index: int) -> int:
    """Steps that the stage of this number makes of a frame."""
    return prod(stage.upsampling.stride for stage in decoder.stages[: index + 1])


def reach_frames(decoder: DecoderWeights, stages: range) -> int:
    """Frames on either side of a frame on which depends what some stages make of it.

    What is before the first stage counts with it, as what is behind the last one.
    """
    reach = Fraction(0)
    if stages.start == 0:
        reach += decoder.entrance.kernel // 2
    for index in stages:
        stage = decoder.stages[index]
        up = stage.upsampling
        steps = steps_per_frame(decoder, index)
        reach += Fraction(max(up.weight.shape[2] - 1 - up.padding, up.padding), steps)
        longest = max(
            sum(conv.kernel // 2 * conv.dilation for step in block for conv in step)
            for block in stage.blocks
        )
        reach += Fraction(longest, steps)
    if stages.stop == len(decoder.stages):
        reach += Fraction(decoder.exit.kernel // 2, decoder.hop_length)
    return ceil(reach)


class DirectWriter:
    """Writes parts of a decoder that work on ``[1, channels, 1, steps]``."""

    def __init__(self, builder: GraphBuilder, slope: float) -> None:
        self._builder = builder
        self._slope = slope

    def entrance(self, decoder: DecoderWeights) -> str:
        """The inputs of the graph, and what the first stage reads."""
        z, vector = decoder_inputs(self._builder, decoder)
        image = self._builder.node("Unsqueeze", z, self._builder.integers(2))
        image = self.convolve(image, replace(decoder.entrance, bias=None))
        condition = self._builder.reshape(
            condition_row(self._builder, vector, decoder), 1, -1, 1, 1
        )
        return self._builder.node("Add", image, condition)

    def activate(self, x: str) -> str:
        """LeakyRelu."""
        return self._builder.node("LeakyRelu", x, alpha=self._slope)

    def convolve(self, x: str, convolution: Convolution) -> str:
        """A convolution with zeros around what it reads."""
        reach = (convolution.kernel - 1) * convolution.dilation
        weights = [self._builder.constant(convolution.weight[:, :, None, :])]
        if convolution.bias is not None:
            weights.append(self._builder.constant(convolution.bias))
        return self._builder.node(
            "Conv",
            x,
            *weights,
            kernel_shape=[1, convolution.kernel],
            dilations=[1, convolution.dilation],
            pads=[0, reach // 2, 0, reach - reach // 2],
        )

    def upsample(self, x: str, upsampling: Upsampling, mean_of: int) -> str:
        """A transposed convolution of the mean of blocks whose sum is given."""
        kernel = upsampling.weight.shape[2]
        cut = kernel - upsampling.stride
        return self._builder.node(
            "ConvTranspose",
            self.activate(x),
            self._builder.constant(upsampling.weight[:, :, None, :] / np.float32(mean_of)),
            self._builder.constant(upsampling.bias),
            kernel_shape=[1, kernel],
            strides=[1, upsampling.stride],
            pads=[0, upsampling.padding, 0, cut - upsampling.padding],
        )

    def block(self, x: str, block: Block) -> str:
        """Residual steps."""
        for step in block:
            y = x
            for convolution in step:
                y = self.convolve(self.activate(y), convolution)
            x = self._builder.node("Add", y, x)
        return x

    def finish(self, x: str, decoder: DecoderWeights) -> ModelProto:
        """The samples of the sum of the last stage's blocks."""
        builder = self._builder
        scaled = decoder.exit.weight / np.float32(mean_of(decoder, len(decoder.stages)))
        x = builder.node("LeakyRelu", x, alpha=decoder.last_slope)
        x = self.convolve(x, Convolution(scaled, decoder.exit.bias, decoder.exit.dilation))
        audio = builder.node("Squeeze", builder.node("Tanh", x), builder.integers(2))
        return builder.model({"audio": (audio, (1, 1, "samples"))})


def decoder_inputs(builder: GraphBuilder, decoder: DecoderWeights) -> tuple[str, str]:
    """The inputs ``z`` and ``speaker_vector``."""
    z = builder.input("z", 1, decoder.entrance.weight.shape[1], "frames")
    return z, builder.input("speaker_vector", 1, decoder.condition.shape[1], 1)


def condition_row(builder: GraphBuilder, vector: str, decoder: DecoderWeights) -> str:
    """What is added to all that the entrance gives, its bias included: ``[1, channels]``."""
    row = builder.reshape(vector, 1, -1)
    weight, bias = decoder.condition, decoder.condition_bias
    if decoder.entrance.bias is not None:
        bias = bias + decoder.entrance.bias
    return builder.node("Gemm", row, builder.constant(weight), builder.constant(bias), transB=1)


class _Reader:
    """Follows a decoder's graph from its end to its beginning."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._slopes: set[float] = set()

    def read(self) -> DecoderWeights:
        graph = self._graph
        tanh = graph.made_by(graph.model.graph.output[0].name, "Tanh")
        last = graph.made_by(tanh.input[0], "Conv")
        activation = graph.made_by(last.input[0], "LeakyRelu")
        tensor = activation.input[0]
        stages: list[Stage] = []
        while (node := graph.producer(tensor)) is not None and not self._is_entrance(node):
            stage, tensor = self._stage(tensor)
            stages.append(stage)
        entrance, condition = self._entrance(tensor)
        if len(self._slopes) != 1:
            raise UnknownGraph(f"the decoder's activations have slopes {sorted(self._slopes)}")
        if condition.kernel != 1 or condition.bias is None:
            raise UnknownGraph("the decoder does not read the speaker as expected")
        return DecoderWeights(
            entrance=entrance,
            condition=condition.weight[:, :, 0],
            condition_bias=condition.bias,
            stages=tuple(reversed(stages)),
            exit=self._convolution(last),
            slope=self._slopes.pop(),
            last_slope=_slope(activation),
        )

    def _is_entrance(self, node: NodeProto) -> bool:
        makers = [self._graph.producer(name) for name in node.input]
        return node.op_type == "Add" and all(m is not None and m.op_type == "Conv" for m in makers)

    def _entrance(self, tensor: str) -> tuple[Convolution, Convolution]:
        both = [
            self._graph.made_by(name, "Conv") for name in self._graph.made_by(tensor, "Add").input
        ]
        of_latent = [node for node in both if node.input[0] == "z"]
        of_speaker = [node for node in both if node.input[0] == "speaker_vector"]
        if len(of_latent) != 1 or len(of_speaker) != 1:
            raise UnknownGraph("the decoder does not begin with a latent and a speaker")
        return self._convolution(of_latent[0]), self._convolution(of_speaker[0])

    def _stage(self, tensor: str) -> tuple[Stage, str]:
        """The stage that makes a tensor, and what that stage reads."""
        ends = self._summands(self._without_mean(tensor))
        blocks = [self._block(end) for end in ends]
        starts = {start for _, start in blocks}
        if len(starts) != 1:
            raise UnknownGraph("the blocks of a stage of the decoder do not read the same")
        upsampling = self._graph.made_by(starts.pop(), "ConvTranspose")
        activation = self._graph.made_by(upsampling.input[0], "LeakyRelu")
        self._slopes.add(_slope(activation))
        stage = Stage(self._upsampling(upsampling), tuple(block for block, _ in blocks))
        return stage, activation.input[0]

    def _without_mean(self, tensor: str) -> str:
        """The sum of blocks of which a tensor is the mean."""
        node = self._graph.producer(tensor)
        total, factor = tensor, 1.0
        if node is not None and node.op_type in {"Div", "Mul"}:
            total = str(node.input[0])
            value = self._graph.constant(node.input[1])
            given = float(value.item()) if value is not None and value.size == 1 else np.nan
            factor = given if node.op_type == "Div" else 1 / given
        if not np.isclose(factor, len(self._summands(total))):
            raise UnknownGraph("a stage of the decoder does not end with the mean of its blocks")
        return total

    def _summands(self, tensor: str) -> list[str]:
        """The ends of a stage's blocks, in order: sums of which no part is a convolution."""
        node = self._graph.made_by(tensor, "Add")
        if self._last_convolution(node) is not None:
            return [tensor]
        return [end for name in node.input for end in self._summands(name)]

    def _last_convolution(self, node: NodeProto) -> NodeProto | None:
        makers = map(self._graph.producer, node.input)
        return next((m for m in makers if m is not None and m.op_type == "Conv"), None)

    def _block(self, tensor: str) -> tuple[Block, str]:
        """The block that ends with a tensor, and what it reads."""
        steps: list[tuple[Convolution, ...]] = []
        while (node := self._graph.producer(tensor)) is not None and node.op_type == "Add":
            step, tensor = self._step(node)
            steps.append(step)
        return tuple(reversed(steps)), tensor

    def _step(self, added: NodeProto) -> tuple[tuple[Convolution, ...], str]:
        convolution = self._last_convolution(added)
        if convolution is None:
            raise UnknownGraph("a block of the decoder has a step without a convolution")
        start = other_input(added, convolution.output[0])
        convolutions: list[Convolution] = []
        tensor = convolution.output[0]
        while tensor != start:
            node = self._graph.made_by(tensor, "Conv")
            convolutions.append(self._convolution(node))
            activation = self._graph.made_by(node.input[0], "LeakyRelu")
            self._slopes.add(_slope(activation))
            tensor = activation.input[0]
        return tuple(reversed(convolutions)), start

    def _convolution(self, node: NodeProto) -> Convolution:
        weight, bias = self._weights(node)
        given = attributes(node)
        dilation = int(given.get("dilations", [1])[0])
        reach = (weight.shape[2] - 1) * dilation
        wanted = {"group": 1, "strides": [1], "pads": [reach // 2, reach - reach // 2]}
        if weight.ndim != 3 or any(given.get(k, v) != v for k, v in wanted.items()):
            raise UnknownGraph(f"{node.name} is no plain convolution that keeps the length")
        return Convolution(weight, bias, dilation)

    def _upsampling(self, node: NodeProto) -> Upsampling:
        weight, bias = self._weights(node)
        given = attributes(node)
        stride = int(given.get("strides", [1])[0])
        pads = list(given.get("pads", [0, 0]))
        extra = int(given.get("output_padding", [0])[0])
        plain = given.get("group", 1) == 1 and given.get("dilations", [1]) == [1]
        if not plain or bias is None or weight.shape[2] - stride != sum(pads) - extra:
            raise UnknownGraph(f"{node.name} is no plain upsampling by {stride}")
        return Upsampling(weight, bias, stride, int(pads[0]))

    def _weights(self, node: NodeProto) -> tuple[Weights, Weights | None]:
        values: list[Any] = [self._graph.constant(name) for name in node.input[1:] if name]
        if any(value is None for value in values):
            raise UnknownGraph(f"the weights of {node.name} are not constant")
        return values[0], values[1] if len(values) > 1 else None


def _slope(activation: NodeProto) -> float:
    return float(attributes(activation).get("alpha", 0.01))
