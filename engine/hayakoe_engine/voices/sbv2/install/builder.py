"""Writing ONNX graphs node by node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hayakoe_engine.voices.sbv2.install.graph import IR_VERSION, OPSET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from onnx import ModelProto

    Attribute: TypeAlias = int | float | str | Sequence[int] | Sequence[float]

_ALIGNMENT_BYTES: Final = 64
_ELEMENT: Final = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64}


class GraphBuilder:
    """A graph that grows; tensors are known by their names, which the methods return."""

    def __init__(self) -> None:
        # Weights go where they stay at once: there is not room for many copies everywhere.
        self._model = onnx.ModelProto(ir_version=IR_VERSION)
        self._graph = self._model.graph
        self._odd: list[TensorProto] = []
        self._integers: dict[tuple[int, ...], str] = {}

    def input(self, name: str, *shape: int | str, kind: str = "float32") -> str:
        """An input of the graph; sizes that differ from run to run are names."""
        self._graph.input.append(helper.make_tensor_value_info(name, _ELEMENT[kind], shape))
        return name

    def constant(self, value: NDArray[Any]) -> str:
        """A weight."""
        name = f"c{len(self._graph.initializer) + len(self._odd)}"
        tensor = numpy_helper.from_array(np.ascontiguousarray(value), name)
        (self._graph.initializer if is_aligned(tensor) else self._odd).append(tensor)
        return name

    def number(self, value: float) -> str:
        """A float32 scalar."""
        return self.constant(np.array(value, np.float32))

    def integers(self, *values: int) -> str:
        """An int64 vector: axes, shapes, places."""
        if values not in self._integers:
            self._integers[values] = self.constant(np.array(values, np.int64))
        return self._integers[values]

    def node(self, op_type: str, *inputs: str, domain: str = "", **attributes: Attribute) -> str:
        """A node with one output."""
        (output,) = self.nodes(op_type, 1, *inputs, domain=domain, **attributes)
        return output

    def nodes(
        self, op_type: str, outputs: int, *inputs: str, domain: str = "", **attributes: Attribute
    ) -> list[str]:
        """A node with several outputs."""
        number = len(self._graph.node)
        names = [f"t{number}_{index}" for index in range(outputs)]
        node = helper.make_node(op_type, inputs, names, f"{op_type}_{number}", domain=domain)
        node.attribute.extend(helper.make_attribute(*item) for item in attributes.items())
        self._graph.node.append(node)
        return names

    def reshape(self, tensor: str, *shape: int) -> str:
        """0 keeps a size, -1 is what is left."""
        return self.node("Reshape", tensor, self.integers(*shape))

    def transpose(self, tensor: str, *order: int) -> str:
        """Axis i of the result is axis ``order[i]``."""
        return self.node("Transpose", tensor, perm=order)

    def count(self, length: str) -> str:
        """The numbers from 0 on, int64 ``[n]``; ``length`` is n, int64 ``[1]``."""
        first, step = self.constant(np.array(0)), self.constant(np.array(1))
        return self.node("Range", first, self.node("Squeeze", length), step)

    def cut(self, tensor: str, start: int, stop: int, axis: int) -> str:
        """A slice; negative places count from the end, a stop of 0 is the end."""
        end = stop if stop != 0 else np.iinfo(np.int64).max
        places = (self.integers(start), self.integers(end), self.integers(axis))
        return self.node("Slice", tensor, *places)

    def pad(self, tensor: str, before: Sequence[int], after: Sequence[int]) -> str:
        """Zeros around a tensor, for each axis."""
        return self.node("Pad", tensor, self.integers(*before, *after))

    def total(self, tensors: Sequence[str]) -> str:
        """Sum of tensors, from left to right."""
        first, *others = tensors
        for other in others:
            first = self.node("Add", first, other)
        return first

    def model(self, outputs: dict[str, tuple[str, Sequence[int | str]]]) -> ModelProto:
        """The finished graph.

        Args:
            outputs: Name of each output to its tensor and shape.
        """
        graph = self._graph
        graph.name = "lean"
        for name, (tensor, shape) in outputs.items():
            graph.node.append(helper.make_node("Identity", [tensor], [name], f"output_{name}"))
            graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        graph.initializer.extend(self._odd)
        self._model.opset_import.append(helper.make_opsetid("", OPSET))
        self._model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        return self._model


def is_aligned(tensor: TensorProto) -> bool:
    """Whether what comes behind a constant in a file begins where it may.

    ONNX Runtime writes weights that it has prepared for its kernels one after the other, and the
    kernels crash on what does not begin at a multiple of 64 bytes; so other constants go last.
    """
    return len(tensor.raw_data) % _ALIGNMENT_BYTES == 0
