"""Audio on its way out: samples in as they are made, bytes of a format out."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.aac import NO_AAC, AacEncoder, can_encode_aac
from hayakoe_engine.audio import (
    ENCODER_RATES_HZ,
    FORMATS,
    float_to_pcm16,
    streaming_wav_header,
)
from hayakoe_engine.errors import BadOption

if TYPE_CHECKING:
    import soundfile
    from numpy.typing import NDArray

MEDIA_TYPES: Final[dict[str, str]] = {
    "wav": "audio/wav",
    "pcm": "audio/pcm",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "mp3": "audio/mpeg",
    "aac": "audio/aac",
}
"""Formats that can be asked for, with what they are called on the web. ``pcm`` is signed 16 bit,
little-endian, without a header; ``ogg`` and ``opus`` are both Opus in Ogg; ``aac`` is AAC-LC in
ADTS, and is made only where ``can_encode_aac`` is true."""

MIN_RATE_HZ: Final = 8000
MAX_RATE_HZ: Final = 48_000

_BLOCK_FRAMES: Final = 16_384
_MP3_COMPRESSION: Final = 0.5
"""Of 0 to 1; at 48 kHz 160 kbit/s."""
_FULL_SCALE: Final = 32_768
_OGG_PAGE_MS: Final = 60.0
_SET_OGG_PAGE_LATENCY_MS: Final = 0x1302
_NOTHING: Final = np.zeros(0, np.float32)


class AudioEncoder:
    """Encodes one sound; its methods compute, so an event loop calls them in a thread.

    ``finish`` or ``close`` it.

    Args:
        audio_format: One of ``MEDIA_TYPES``.
        from_hz: Rate of the samples that come.
        to_hz: Rate to encode; None is the same. Opus, MP3 and AAC exist at some rates only: it is
            the next higher one then.
        channels: 1, or 2 for the same sound on both sides.
        is_streamed: Whether the bytes are sent before the length is known. If not, all of them
            come at the end, and their header says how long the sound is.

    Attributes:
        sample_rate_hz: Rate that is encoded.

    Raises:
        BadOption: The format is unknown, or AAC, and there is no ffmpeg; or the rate is out of
            range.
    """

    def __init__(
        self,
        audio_format: str,
        from_hz: int,
        *,
        to_hz: int | None = None,
        channels: int = 1,
        is_streamed: bool = True,
    ) -> None:
        if audio_format not in MEDIA_TYPES:
            raise BadOption(
                f"unknown audio format {audio_format!r:.50}; the formats are "
                f"{', '.join(MEDIA_TYPES)}"
            )
        if audio_format == "aac" and not can_encode_aac():
            raise BadOption(NO_AAC)
        wanted_hz = from_hz if to_hz is None else to_hz
        if not MIN_RATE_HZ <= wanted_hz <= MAX_RATE_HZ and wanted_hz != from_hz:
            raise BadOption(
                f"the sample rate must be from {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz, not {wanted_hz}"
            )
        self.sample_rate_hz = encoded_rate_hz(audio_format, wanted_hz)
        self._channels = channels
        self._resampler = None
        if self.sample_rate_hz != from_hz:
            import soxr  # noqa: PLC0415

            self._resampler = soxr.ResampleStream(from_hz, self.sample_rate_hz, 1)
        self._header = b""
        self._lock = threading.Lock()
        self._file: soundfile.SoundFile | None = None
        self._aac: AacEncoder | None = None
        self._sink: _Forward | io.BytesIO = _Forward() if is_streamed else io.BytesIO()
        if audio_format == "pcm" or (audio_format == "wav" and is_streamed):
            if audio_format == "wav":
                self._header = streaming_wav_header(self.sample_rate_hz, channels=channels)
            return
        if audio_format == "aac":
            self._aac = AacEncoder(self.sample_rate_hz, channels)
            return
        import soundfile  # noqa: PLC0415

        container, encoding = FORMATS[audio_format]
        # Without its end a file of varying bit rate does not say how long it is; players guess.
        constant = {"bitrate_mode": "CONSTANT", "compression_level": _MP3_COMPRESSION}
        self._file = soundfile.SoundFile(
            self._sink,
            "w",
            self.sample_rate_hz,
            channels,
            format=container,
            subtype=encoding,
            **(constant if is_streamed and audio_format == "mp3" else {}),
        )
        if is_streamed and container == "OGG":
            _shorten_pages(self._file)

    def close(self) -> None:
        """Give the sound up; after ``finish`` it does nothing."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            if self._aac is not None:
                self._aac.close()

    def push(self, samples: NDArray[np.float32]) -> bytes:
        """Encode more of it.

        Args:
            samples: float32 ``[n]``, full scale is 1.0.

        Returns:
            Bytes to be sent now; there may be none.

        Raises:
            BusyError: Too many sounds are being encoded as AAC.
            EncodingFailed: ffmpeg broke off.
        """
        with self._lock:
            return self._encode(samples, is_last=False)

    def finish(self) -> bytes:
        """Say that it was all; returns the bytes that were still missing.

        Raises:
            BusyError: As for ``push``.
            EncodingFailed: As for ``push``.
        """
        with self._lock:
            rest = self._encode(_NOTHING, is_last=True)
            if self._aac is not None:
                rest += self._aac.finish()
                self._aac.close()
            if self._file is None:
                return rest
            self._file.close()
            if isinstance(self._sink, _Forward):
                return rest + self._sink.take()
            return self._sink.getvalue()

    def _encode(self, samples: NDArray[np.float32], *, is_last: bool) -> bytes:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples, last=is_last)
        pcm = float_to_pcm16(samples).astype("<i2", copy=False)
        if self._channels > 1:
            pcm = np.repeat(pcm[:, np.newaxis], self._channels, axis=1)
        if self._aac is not None:
            return self._aac.push(pcm.tobytes())
        if self._file is None:
            header, self._header = self._header, b""
            return header + pcm.tobytes()
        # In blocks: libsndfile's lossy encoders keep a whole write on the C stack.
        for start in range(0, len(pcm), _BLOCK_FRAMES):
            # As fractions: of two channels of whole numbers libsndfile makes noise in MP3.
            self._file.write(pcm[start : start + _BLOCK_FRAMES] / np.float32(_FULL_SCALE))
        return self._sink.take() if isinstance(self._sink, _Forward) else b""


