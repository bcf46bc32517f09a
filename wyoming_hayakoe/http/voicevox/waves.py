"""WAV files joined to one."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import wave
from typing import TYPE_CHECKING

import numpy as np
from aiohttp import web

from hayakoe_engine.audio import Audio
from wyoming_hayakoe.http.documented import documented
from wyoming_hayakoe.http.errors import Invalid
from wyoming_hayakoe.http.voicevox.answers import TAG, read_json
from wyoming_hayakoe.http.voicevox.models import Waves

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["routes"]

_WIDTH_BYTES = 2
_MAX_CHANNELS = 2
_LOWEST_RATE_HZ = 8000
_HIGHEST_RATE_HZ = 48_000


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return [web.post("/connect_waves", _connect)]


@documented(
    "Join WAV files",
    tag=TAG,
    body=Waves,
    responses={200: "audio/wav"},
    description="In base64, 16 bit, of any rate; the highest one is taken.",
)
async def _connect(request: web.Request) -> web.Response:
    waves = (await read_json(request, Waves)).root
    return web.Response(body=await asyncio.to_thread(_joined, waves), content_type="audio/wav")


def _joined(waves: Sequence[str]) -> bytes:
    channels: list[list[Audio]] = []
    for place, encoded in enumerate(waves):
        try:
            channels.append(_read(base64.b64decode(encoded, validate=True)))
        except (binascii.Error, wave.Error, EOFError, ValueError, RuntimeError) as error:
            # The reader says with a bare RuntimeError that a length leads out of the file.
            reason = str(error) or "it is damaged"
            raise Invalid(f"wave {place} cannot be read: {reason}", param=f"body.{place}") from None
    rate_hz = max(audio.sample_rate_hz for file in channels for audio in file)
    width = max(map(len, channels))
    sides = [
        np.concatenate([file[side % len(file)].resampled(rate_hz).pcm16() for file in channels])
        for side in range(width)
    ]
    return _written(np.stack(sides, axis=1), rate_hz)


def _read(content: bytes) -> list[Audio]:
    """The channels of a file."""
    with wave.open(io.BytesIO(content)) as file:
        if file.getsampwidth() != _WIDTH_BYTES or not 1 <= file.getnchannels() <= _MAX_CHANNELS:
            raise ValueError("it must be of 16 bit, with one or two channels")
        rate_hz = file.getframerate()
        if not _LOWEST_RATE_HZ <= rate_hz <= _HIGHEST_RATE_HZ:
            raise ValueError(f"its rate must be from {_LOWEST_RATE_HZ} to {_HIGHEST_RATE_HZ} Hz")
        # A header may promise more than there is.
        pcm = np.frombuffer(file.readframes(len(content)), "<i2").reshape(-1, file.getnchannels())
    samples = pcm.T.astype(np.float32) / np.float32(32767)
    return [Audio(np.ascontiguousarray(channel), rate_hz) for channel in samples]


def _written(pcm: NDArray[np.int16], rate_hz: int) -> bytes:
    """int16 ``[n, channels]`` as a file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(pcm.shape[1])
        file.setsampwidth(_WIDTH_BYTES)
        file.setframerate(rate_hz)
        file.writeframes(pcm.astype("<i2", copy=False).tobytes())
    return buffer.getvalue()
