"""``style_vectors.npy`` of a published voice: what its styles sound like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, Self

import numpy as np
from numpy.lib import format as npy

from hayakoe_engine.voices.sbv2.reading_files import blaming

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["StyleVectors"]

_STYLE_WIDTH: Final = 256
_MAX_STYLES: Final = 4096


@dataclass(frozen=True, slots=True, eq=False)
class StyleVectors:
    """The styles of a voice.

    Attributes:
        vectors: float32 ``[styles, 256]``; the first is the mean of all that the voice has said.
        rows: Row of each style by its name.
    """

    vectors: NDArray[np.float32]
    rows: Mapping[str, int]

    @classmethod
    def load(cls, path: Path, rows: Mapping[str, int]) -> Self:
        """Read a ``style_vectors.npy``; what it says of itself is checked before its numbers.

        Args:
            path: The file; nothing of it is ever unpickled.
            rows: Row of each style by its name.

        Raises:
            BadVoiceFiles: It cannot be read, is no such array, or lacks a style's row.
        """
        with blaming(path), path.open("rb") as file:
            return cls.read(file, path.stat().st_size, rows)

    @classmethod
    def read(cls, file: BinaryIO, size_bytes: int, rows: Mapping[str, int]) -> Self:
        """Read what is in a ``style_vectors.npy``, as ``load`` does.

        Args:
            file: Stands at its beginning.
            size_bytes: What there is to read.
            rows: Row of each style by its name.

        Raises:
            OSError: It cannot be read.
            ValueError: It is no such array, or lacks a style's row.
        """
        vectors = _read_vectors(file, size_bytes)
        for style, row in rows.items():
            if row >= len(vectors):
                raise ValueError(f"has {len(vectors)} styles, but style {style!r} is number {row}")
        return cls(vectors, rows)

    def mix(self, shares: Mapping[str, float], weight: float = 1.0) -> NDArray[np.float32]:
        """The style vector to speak with, float32 ``[256]``.

        Args:
            shares: Share of each style, by name; they add up to 1.
            weight: How far from the mean: 0 is the mean, 1 the style, above it is exaggerated.
        """
        mean = self.vectors[0]
        styles = self.vectors[[self.rows[name] for name in shares]]
        style = np.array(list(shares.values()), np.float32) @ styles
        vector: NDArray[np.float32] = mean + np.float32(weight) * (style - mean)
        return vector


def _read_vectors(file: BinaryIO, size_bytes: int) -> NDArray[np.float32]:
    shape, is_fortran, dtype = _read_header(file)
    if dtype.kind != "f" or dtype.itemsize > 8:
        raise ValueError(f"has numbers of type {dtype}; style vectors are floating-point numbers")
    if len(shape) != 2 or shape[1] != _STYLE_WIDTH or not 1 <= shape[0] <= _MAX_STYLES:
        raise ValueError(
            f"has the shape {list(shape)}; style vectors have [number of styles, {_STYLE_WIDTH}]"
        )
    expected = shape[0] * shape[1] * dtype.itemsize
    if size_bytes - file.tell() != expected:
        raise ValueError(f"has {size_bytes - file.tell()} bytes of numbers in place of {expected}")
    numbers = np.frombuffer(file.read(expected), dtype)
    vectors = numbers.reshape(shape, order="F" if is_fortran else "C")
    with np.errstate(over="ignore"):
        vectors = np.ascontiguousarray(vectors, np.float32)
    if not np.isfinite(vectors).all():
        raise ValueError("has values that are not finite")
    return vectors


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    try:
        version = npy.read_magic(file)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        header: tuple[tuple[int, ...], bool, np.dtype[np.generic]] = read(file)
    except Exception as error:
        raise ValueError("is no array of numpy") from error
    return header
