"""Pictures for voices that have none: a pattern in a colour of their own, as PNG."""

from __future__ import annotations

import colorsys
import hashlib
import struct
import zlib
from functools import lru_cache
from typing import Final

__all__ = ["picture_of"]

_CELLS: Final = 5
_CELL_PIXELS: Final = 16
_BACKGROUND: Final = bytes((245, 245, 245))


@lru_cache(maxsize=256)
def picture_of(name: str) -> bytes:
    """The picture that belongs to a name, always the same."""
    digest = hashlib.sha256(name.encode()).digest()
    red, green, blue = colorsys.hls_to_rgb(digest[0] / 256, 0.5, 0.6)
    colour = bytes(round(255 * part) for part in (red, green, blue))
    half = (_CELLS + 1) // 2
    rows = []
    for row in range(_CELLS):
        left = [digest[1 + row * half + column] % 2 for column in range(half)]
        cells = left + left[_CELLS // 2 - 1 :: -1]
        rows += [[colour if cell else _BACKGROUND for cell in cells]] * _CELL_PIXELS
    lines = (b"\0" + b"".join(pixel * _CELL_PIXELS for pixel in row) for row in rows)
    side = _CELLS * _CELL_PIXELS
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        + _chunk(b"IDAT", zlib.compress(b"".join(lines)))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
