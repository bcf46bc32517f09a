"""The weights of a published language model, found by their names and by what flows where."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

from hayakoe_engine.voices.sbv2.install.graph import (
    Graph,
    UnknownGraph,
    attributes,
    extract,
    other_input,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from onnx import NodeProto

    _Floats = NDArray[np.float32]

_INT8_MAX: Final = 127
_UINT8_MIDDLE: Final = 128
_MAX_DISTANCE: Final = 1 << 11
"""No model tells positions apart that are this far from one another."""

_QUERY: Final = "query"
_KEY: Final = "key"
_KINDS: Final = (_QUERY, _KEY)
_RESHAPING: Final = ("Expand", "Identity", "Reshape", "Tile", "Transpose")
_BIAS: Final = re.compile(r"(?:^|\.)layer\.(\d+)\.attention\.self\.(query|key)_proj\.bias$")


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """A linear layer.

    Attributes:
        weight: float32 or int8 ``[in, out]``.
        bias: float32 ``[out]``.
        scale: float32 ``[out]``, what 1 in an int8 weight stands for; None for a float32 one.
    """

    weight: NDArray[Any]
    bias: _Floats
    scale: _Floats | None = None

    def quantized(self) -> Linear:
        """The same in int8, each output with a scale of its own."""
        if self.scale is not None:
            return self
        largest = np.abs(self.weight).max(axis=0)
        scale = (np.where(largest > 0, largest, 1) / _INT8_MAX).astype(np.float32)
        return Linear(np.rint(self.weight / scale).astype(np.int8), self.bias, scale)


@dataclass(frozen=True, slots=True, eq=False)
class Norm:
    """A layer normalisation; both float32 ``[width]``."""

    gain: _Floats
    bias: _Floats


@dataclass(frozen=True, slots=True, eq=False)
class BertLayer:
    """A transformer layer.

    Attributes:
        query: Projection; so are ``key`` and ``value``.
        attention_output: Projection of what attention gathers; ``attention_norm`` follows it.
        inner: First half of the feed-forward block, ``output`` the second; ``output_norm`` follows.
        key_table: float32 ``[rows, width]``, keys of the relative positions.
        query_table: Their queries.
    """

    query: Linear
    key: Linear
    value: Linear
    attention_output: Linear
    attention_norm: Norm
    inner: Linear
    output: Linear
    output_norm: Norm
    key_table: _Floats
    query_table: _Floats

    def quantized(self) -> BertLayer:
        """The same with its linear layers in int8."""
        return replace(
            self,
            query=self.query.quantized(),
            key=self.key.quantized(),
            value=self.value.quantized(),
            attention_output=self.attention_output.quantized(),
            inner=self.inner.quantized(),
            output=self.output.quantized(),
        )


@dataclass(frozen=True, slots=True, eq=False)
class BertWeights:
    """A language model.

    Attributes:
        embedding: float32 ``[vocabulary, width]``.
        embedding_norm: Follows it.
        convolution: float32 ``[width, width, 3]``, over the embeddings; added to the first layer.
        convolution_bias: float32 ``[width]``.
        convolution_norm: Follows the sum.
        layers: All that the published graph has.
        heads: Of attention.
        rows: int64 ``[2 * d + 1]``, row of the tables for a query that stands -d to d places after
            its key; all distances from d on are alike.
    """

    embedding: _Floats
    embedding_norm: Norm
    convolution: _Floats
    convolution_bias: _Floats
    convolution_norm: Norm
    layers: Sequence[BertLayer]
    heads: int
    rows: NDArray[np.int64]

    def quantized(self) -> BertWeights:
        """The same with all linear layers in int8."""
        return replace(self, layers=[layer.quantized() for layer in self.layers])


def read_bert(graph: Graph) -> BertWeights:
    """Find the weights of a published language model.

    Args:
        graph: DeBERTa-v2 with parameters named as in checkpoints; float, or quantized by ONNX
            Runtime's dynamic quantization with symmetric weights.

    Raises:
        UnknownGraph: It is built in another way.
    """
    parameters = _Parameters(graph)
    lookups = _find_lookups(graph)
    count = len(lookups) // 2
    if not count or lookups.keys() != {(n, kind) for n in range(count) for kind in _KINDS}:
        raise UnknownGraph("the language model does not attend to relative positions")
    embedding = parameters.floats("embeddings.word_embeddings.weight")
    # What queries are multiplied with are the keys of the positions, and the other way round.
    tables = {place: _read_table(graph, lookups[place], embedding.shape[1]) for place in lookups}
    layers = [
        parameters.layer(number, tables[number, _QUERY], tables[number, _KEY])
        for number in range(count)
    ]
    query = _evaluate(graph, lookups[0, _QUERY].projected, TensorProto.FLOAT, tokens=1)
    return BertWeights(
        embedding=embedding,
        embedding_norm=parameters.norm("embeddings.LayerNorm"),
        convolution=parameters.floats("encoder.conv.conv.weight"),
        convolution_bias=parameters.floats("encoder.conv.conv.bias"),
        convolution_norm=parameters.norm("encoder.conv.LayerNorm"),
        layers=layers,
        heads=query.shape[-3],
        rows=_observe_rows(graph, lookups[0, _QUERY].rows, len(layers[0].key_table)),
    )


class _Parameters:
    """Parameters by the ends of their names, which wrappers prolong in front."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._names = list(graph.constant_names())

    def floats(self, name: str) -> _Floats:
        """A parameter."""
        value = self._graph.constant(self._find(name))
        if value is None:
            raise UnknownGraph(f"the language model's {name} is no constant")
        return np.asarray(value, np.float32)

    def norm(self, name: str) -> Norm:
        """A layer normalisation."""
        return Norm(self.floats(f"{name}.weight"), self.floats(f"{name}.bias"))

    def linear(self, name: str) -> Linear:
        """A linear layer; its weight is that of the product to which its bias is added."""
        bias = self._find(f"{name}.bias")
        found = [
            weight
            for node in self._graph.consumers(bias)
            if (weight := _find_weight(self._graph, node, bias)) is not None
        ]
        if not found:
            raise UnknownGraph(f"the language model's {name} has no weight")
        # Query and key projections serve the relative positions too, in float even where the
        # rest is quantized.
        best = max(found, key=lambda item: item.scale is not None)
        return Linear(best.values, self.floats(f"{name}.bias"), best.scale)

    def layer(self, number: int, key_table: _Floats, query_table: _Floats) -> BertLayer:
        """A transformer layer."""
        scope = f"encoder.layer.{number}"
        return BertLayer(
            query=self.linear(f"{scope}.attention.self.query_proj"),
            key=self.linear(f"{scope}.attention.self.key_proj"),
            value=self.linear(f"{scope}.attention.self.value_proj"),
            attention_output=self.linear(f"{scope}.attention.output.dense"),
            attention_norm=self.norm(f"{scope}.attention.output.LayerNorm"),
            inner=self.linear(f"{scope}.intermediate.dense"),
            output=self.linear(f"{scope}.output.dense"),
            output_norm=self.norm(f"{scope}.output.LayerNorm"),
            key_table=key_table,
            query_table=query_table,
        )

    def _find(self, name: str) -> str:
        for candidate in self._names:
            if candidate == name or candidate.endswith(f".{name}"):
                return candidate
        raise UnknownGraph(f"the language model has no {name}")


