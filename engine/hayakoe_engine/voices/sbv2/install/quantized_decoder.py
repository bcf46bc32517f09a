"""The decoder with its first stages, where most of the work is, in eight bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from hayakoe_engine.voices.sbv2.install.builder import is_aligned
from hayakoe_engine.voices.sbv2.install.quantize import quantized_weights
from hayakoe_engine.voices.sbv2.installed import INT8_STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from onnx import ModelProto, NodeProto

    from hayakoe_engine.voices.sbv2.install.decoder import DecoderWeights

    Range: TypeAlias = tuple[float, float]
    """Smallest and largest value."""
    Ranges: TypeAlias = tuple[Range, Range]
    """Of what a convolution reads, and of what it gives."""

_LEVELS: Final = 255


def activation_ranges(
    model: ModelProto,
    decoder: DecoderWeights,
    pieces: Iterable[NDArray[np.float32]],
    speaker_vector: NDArray[np.float32],
) -> list[Ranges]:
    """What the convolutions that are to be quantized read and give, in order.

    Args:
        model: A decoder whose first stages are direct ones, or a part of one.
        decoder: Its weights.
        pieces: What it is to decode, for its first input: typical pieces.
        speaker_vector: Of who speaks them, ``[1, speaker channels, 1]``.
    """
    first, *others = (item.name for item in model.graph.input)
    feeds = ({first: piece} | dict.fromkeys(others, speaker_vector) for piece in pieces)
    convolutions = list(_convolutions(model, decoder))
    tensors = sorted({name for node in convolutions for name in (node.input[0], node.output[0])})
    ranges = _ranges(model, tensors, feeds)
    return [(ranges[node.input[0]], ranges[node.output[0]]) for node in convolutions]


def quantized_decoder(
    model: ModelProto, decoder: DecoderWeights, ranges: Sequence[Ranges]
) -> ModelProto:
    """A decoder, or a part of it, that computes with 8-bit integers in its first stages.

    Those behind have fewer channels, and gain less.

    Args:
        model: As for ``activation_ranges``.
        decoder: Its weights.
        ranges: Of this model, or of one that differs behind those stages only.

    Returns:
        The graph, with the same inputs and outputs.
    """
    convolutions = list(_convolutions(model, decoder))
    by_tensor: dict[str, Range] = {}
    for node, (read, given) in zip(convolutions, ranges, strict=True):
        by_tensor[node.input[0]] = read
        by_tensor[node.output[0]] = given
    return _Quantizer(model, by_tensor).quantize(convolutions)


def _convolutions(model: ModelProto, decoder: DecoderWeights) -> Iterator[NodeProto]:
    """Those in the blocks of the first stages: known by their sizes."""
    channels = {stage.channels for stage in decoder.stages[:INT8_STAGES]}
    sizes = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Conv":
            channels_out, channels_in = sizes[node.input[1]][:2]
            if channels_out == channels_in and channels_in in channels:
                yield node


def _ranges(
    model: ModelProto,
    tensors: Sequence[str],
    feeds: Iterable[dict[str, NDArray[np.float32]]],
) -> dict[str, Range]:
    """Smallest and largest value of each tensor."""
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    observed.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in tensors
    )
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(observed.SerializeToString(), options, ["CPUExecutionProvider"])
    ranges = dict.fromkeys(tensors, (0.0, 0.0))
    for feed in feeds:
        for name, value in zip(tensors, session.run(list(tensors), feed), strict=True):
            low, high = ranges[name]
            ranges[name] = min(low, float(value.min())), max(high, float(value.max()))
    return ranges


class _Quantizer:
    """Puts quantizations around convolutions, from which ONNX Runtime makes integer ones."""

    def __init__(self, model: ModelProto, ranges: dict[str, Range]) -> None:
        self._model = model
        self._ranges = ranges
        self._constants = {tensor.name: tensor for tensor in model.graph.initializer}

    def quantize(self, convolutions: Sequence[NodeProto]) -> ModelProto:
        names = {node.name for node in convolutions}
        nodes: list[NodeProto] = []
        for node in self._model.graph.node:
            nodes += self._quantized(node) if node.name in names else [node]
        used = {name for node in nodes for name in node.input}
        constants = [tensor for name, tensor in self._constants.items() if name in used]
        constants.sort(key=is_aligned, reverse=True)
        graph = self._model.graph
        return helper.make_model(
            helper.make_graph(nodes, "quantized", graph.input, graph.output, constants),
            opset_imports=self._model.opset_import,
            ir_version=self._model.ir_version,
        )

    def _quantized(self, node: NodeProto) -> Iterator[NodeProto]:
        source, weight, *bias = node.input
        output = node.output[0]
        yield from self._through_integers(source, f"{source}_for_{output}", source)
        weights, scale = quantized_weights(numpy_helper.to_array(self._constants[weight]))
        yield self._dequantized(weight, weights, scale)
        inputs = [f"{source}_for_{output}", f"{weight}_float"]
        if bias:
            step = scale * self._step_and_zero(source)[0]
            sums = np.rint(numpy_helper.to_array(self._constants[bias[0]]) / step).astype(np.int32)
            yield self._dequantized(bias[0], sums, step)
            inputs.append(f"{bias[0]}_float")
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:] = inputs
        copy.output[:] = [f"{output}_exact"]
        yield copy
        yield from self._through_integers(f"{output}_exact", output, output)

    def _through_integers(self, source: str, result: str, measured: str) -> Iterator[NodeProto]:
        step, zero = self._step_and_zero(measured)
        scale, zero_point = f"{measured}_scale", f"{measured}_zero"
        self._keep(scale, step)
        self._keep(zero_point, zero)
        integers = f"{result}_q"
        yield helper.make_node("QuantizeLinear", [source, scale, zero_point], [integers])
        yield helper.make_node("DequantizeLinear", [integers, scale, zero_point], [result])

    def _dequantized(
        self, name: str, values: NDArray[np.integer], scale: NDArray[np.float32]
    ) -> NodeProto:
        self._keep(f"{name}_q", values)
        self._keep(f"{name}_scale", scale)
        stored = [f"{name}_q", f"{name}_scale"]
        return helper.make_node("DequantizeLinear", stored, [f"{name}_float"], axis=0)

    def _step_and_zero(self, tensor: str) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        low, high = self._ranges[tensor]
        step = (high - low) / _LEVELS or 1.0
        return np.array(step, np.float32), np.array(round(-low / step), np.uint8)

    def _keep(self, name: str, value: NDArray[np.generic]) -> None:
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
