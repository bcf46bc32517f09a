"""What an ONNX file says of itself, read without its weights and without the onnx package."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Final

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.reading_files import blaming

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["check_onnx", "read_metadata"]

_GIT_LFS: Final = b"version https://git-lfs"
# Of protobuf: the kinds of fields that ONNX has; of ONNX: the numbers of some fields.
_VARINT: Final = 0
_BYTES: Final = 2
_GRAPH: Final = 7
_METADATA: Final = 14
_KEY: Final = 1
_VALUE: Final = 2
_MAX_FIELDS: Final = 100_000
_MAX_KEY_BYTES: Final = 1000


def check_onnx(path: Path) -> None:
    """Look whether a file is ONNX and whole, without reading it all.

    Raises:
        BadVoiceFiles: It is not, or cannot be read; the message names it.
    """
    read_metadata(path, {})


def read_metadata(path: Path, max_bytes: Mapping[str, int]) -> dict[str, bytes]:
    """Read what an ONNX file carries beside its graph, and look whether it is whole.

    Args:
        path: The file.
        max_bytes: How large the value of each key may be; other keys are passed over.

    Returns:
        The values of those keys that are there.

    Raises:
        BadVoiceFiles: It is no ONNX file, is cut off, or a value is too large; the message names
            it.
    """
    with blaming(path), path.open("rb") as file:
        if file.read(len(_GIT_LFS)) == _GIT_LFS:
            raise BadVoiceFiles(
                f"{path}: is a pointer of Git LFS in place of the file",
                hint="fetch it with: git lfs pull",
            )
        file.seek(0)
        has_graph = False
        metadata = {}
        for field, end in _fields(file, path.stat().st_size):
            has_graph |= field == _GRAPH
            if field == _METADATA:
                key, place, size_bytes = _read_entry(file, end)
                if key in max_bytes:
                    metadata[key] = _read_value(file, key, place, size_bytes, max_bytes[key])
        if not has_graph:
            raise ValueError("is no ONNX file")
        return metadata


def _read_entry(file: BinaryIO, end: int) -> tuple[str, int, int]:
    """Of an entry that begins here: its key, where its value begins, and the value's length."""
    key, place, size_bytes = b"", 0, 0
    for field, field_end in _fields(file, end):
        if field == _KEY:
            key = file.read(min(field_end - file.tell(), _MAX_KEY_BYTES))
        elif field == _VALUE:
            place = file.tell()
            size_bytes = field_end - place
    return key.decode(errors="replace"), place, size_bytes


def _read_value(file: BinaryIO, key: str, place: int, size_bytes: int, max_bytes: int) -> bytes:
    if size_bytes > max_bytes:
        raise ValueError(f"{key} is larger than {max_bytes} bytes")
    file.seek(place)
    return file.read(size_bytes)


def _fields(file: BinaryIO, end: int) -> Iterator[tuple[int, int]]:
    """Step through the fields of the protobuf message that begins here; the last must end with it.

    Yields:
        Number of a field and where it ends; the file stands where its content begins, and may be
        left anywhere.
    """
    for _ in range(_MAX_FIELDS):
        if file.tell() == end:
            return
        field, kind = divmod(_read_varint(file), 8)
        if field == 0 or kind not in {_VARINT, _BYTES}:
            break
        value = _read_varint(file)
        if kind == _BYTES:
            field_end = file.tell() + value
            if field_end > end:
                raise ValueError(f"is cut off at {end} bytes")
            yield field, field_end
            file.seek(field_end, os.SEEK_SET)
    raise ValueError("is no ONNX file")


def _read_varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 64, 7):
        byte = file.read(1)
        if not byte:
            break
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError("is no ONNX file")
