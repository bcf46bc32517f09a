"""Audio: samples and their rate, and the formats they are written in."""

from __future__ import annotations

import io
import os
import struct
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.aac import NO_AAC, can_encode_aac, encode_aac
from hayakoe_engine.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

FORMATS: Final[dict[str, tuple[str, str]]] = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "OPUS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "aac": ("ADTS", "AAC"),
}
"""File extension to container and encoding, as libsndfile names them; AAC it does not know."""

ENCODER_RATES_HZ: Final[dict[str, tuple[int, ...]]] = {
    "OPUS": (8000, 12000, 16000, 24000, 48000),
    "MPEG_LAYER_III": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    "AAC": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
}
"""Sample rates of the encoders that do not take every one."""

_OPEN_ENDED = 0xFFFFFFFF
_BLOCK_FRAMES = 65536


def streaming_wav_header(sample_rate_hz: int, *, channels: int = 1, width_bytes: int = 2) -> bytes:
    """The 44 bytes before PCM whose length is not known yet; both sizes are 0xFFFFFFFF."""
    frame_bytes = channels * width_bytes
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        _OPEN_ENDED,
        b"WAVE",
        b"fmt ",
        16,
        1,
        channels,
        sample_rate_hz,
        sample_rate_hz * frame_bytes,
        frame_bytes,
        width_bytes * 8,
        b"data",
        _OPEN_ENDED,
    )


def float_to_pcm16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Samples in [-1, 1] to signed 16 bit; what lies outside is clipped, never wrapped."""
    scaled: NDArray[np.float32] = np.rint(samples * np.float32(32767.0))
    return np.clip(scaled, -32768, 32767).astype(np.int16)


@dataclass(frozen=True, slots=True)
class PhoneTiming:
    """When a phone sounds.

    Attributes:
        phone: As the voice names it; punctuation marks are phones of their own.
        start_s: Seconds from the start of the audio.
        duration_s: Seconds.
    """

    phone: str
    start_s: float
    duration_s: float

    @property
    def end_s(self) -> float:
        """When it ends, in seconds from the start of the audio."""
        return self.start_s + self.duration_s


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """A piece of mono audio.

    Attributes:
        samples: float32 ``[n]``, full scale is 1.0.
        sample_rate_hz: Samples per second.
        timings: The phones that begin in it, in order; empty if the voice does not know them.
        sentence: What the sentence says that begins with it; None in the midst of one.
    """

    samples: NDArray[np.float32]
    sample_rate_hz: int
    timings: tuple[PhoneTiming, ...] = ()
    sentence: str | None = None

    @classmethod
    def concatenate(cls, parts: Iterable[Audio], sample_rate_hz: int) -> Audio:
        """All parts after one another; they must have this rate."""
        arrays: list[NDArray[np.float32]] = []
        timings: list[PhoneTiming] = []
        length = 0
        for part in parts:
            start_s = length / sample_rate_hz
            timings += (replace(t, start_s=t.start_s + start_s) for t in part.timings)
            arrays.append(part.samples)
            length += len(part.samples)
        joined = np.concatenate(arrays) if arrays else np.zeros(0, np.float32)
        return cls(joined, sample_rate_hz, tuple(timings))

    @classmethod
    def silence(cls, seconds: float, sample_rate_hz: int) -> Audio:
        """Digital silence."""
        return cls(np.zeros(round(seconds * sample_rate_hz), np.float32), sample_rate_hz)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz

    def pcm16(self) -> NDArray[np.int16]:
        """The samples as signed 16 bit, ``[n]``."""
        return float_to_pcm16(self.samples)

    def pcm_bytes(self) -> bytes:
        """The samples as signed 16 bit little-endian PCM without a header."""
        return self.pcm16().astype("<i2", copy=False).tobytes()

    def resampled(self, sample_rate_hz: int) -> Audio:
        """The same sound at another rate."""
        if sample_rate_hz == self.sample_rate_hz:
            return self
        import soxr  # noqa: PLC0415

        samples = soxr.resample(self.samples, self.sample_rate_hz, sample_rate_hz)
        return Audio(np.asarray(samples, np.float32), sample_rate_hz, self.timings)

    def to_bytes(self, audio_format: str = "wav") -> bytes:
        """The audio as a file of this format.

        Args:
            audio_format: One of ``FORMATS``. Opus, MP3 and AAC exist at some rates only; other
                audio is resampled to the next higher one.

        Raises:
            RequestError: The format is unknown, or AAC, and there is no ffmpeg.
            EncodingFailed: ffmpeg broke off.
        """
        container, encoding = _lookup_format(audio_format)
        rates_hz = ENCODER_RATES_HZ.get(encoding, (self.sample_rate_hz,))
        rate_hz = next((rate for rate in rates_hz if rate >= self.sample_rate_hz), rates_hz[-1])
        audio = self.resampled(rate_hz)
        if encoding == "AAC":
            return encode_aac(audio.pcm_bytes(), rate_hz)
        import soundfile  # noqa: PLC0415

        buffer = io.BytesIO()
        with soundfile.SoundFile(
            buffer, "w", rate_hz, 1, format=container, subtype=encoding
        ) as file:
            # In blocks: libsndfile's lossy encoders keep a whole write on the C stack.
            pcm = audio.pcm16()
            for start in range(0, len(pcm), _BLOCK_FRAMES):
                file.write(pcm[start : start + _BLOCK_FRAMES])
        return buffer.getvalue()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file; its extension decides the format.

        The file appears whole or not at all.

        Raises:
            RequestError: The extension is unknown, or AAC, and there is no ffmpeg.
            OSError: The file cannot be written.
        """
        target = Path(path)
        data = self.to_bytes(target.suffix.lstrip("."))
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as file:
            try:
                file.write(data)
                file.close()
                _take_default_mode(file.name)
                Path(file.name).replace(target)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise


def _take_default_mode(path: str) -> None:
    """Give a private temporary file the mode that an ordinary new file would have."""
    mask = os.umask(0)
    os.umask(mask)
    Path(path).chmod(0o666 & ~mask)


def _lookup_format(name: str) -> tuple[str, str]:
    try:
        found = FORMATS[name.lower()]
    except KeyError:
        raise RequestError(
            f"unknown audio format {name!r}; the formats are {', '.join(FORMATS)}"
        ) from None
    if found[1] == "AAC" and not can_encode_aac():
        raise RequestError(NO_AAC)
    return found
