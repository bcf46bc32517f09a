"""The duration predictors, written lean: see ``rows``.

The stochastic one bends noise by the inverses of splines; they take most of the nodes of the
published graph. Here the bins of all places are found at once, by products with constants.
"""

from __future__ import annotations

from math import log, sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.voices.sbv2.install.graph import UnknownGraph, other_input

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hayakoe_engine.voices.sbv2.install.graph import Graph
    from hayakoe_engine.voices.sbv2.install.rows import RowWriter

_BINS: Final = 10
_TAIL: Final = 5.0
_SMALLEST: Final = 1e-3
_FLOWS: Final = (7, 5, 3)
_INT64: Final = 7


class DurationWriter:
    """Writes the predictors into a graph; both give logarithmic durations ``[time, 1]``.

    Args:
        rows: Writes their layers.
        graph: The published encoder.
    """

    def __init__(self, rows: RowWriter, graph: Graph) -> None:
        self._rows = rows
        self._builder = rows.builder
        self._graph = graph

    def deterministic(self, hidden: str, speaker: str) -> str:
        """The same durations every time.

        Args:
            hidden: ``[time, hidden]``.
            speaker: ``[1, speaker channels]``.
        """
        rows = self._rows
        x = rows.add(hidden, rows.pointwise(speaker, "dp.cond"))
        for layer in (1, 2):
            x = self._builder.node("Relu", rows.convolve(x, f"dp.conv_{layer}"))
            x = rows.normalise(x, f"dp.norm_{layer}")
        return rows.pointwise(x, "dp.proj")

    def stochastic(self, hidden: str, speaker: str, noise: str) -> str:
        """Different durations for different noise.

        Args:
            hidden: ``[time, hidden]``.
            speaker: ``[1, speaker channels]``.
            noise: ``[time, 2]``.
        """
        rows = self._rows
        context = rows.add(rows.pointwise(hidden, "sdp.pre"), rows.pointwise(speaker, "sdp.cond"))
        context = rows.pointwise(self._dilated(context, "sdp.convs"), "sdp.proj")
        kept, bent = self._builder.nodes("Split", 2, noise, axis=1)
        for number in _FLOWS:
            # Before every coupling the two channels change places.
            kept, bent = bent, kept
            bent = self._couple(kept, bent, context, f"sdp.flows.{number}")
        shift, scale = self._affine("sdp.flows.0")
        moved = self._builder.node("Sub", bent, self._builder.number(shift))
        return self._builder.node("Mul", moved, self._builder.number(scale))

    def _dilated(self, x: str, key: str) -> str:
        """Residual layers that read ever more distant places."""
        rows = self._rows
        layer = 0
        while f"{key}.convs_sep.{layer}.weight" in rows.weights:
            y = rows.convolve_each(x, f"{key}.convs_sep.{layer}", 3**layer)
            y = self._gelu(rows.normalise(y, f"{key}.norms_1.{layer}"))
            y = rows.pointwise(y, f"{key}.convs_1x1.{layer}")
            x = rows.add(x, self._gelu(rows.normalise(y, f"{key}.norms_2.{layer}")))
            layer += 1
        return x

    def _gelu(self, x: str) -> str:
        return self._builder.node("Gelu", x, domain="com.microsoft")

    def _couple(self, kept: str, bent: str, context: str, key: str) -> str:
        """The other channel bent, by a spline that the one that is kept gives: ``[time, 1]``."""
        rows = self._rows
        x = rows.add(rows.pointwise(kept, f"{key}.pre"), context)
        x = self._dilated(x, f"{key}.convs")
        return self._unbend(bent, self._spline(rows.linear(x, *self._spline_weights(key))))

    def _spline_weights(self, key: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weights of what gives unnormalised widths, heights and slopes, of all knots."""
        weight, bias = self._rows.weights.pointwise(f"{key}.proj")
        if weight.shape[1] != 3 * _BINS - 1:
            raise UnknownGraph(f"{key} has not {_BINS} bins")
        weight, bias = weight.copy(), bias.copy()
        scale = np.float32(1 / sqrt(len(weight)))
        weight[:, : 2 * _BINS] *= scale
        bias[: 2 * _BINS] *= scale
        # At both ends the slope is 1.
        outside = log(np.expm1(1 - _SMALLEST))
        weight = np.insert(weight, [2 * _BINS, 3 * _BINS - 1], 0, axis=1)
        return weight, np.insert(bias, [2 * _BINS, 3 * _BINS - 1], outside)

    def _spline(self, unnormalised: str) -> str:
        """Of every place and knot its x, its y and the slope there: ``[time, 3, knots]``."""
        builder = self._builder
        sizes = builder.cut(unnormalised, 0, 2 * _BINS, 1)
        sizes = builder.node("Softmax", builder.reshape(sizes, -1, 2, _BINS), axis=-1)
        # The sum of the bins before every knot; both ends are where they are.
        before = np.triu(np.ones((_BINS, _BINS + 1)), 1)
        before[:, _BINS] = 0
        least = _SMALLEST * np.arange(_BINS + 1)
        least[_BINS] = 1
        sums = builder.node(
            "MatMul",
            sizes,
            builder.constant(_float32(2 * _TAIL * (1 - _SMALLEST * _BINS) * before)),
        )
        knots = builder.node("Add", sums, builder.constant(_float32(_TAIL * (2 * least - 1))))
        slopes = builder.node("Softplus", builder.cut(unnormalised, 2 * _BINS, 0, 1))
        slopes = builder.node("Add", slopes, builder.number(_SMALLEST))
        return builder.node(
            "Concat", knots, builder.node("Unsqueeze", slopes, builder.integers(1)), axis=1
        )

    def _unbend(self, y: str, spline: str) -> str:
        """Where a rational-quadratic spline has the value ``[time, 1]``."""

        def node(op_type: str, *inputs: str) -> str:
            return self._builder.node(op_type, *inputs)

        builder = self._builder
        low, high = builder.number(-_TAIL), builder.number(_TAIL)
        value = node("Unsqueeze", node("Clip", y, low, high), builder.integers(2))
        inner = builder.cut(builder.cut(spline, 1, 2, 1), 1, -1, 2)
        passed = builder.node("Cast", node("GreaterOrEqual", value, inner), to=_INT64)
        bin_ = node("ReduceSum", passed, builder.integers(2))
        ends = node("Expand", node("Add", bin_, builder.integers(0, 1)), builder.integers(1, 3, 1))
        left_end, right_end = builder.nodes(
            "Split", 2, builder.node("GatherElements", spline, ends, axis=2), axis=2
        )
        left, bottom, slope = builder.nodes("Split", 3, left_end, axis=1)
        width, height, _ = builder.nodes("Split", 3, node("Sub", right_end, left_end), axis=1)
        slopes = node("Add", slope, builder.cut(right_end, 2, 3, 1))
        secant = node("Div", height, width)
        rise = node("Sub", value, bottom)
        bend = node("Mul", rise, node("Sub", slopes, node("Add", secant, secant)))
        a = node("Add", bend, node("Mul", height, node("Sub", secant, slope)))
        b = node("Sub", node("Mul", height, slope), bend)
        c = node("Mul", secant, rise)
        # 2c / (b + √(b² + 4ac)); what is under the root may be slightly negative.
        under = node("Add", node("Mul", b, b), node("Mul", builder.number(4), node("Mul", a, c)))
        root = node("Sqrt", node("Relu", under))
        share = node("Div", node("Add", c, c), node("Add", b, root))
        x = node("Squeeze", node("Add", node("Mul", share, width), left), builder.integers(2))
        return node("Where", node("LessOrEqual", node("Abs", y), high), x, y)

    def _affine(self, key: str) -> tuple[float, float]:
        """What is subtracted from the first channel, and what it is then multiplied by."""
        weights, graph = self._rows.weights, self._graph
        # Exporters compute what they can of the scale, so it has no name that one could rely on.
        for subtraction in graph.consumers(weights.name(f"{key}.m")):
            for product in graph.consumers(subtraction.output[0]):
                if product.op_type == "Mul":
                    scale = graph.constant(other_input(product, subtraction.output[0]))
                    if scale is not None:
                        return float(weights[f"{key}.m"][0].item()), float(scale[0].item())
        raise UnknownGraph(f"{key} is not scaled by a constant")


def _float32(value: NDArray[np.floating]) -> NDArray[np.float32]:
    return value.astype(np.float32)
