"""Pictures of numbers, as PNG files."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PALETTE: Final = 3
_COLOURS: Final = (
    (0.00, (8, 8, 20)),
    (0.25, (50, 20, 110)),
    (0.50, (165, 45, 115)),
    (0.75, (245, 125, 70)),
    (1.00, (252, 250, 195)),
)
"""From the least to the greatest value; as many shades lie between them as a byte can name."""


def heat_map(values: NDArray[np.floating], lowest: float, highest: float) -> bytes:
    """A PNG file with a pixel for each value, brighter for greater ones.

    Args:
        values: ``[height, width]``, the top row first; at least one.
        lowest: What is this or less is darkest.
        highest: What is this or more is brightest.
    """
    height, width = values.shape
    shares = np.clip((values - lowest) / (highest - lowest), 0, 1)
    shades = np.rint(shares * 255).astype(np.uint8)
    # Every row begins with the number of its filter; 0 is none.
    rows = np.concatenate([np.zeros((height, 1), np.uint8), shades], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, _PALETTE, 0, 0, 0)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", _palette()),
            _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def _palette() -> bytes:
    places = [place for place, _ in _COLOURS]
    channels = zip(*(colour for _, colour in _COLOURS), strict=True)
    steps = np.linspace(0, 1, 256)
    columns = [np.interp(steps, places, channel) for channel in channels]
    return bytes(np.rint(np.stack(columns, axis=1)).astype(np.uint8))


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
