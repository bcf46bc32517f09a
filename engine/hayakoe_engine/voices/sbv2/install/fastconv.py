"""Convolutions with fewer multiplications (Toom-Cook, as Winograd's method for one dimension).

A tile of m results of a convolution with k places depends on m + k - 1 inputs. Seen as
polynomials, it can be had from products of values at as many points: the input is transformed,
multiplied by a transformed kernel and transformed back. Of tiles of 8 that takes 1.9 products per
result instead of 7, or 2.6 instead of 11; of tiles of 4, 2 instead of 5. Points that are large or
close together cost precision, so some pairs of points are replaced by the roots of a quadratic:
three real products for two points, but roots on the unit circle. All transforms are computed
exactly; the errors of the result are those of float32 times 10 to 30.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    _Matrix: TypeAlias = list[list[Fraction]]

_F = Fraction
_SMALL: Final = (_F(0), _F(1), _F(-1), _F(2), _F(-2), _F(1, 2), _F(-1, 2))
_MIXED: Final = (_F(3, 4), _F(-4, 3), _F(-3, 4), _F(4, 3))


@dataclass(frozen=True, slots=True)
class Points:
    """Where polynomials are evaluated; infinity is always among them.

    Attributes:
        real: Rational numbers.
        quadratics: ``(b, c)`` of x² + bx + c, whose two roots are taken.
    """

    real: tuple[Fraction, ...]
    quadratics: tuple[tuple[int, int], ...]


POINTS: Final = {
    (2, 5): Points(_SMALL[:5], ()),
    (8, 3): Points(_SMALL, ((0, 1),)),
    (8, 7): Points(_SMALL + _MIXED, ((0, 1),)),
    (8, 11): Points(_SMALL + _MIXED, ((0, 1), (1, 1), (-1, 1))),
}
"""Tile and kernel to the points that serve them."""


@dataclass(frozen=True, slots=True, eq=False)
class Transforms:
    """Matrices of a tile: ``y = output @ ((kernel @ w) * (input @ x))``; float64.

    Attributes:
        input: ``[products, tile + k - 1]``.
        kernel: ``[products, k]``.
        output: ``[tile, products]``.
    """

    input: NDArray[np.float64]
    kernel: NDArray[np.float64]
    output: NDArray[np.float64]

    @property
    def products(self) -> int:
        """Multiplications per tile."""
        return int(self.kernel.shape[0])

    def of_weights(self, weight: NDArray[np.float32]) -> NDArray[np.float32]:
        """Transformed weights.

        Args:
            weight: ``[out channels, in channels, k]``.

        Returns:
            ``[products, in channels, out channels]``.
        """
        transformed = np.tensordot(self.kernel, weight.astype(np.float64), axes=(1, 2))
        return np.ascontiguousarray(transformed.transpose(0, 2, 1), dtype=np.float32)


@cache
def transforms(tile: int, kernel: int) -> Transforms:
    """The transforms of one of the pairs in ``POINTS``."""
    points = POINTS[tile, kernel]
    inputs = tile + kernel - 1
    products = _products_of_residues(points)
    evaluated = _residues(points, inputs)
    to_coefficients = _solve(evaluated, _residues_of_products(points))
    # A correlation is the transpose of a product of polynomials.
    matrices = Transforms(
        input=_as_array(to_coefficients).T,
        kernel=_as_array(_multiply(products, _residues(points, kernel))),
        output=_as_array(_multiply(products, _residues(points, tile))).T,
    )
    return _balance(matrices)


def _residues(points: Points, length: int) -> _Matrix:
    """Matrix that takes coefficients to values at the real points and residues at the others."""
    rows = [[point**power for power in range(length)] for point in points.real]
    rows.append([_F(power == length - 1) for power in range(length)])
    for b, c in points.quadratics:
        constant, linear = [], []
        residue = (_F(1), _F(0))
        for _ in range(length):
            constant.append(residue[0])
            linear.append(residue[1])
            residue = (-c * residue[1], residue[0] - b * residue[1])
        rows += [constant, linear]
    return rows


def _products_of_residues(points: Points) -> _Matrix:
    """Matrix that takes residues to the factors of the products: r0, r1 and r0 + r1 of a pair."""
    real = len(points.real) + 1
    width = real + 2 * len(points.quadratics)
    rows = [_unit(width, place) for place in range(real)]
    for pair in range(real, width, 2):
        first, second = _unit(width, pair), _unit(width, pair + 1)
        rows += [first, second, [a + b for a, b in zip(first, second, strict=True)]]
    return rows


def _residues_of_products(points: Points) -> _Matrix:
    """Matrix that takes the products to the residues of the product."""
    real = len(points.real) + 1
    width = real + 3 * len(points.quadratics)
    rows = [_unit(width, place) for place in range(real)]
    for number, (b, c) in enumerate(points.quadratics):
        at = real + 3 * number
        constant, linear = _unit(width, at), _unit(width, at + 2)
        constant[at + 1] = _F(-c)
        linear[at] = _F(-1)
        linear[at + 1] = _F(-1 - b)
        rows += [constant, linear]
    return rows


def _unit(width: int, place: int) -> list[Fraction]:
    return [_F(index == place) for index in range(width)]


def _multiply(left: _Matrix, right: _Matrix) -> _Matrix:
    columns = list(zip(*right, strict=True))
    return [[_dot(row, column) for column in columns] for row in left]


def _dot(left: Sequence[Fraction], right: Sequence[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(left, right, strict=True)), _F(0))


def _solve(matrix: _Matrix, right: _Matrix) -> _Matrix:
    """X of ``matrix @ X = right``."""
    size = len(matrix)
    rows = [[*left, *more] for left, more in zip(matrix, right, strict=True)]
    for column in range(size):
        pivot = next(row for row in range(column, size) if rows[row][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        factor = rows[column][column]
        rows[column] = [value / factor for value in rows[column]]
        for row in range(size):
            factor = rows[row][column]
            if row != column and factor:
                pairs = zip(rows[row], rows[column], strict=True)
                rows[row] = [value - factor * other for value, other in pairs]
    return [row[size:] for row in rows]


def _as_array(rows: _Matrix) -> NDArray[np.float64]:
    return np.array([[float(value) for value in row] for row in rows])


def _balance(matrices: Transforms) -> Transforms:
    """Move powers of two into the kernel's transform, so that no product is much larger."""
    of_input = _power_of_two(np.abs(matrices.input).max(axis=1))
    of_output = _power_of_two(np.abs(matrices.output).max(axis=0))
    return Transforms(
        input=matrices.input / of_input[:, None],
        kernel=matrices.kernel * (of_input * of_output)[:, None],
        output=matrices.output / of_output,
    )


def _power_of_two(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp2(np.round(np.log2(values)))