class _Weight(NamedTuple):
    values: NDArray[Any]
    scale: _Floats | None


def _find_weight(graph: Graph, node: NodeProto, bias: str) -> _Weight | None:
    """The weight of the product that a bias is added to, ``[in, out]``."""
    waiting = [name for name in node.input if name != bias]
    while waiting:
        product = node if node.op_type == "Gemm" else graph.producer(waiting.pop())
        if product is None:
            continue
        if product.op_type in {"MatMul", "Gemm", "MatMulInteger"}:
            return _weight_of(graph, product)
        if product.op_type in {"Cast", "Mul"}:
            waiting.extend(product.input)
    return None


def _weight_of(graph: Graph, product: NodeProto) -> _Weight | None:
    weight = graph.constant(product.input[1])
    if weight is None:
        return None
    if product.op_type == "MatMulInteger":
        return _integers(graph, product, weight)
    if product.op_type == "Gemm" and attributes(product).get("transB"):
        weight = weight.T
    return _Weight(np.asarray(weight, np.float32), None)


def _integers(graph: Graph, product: NodeProto, weight: NDArray[Any]) -> _Weight:
    zero = graph.constant(product.input[3]) if len(product.input) > 3 else None
    shift = _UINT8_MIDDLE if weight.dtype == np.uint8 else 0
    if np.any((0 if zero is None else zero.astype(np.int16)) != shift):
        raise UnknownGraph(f"the weight {product.input[1]} is not symmetric")
    values = (weight.astype(np.int16) - shift).astype(np.int8)
    return _Weight(values, np.broadcast_to(_scale_of(graph, product), values.shape[1:]))


