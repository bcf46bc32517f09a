"""Weights of a published graph by the names they had in training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hayakoe_engine.voices.sbv2.install.graph import UnknownGraph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hayakoe_engine.voices.sbv2.install.graph import Graph


class Weights:
    """The constants of a graph, by checkpoint key.

    The exporter puts something before every key (``net_g.``), and gives weights of linear layers,
    which it transposes, names of its own: those are found through their biases.

    Args:
        graph: A part of a synthesizer.
        scopes: First parts of all keys looked for, such as ``flow``.
    """

    def __init__(self, graph: Graph, *scopes: str) -> None:
        self._graph = graph
        self._names: dict[str, str] = {}
        for name in graph.constant_names():
            parts = name.split(".")
            for place, part in enumerate(parts[:2]):
                if part in scopes:
                    self._names.setdefault(".".join(parts[place:]), name)

    def __contains__(self, key: str) -> bool:
        return key in self._names

    def __getitem__(self, key: str) -> NDArray[np.float32]:
        """A weight.

        Raises:
            UnknownGraph: There is none of this name.
        """
        value = self._graph.constant(self.name(key))
        if value is None:
            raise UnknownGraph(f"{key} is not constant")
        return np.asarray(value, np.float32)

    def name(self, key: str) -> str:
        """The tensor's name in the graph.

        Raises:
            UnknownGraph: There is none.
        """
        if key not in self._names:
            raise UnknownGraph(f"there are no weights called {key}")
        return self._names[key]

    def pointwise(self, key: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weight ``[in, out]`` and bias ``[out]`` of a convolution that reads one place."""
        weight = self[f"{key}.weight"]
        if weight.shape[2:] != (1,):
            raise UnknownGraph(f"{key} reads {weight.shape[2:]} places instead of one")
        return weight[:, :, 0].T, self[f"{key}.bias"]

    def linear(self, key: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weight ``[in, out]`` and bias ``[out]`` of a linear layer."""
        bias = self[f"{key}.bias"]
        if f"{key}.weight" in self:
            return self[f"{key}.weight"].T, bias
        for added in self._graph.consumers(self.name(f"{key}.bias")):
            for name in added.input:
                product = self._graph.producer(name)
                if product is None or product.op_type != "MatMul":
                    continue
                weight = self._graph.constant(product.input[1])
                if weight is not None and weight.ndim == 2:
                    return np.asarray(weight, np.float32), bias
        raise UnknownGraph(f"the linear layer {key} was not found by its bias")
