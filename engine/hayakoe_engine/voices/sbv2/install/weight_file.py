"""Weights that several graphs share, in a file beside them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from onnx import TensorProto

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import ModelProto

_LEAST_BYTES: Final = 1 << 10
"""What is smaller stays in its graph, where ONNX Runtime wants to see shapes."""
_ALIGNMENT_BYTES: Final = 64


class WeightFile:
    """A file of weights; those that are in several graphs are in it once.

    Args:
        file: Made with the first weight.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._size_bytes = 0
        self._offsets: dict[bytes, int] = {}

    def save(self, model: ModelProto, name: str) -> int:
        """Save a graph beside this file, with its weights in it.

        Args:
            model: The graph, which loses its weights.
            name: Of its file.

        Returns:
            Bytes of the weights that it needs of this file.

        Raises:
            OSError: Something cannot be written.
        """
        needed_bytes = 0
        for tensor in model.graph.initializer:
            if len(tensor.raw_data) >= _LEAST_BYTES:
                needed_bytes += len(tensor.raw_data)
                self._move(tensor)
        self._file.with_name(name).write_bytes(model.SerializeToString())
        return needed_bytes

    def _move(self, tensor: TensorProto) -> None:
        data = tensor.raw_data
        digest = hashlib.sha256(data).digest()
        if digest not in self._offsets:
            with self._file.open("ab") as file:
                self._size_bytes += file.write(bytes(-self._size_bytes % _ALIGNMENT_BYTES))
                self._offsets[digest] = self._size_bytes
                self._size_bytes += file.write(data)
        place = {"location": self._file.name, "offset": self._offsets[digest], "length": len(data)}
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
