"""A spoken sentence as bytes, and back."""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.audio import PhoneTiming, float_to_pcm16
from hayakoe_engine.window import MadeWindow

if TYPE_CHECKING:
    from collections.abc import Sequence

_LENGTH: Final = struct.Struct("<I")


def encode_phrase(phrase: Sequence[MadeWindow]) -> bytes:
    """The windows of a sentence.

    Lengths and timings are kept as they are, and samples as signed 16 bit.
    """
    description = [
        (len(window.samples), [(t.phone, t.start_s, t.duration_s) for t in window.timings])
        for window in phrase
    ]
    head = zlib.compress(json.dumps(description).encode(), 1)
    pcm = [float_to_pcm16(window.samples).astype("<i2", copy=False) for window in phrase]
    return b"".join([_LENGTH.pack(len(head)), head, *(part.tobytes() for part in pcm)])


def decode_phrase(content: bytes) -> tuple[MadeWindow, ...]:
    """The windows that ``encode_phrase`` was given.

    Their samples are those that give the same 16-bit PCM; they differ from the first ones by up to
    half a step of it. Nobody can write to them.
    """
    (size,) = _LENGTH.unpack_from(content)
    start = _LENGTH.size + size
    description = json.loads(zlib.decompress(content[_LENGTH.size : start]))
    samples = np.frombuffer(content, "<i2", offset=start).astype(np.float32) / np.float32(32767.0)
    samples.flags.writeable = False
    windows = []
    place = 0
    for length, timings in description:
        timed = tuple(PhoneTiming(*timing) for timing in timings)
        windows.append(MadeWindow(samples[place : place + length], timed))
        place += length
    return tuple(windows)
