"""Weights and products in eight bits: faster, smaller, and not quite the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hayakoe_engine.voices.sbv2.install.builder import GraphBuilder

LARGEST: Final = 127
"""Largest 8-bit weight; the smallest is its negative, so that zero is zero."""

_FLOAT: Final = 1


def quantized_product(
    builder: GraphBuilder,
    x: str,
    weight: NDArray[np.float32],
    *,
    collect: Callable[[str], str] = lambda values: values,
) -> str:
    """A product with a constant matrix, taken of 8-bit integers.

    What is multiplied is quantized as it comes, over its own range; the weights are, for every
    column of the matrix, over the column's.

    Args:
        builder: Of the graph.
        x: What is multiplied, or what it is collected from.
        weight: ``[in, out]``.
        collect: Makes of ``x``, quantized, the rows that are multiplied.
    """
    integers, scale = quantized_weights(weight.T)
    values, step, zero = builder.nodes("DynamicQuantizeLinear", 3, x)
    values = collect(values)
    product = builder.node("MatMulInteger", values, builder.constant(integers.T), zero)
    # ONNX Runtime makes one node of these and the two before.
    product = builder.node("Cast", product, to=_FLOAT)
    return builder.node("Mul", product, builder.node("Mul", step, builder.constant(scale)))


def quantized_weights(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Weights as integers, and what the integers of each channel out are to be multiplied by.

    Args:
        weight: Of any shape, first axis the channels out.
    """
    scale = np.abs(weight.reshape(len(weight), -1)).max(axis=1) / LARGEST
    scale[scale == 0] = 1
    integers = np.rint(weight / scale.reshape(-1, *[1] * (weight.ndim - 1)))
    return integers.astype(np.int8), scale.astype(np.float32)