def _scale_of(graph: Graph, product: NodeProto) -> _Floats:
    """The product is cast and then multiplied with the scales of both operands, themselves so."""
    for cast in graph.consumers(product.output[0]):
        for scaling in graph.consumers(cast.output[0]):
            both = graph.producer(other_input(scaling, cast.output[0]))
            for name in both.input if both is not None else ():
                scale = graph.constant(name)
                if scale is not None:
                    return scale.astype(np.float32)
    raise UnknownGraph(f"the weight {product.input[1]} has no scale")


class _Lookup(NamedTuple):
    """Tensors of one product of queries or keys with the relative positions.

    Attributes:
        projected: Queries or keys, ``[..., heads, tokens, channels]``.
        table: What does not depend on the text: a value for each row, head and channel.
        rows: Row for each query and key, ``[..., tokens, tokens]``.
    """

    projected: str
    table: str
    rows: str


def _find_lookups(graph: Graph) -> dict[tuple[int, str], _Lookup]:
    """By layer and by what is multiplied with the relative positions."""
    varying = {info.name for info in graph.model.graph.input}
    for node in graph.model.graph.node:
        if not varying.isdisjoint(node.input):
            varying.update(node.output)
    lookups = {}
    for gather in graph.nodes("GatherElements"):
        product = graph.producer(gather.input[0])
        if product is None or product.op_type != "MatMul":
            continue
        projected, table = product.input
        origin = _find_projection(graph, projected)
        while table in varying:  # with the number of texts
            table = graph.made_by(table, *_RESHAPING).input[0]
        if origin is not None:
            lookups[origin] = _Lookup(projected, table, gather.input[1])
    return lookups


def _find_projection(graph: Graph, tensor: str) -> tuple[int, str] | None:
    """Layer and kind of the projection that a tensor is, but for its shape."""
    while (node := graph.producer(tensor)) is not None:
        if node.op_type == "Add":
            matches = (_BIAS.search(name) for name in node.input)
            return next(((int(match[1]), match[2]) for match in matches if match), None)
        if node.op_type not in _RESHAPING:
            return None
        tensor = node.input[0]
    return None


def _read_table(graph: Graph, lookup: _Lookup, width: int) -> _Floats:
    """A table of relative positions, ``[rows, width]``."""
    table = graph.constant(lookup.table)
    if table is None:
        table = _evaluate(graph, lookup.table, TensorProto.FLOAT)
    count = table.size // width
    if count * width != table.size or count not in table.shape:
        raise UnknownGraph(f"positions of the language model have the shape {table.shape}")
    by_row = np.moveaxis(table, table.shape.index(count), 0)
    return np.ascontiguousarray(by_row, np.float32).reshape(count, width)


def _observe_rows(graph: Graph, tensor: str, count: int) -> NDArray[np.int64]:
    """Rows of the tables by distance, read off where they are made.

    Args:
        graph: The published one.
        tensor: Row for each query and key, ``[..., tokens, tokens]``.
        count: Of the rows; the first and the last are for all that is far.
    """
    tokens = count + 1
    while tokens <= _MAX_DISTANCE:
        rows = _evaluate(graph, tensor, TensorProto.INT64, tokens=tokens)
        rows = rows.reshape(-1, tokens, tokens)[0]
        if rows[0, -1] == 0 and rows[-1, 0] == count - 1:
            return np.concatenate([rows[0, :0:-1], rows[:, 0]])
        tokens *= 2
    raise UnknownGraph("the language model tells positions apart at any distance")


def _evaluate(
    graph: Graph, tensor: str, element: int, *, tokens: int | None = None
) -> NDArray[Any]:
    """Value that a tensor has for any text.

    What it depends on is run as ONNX Runtime runs it to fold constants, so that a constant comes
    out the same to the last bit.

    Args:
        graph: The published one.
        tensor: Its name.
        element: Its type.
        tokens: Length of the text; None if it does not depend on that either.
    """
    inputs = [] if tokens is None else graph.model.graph.input
    value = helper.make_tensor_value_info("value", element, None)
    part = extract(graph, {info.name: info for info in inputs}, {tensor: value})
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.disable_prepacking", "1")
    try:
        session = ort.InferenceSession(
            part.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        text = np.ones((1, tokens or 0), np.int64)
        return np.asarray(session.run(None, {info.name: text for info in inputs})[0])
    except Exception as error:
        raise UnknownGraph(f"{tensor} of the language model: {error}") from error
