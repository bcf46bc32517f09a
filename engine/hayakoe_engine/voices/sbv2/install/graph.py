"""Reading an ONNX graph: who makes a tensor, who takes it, what is constant; and cutting it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
from onnx import helper, numpy_helper

from hayakoe_engine.voices.sbv2.installed import NotInstallable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from onnx import ModelProto, NodeProto, ValueInfoProto

OPSET: Final = 17
IR_VERSION: Final = 8


class UnknownGraph(NotInstallable):
    """A published graph is not built the way it is expected to be; the message says in what."""


class Graph:
    """Index of a model's graph; the model itself is not changed.

    Attributes:
        model: The model.
    """

    def __init__(self, model: ModelProto) -> None:
        self.model = model
        self._constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self._producers: dict[str, NodeProto] = {}
        self._consumers: dict[str, list[NodeProto]] = {}
        for node in model.graph.node:
            for name in node.output:
                self._producers[name] = node
            for name in set(inputs_of(node)):
                self._consumers.setdefault(name, []).append(node)

    def producer(self, tensor: str) -> NodeProto | None:
        """The node that makes a tensor; None for inputs and initializers."""
        return self._producers.get(tensor)

    def made_by(self, tensor: str, *op_types: str) -> NodeProto:
        """The node that makes a tensor, which must be of one of these types.

        Raises:
            UnknownGraph: It is not.
        """
        node = self.producer(tensor)
        if node is None or node.op_type not in op_types:
            what = "no node" if node is None else node.op_type
            raise UnknownGraph(f"{tensor} is made by {what}, not by {' or '.join(op_types)}")
        return node

    def consumers(self, tensor: str) -> Sequence[NodeProto]:
        """The nodes that take a tensor."""
        return self._consumers.get(tensor, ())

    def nodes(self, op_type: str) -> Iterator[NodeProto]:
        """All nodes of one type, in topological order."""
        return (node for node in self.model.graph.node if node.op_type == op_type)

    def constant(self, tensor: str) -> NDArray[Any] | None:
        """Value of a tensor that depends on no input; None if it does, or is too far from one."""
        if tensor in self._constants:
            return numpy_helper.to_array(self._constants[tensor])
        node = self.producer(tensor)
        if node is None:
            return None
        if node.op_type == "Constant":
            return np.asarray(next(iter(attributes(node).values())))
        # Exporters write equal initializers once, and an Identity for each further name.
        if node.op_type not in _FOLDED:
            return None
        value = self.constant(node.input[0])
        return None if value is None else _FOLDED[node.op_type](value)

    def ancestors(self, *tensors: str) -> set[str]:
        """All tensors that these depend on, themselves included."""
        seen = set(tensors)
        waiting = deque(tensors)
        while waiting:
            node = self.producer(waiting.popleft())
            for name in inputs_of(node) if node is not None else ():
                if name not in seen:
                    seen.add(name)
                    waiting.append(name)
        return seen

    def constant_names(self) -> Iterator[str]:
        """Names of all initializers and of what is equal to one."""
        yield from self._constants
        yield from (node.output[0] for node in self.nodes("Identity"))


_FOLDED: Final[dict[str, Callable[..., NDArray[Any]]]] = {
    "Identity": lambda value: value,
    "Cast": lambda value: value,
    "Neg": np.negative,
    "Exp": np.exp,
}


def inputs_of(node: NodeProto) -> Iterator[str]:
    """Names of what a node takes, also of what the branches of an ``If`` take from outside."""
    yield from (name for name in node.input if name)
    for attribute in node.attribute:
        if attribute.HasField("g"):
            inner = {name for inside in attribute.g.node for name in inside.output}
            inner.update(tensor.name for tensor in attribute.g.initializer)
            for inside in attribute.g.node:
                yield from (name for name in inputs_of(inside) if name not in inner)


def attributes(node: NodeProto) -> dict[str, Any]:
    """A node's attributes; tensors as arrays."""
    values = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    return {
        name: numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value
        for name, value in values.items()
    }


def other_input(node: NodeProto, tensor: str) -> str:
    """The operand of a two-operand node that is not this one."""
    first, second = node.input
    return str(second if first == tensor else first)


def extract(
    graph: Graph,
    inputs: Mapping[str, ValueInfoProto],
    outputs: Mapping[str, ValueInfoProto],
    aliases: Mapping[str, str] | None = None,
) -> ModelProto:
    """The part of a graph between some tensors, as a model of its own.

    Args:
        graph: The whole.
        inputs: Tensor to what it is as an input of the part.
        outputs: Tensor to what it is as an output of the part.
        aliases: Tensor to the one to be taken instead of it.

    Raises:
        UnknownGraph: The part depends on something that is not among its inputs.
    """
    replaced: Mapping[str, str] = aliases or {}

    def resolve(name: str) -> str:
        while name in replaced:
            name = replaced[name]
        return name

    renamed = {tensor: info.name for tensor, info in inputs.items()}
    renamed |= {resolve(tensor): info.name for tensor, info in outputs.items()}
    needed = _needed(graph, map(resolve, outputs), inputs, resolve)
    part = onnx.ModelProto(ir_version=graph.model.ir_version)
    part.opset_import.extend(graph.model.opset_import)
    part.graph.name = "part"
    part.graph.input.extend(inputs.values())
    part.graph.output.extend(outputs.values())
    for node in graph.model.graph.node:
        if needed.isdisjoint(node.output) or not inputs.keys().isdisjoint(node.output):
            continue
        copy = part.graph.node.add()
        copy.CopyFrom(node)
        copy.input[:] = [renamed.get(name, name) for name in map(resolve, node.input)]
        copy.output[:] = [renamed.get(name, name) for name in node.output]
    constants = (item for item in graph.model.graph.initializer if item.name in needed)
    part.graph.initializer.extend(constants)
    return part


def _needed(
    graph: Graph,
    outputs: Iterable[str],
    inputs: Collection[str],
    resolve: Callable[[str], str],
) -> set[str]:
    """All tensors that the outputs depend on, as far as the inputs."""
    published = {item.name for item in graph.model.graph.input}
    needed: set[str] = set()
    waiting = deque(outputs)
    while waiting:
        tensor = waiting.popleft()
        if tensor in needed or tensor in inputs:
            continue
        needed.add(tensor)
        if tensor in published:
            raise UnknownGraph(f"{tensor} is used where it was not expected")
        node = graph.producer(tensor)
        if node is not None:
            if any(attribute.HasField("g") for attribute in node.attribute):
                raise UnknownGraph(f"{node.op_type} {node.name} has branches")
            waiting.extend(map(resolve, inputs_of(node)))
    return needed