def encoded_rate_hz(audio_format: str, wanted_hz: int) -> int:
    """The rate at which a sound is encoded that should have the wanted one."""
    encoding = FORMATS.get(audio_format, ("", ""))[1]
    rates_hz = ENCODER_RATES_HZ.get(encoding, (wanted_hz,))
    return next((rate for rate in rates_hz if rate >= wanted_hz), rates_hz[-1])


def _shorten_pages(file: soundfile.SoundFile) -> None:
    """Have Ogg's pages sent soon; they would hold a second of sound each."""
    # libsndfile can do it, but soundfile has no name for it.
    from soundfile import _ffi, _snd  # noqa: PLC0415

    latency_ms = _ffi.new("double*", _OGG_PAGE_MS)
    _snd.sf_command(file._file, _SET_OGG_PAGE_LATENCY_MS, latency_ms, 8)  # noqa: SLF001


class _Forward:
    """A file of which everything written is given away, so that it cannot be written again.

    Encoders go back to their header at the end, to say how long the sound was; decoders do
    without.
    """

    def __init__(self) -> None:
        self._ready = bytearray()
        self._given = 0
        self._position = 0

    def take(self) -> bytes:
        data = bytes(self._ready)
        self._given += len(data)
        self._ready.clear()
        return data

    def write(self, data: bytes) -> int:
        begin = self._position - self._given
        self._position += len(data)
        kept = bytes(data)[max(-begin, 0) :]
        begin = max(begin, 0)
        self._ready[begin : begin + len(kept)] = kept
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        bases = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._end}
        self._position = bases[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position

    @property
    def _end(self) -> int:
        return self._given + len(self._ready)
