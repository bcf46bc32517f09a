"""AAC, by the program ffmpeg: a process of its own for each sound."""

from __future__ import annotations

import importlib.util
import os
import select
import shutil
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import IO, Final, NoReturn

from hayakoe_engine.errors import BusyError, HayakoeError
from hayakoe_engine.once import Once

MAX_PROCESSES: Final = 8
"""Sounds that are encoded at once; each takes about 50 MB."""
NO_AAC: Final = (
    "aac is made by the program ffmpeg, which is not on this machine: "
    "pip install 'wyoming-hayakoe[aac]', or install ffmpeg"
)
"""What to tell people where ``can_encode_aac`` is false."""

_ARGUMENTS: Final = ("-hide_banner", "-loglevel", "error", "-nostdin")
_UNPROBED: Final = ("-probesize", "32", "-analyzeduration", "0")
"""Else older versions keep the first second to find out what it is."""
_BITS_PER_SAMPLE: Final = 8 / 3
"""Of each channel; at 48 kHz 128 kbit/s."""
_FRAME_SAMPLES: Final = 1024
_AT_ONCE_SAMPLES: Final = 4096
"""Most that ffmpeg waits for before it encodes any of it."""
_READ_BYTES: Final = 65_536
_SHOWN_BYTES: Final = 500
_PATIENCE_S: Final = 2.0
"""How long ffmpeg is waited for, all in all, when nothing comes of samples that it has. Once it
has started they take a few milliseconds."""
_STUCK_S: Final = 20.0
"""After so long without taking or giving anything ffmpeg is given up."""

_places = threading.BoundedSemaphore(MAX_PROCESSES)


class EncodingFailed(HayakoeError):
    """The program that encodes broke off."""


def can_encode_aac() -> bool:
    """Whether there is the program for it; looks for names only, and so may be asked anywhere."""
    return bool(shutil.which("ffmpeg")) or importlib.util.find_spec("imageio_ffmpeg") is not None


def encode_aac(pcm: bytes, sample_rate_hz: int) -> bytes:
    """A whole sound of one channel, as ``AacEncoder`` makes it; waits while others are encoded.

    Raises:
        EncodingFailed: ffmpeg broke off.
    """
    encoder = AacEncoder(sample_rate_hz, 1, is_patient=True)
    try:
        return encoder.push(pcm) + encoder.finish()
    finally:
        encoder.close()


class AacEncoder:
    """AAC-LC of one sound, in ADTS. Its methods wait for the program, so they need a thread.

    What is decoded begins with 1024 samples that were not there, and ends with up to as many more:
    ADTS has no place to say so. ``close`` it, also after ``finish``.

    Args:
        sample_rate_hz: One that AAC has.
        channels: 1 or 2.
        is_patient: Whether to wait while too many sounds are being encoded, rather than fail.
    """

    def __init__(self, sample_rate_hz: int, channels: int, *, is_patient: bool = False) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._channels = channels
        self._is_patient = is_patient
        self._samples = 0
        self._frames = _FrameCount()
        self._patience_s = _PATIENCE_S
        self._is_closed = False
        self._program = Once(self._start)
        # It starts while the first sound is being made.
        self._program.begin()

    def push(self, pcm: bytes) -> bytes:
        """Encode more of it.

        Args:
            pcm: Signed 16 bit, little-endian; channels take turns.

        Returns:
            All that ffmpeg can make of what it has; the last tenth of a second comes later.

        Raises:
            BusyError: Too many sounds are being encoded.
            EncodingFailed: ffmpeg broke off.
        """
        program = self._program.get()
        made = program.write(pcm)
        self._frames.see(made)
        self._samples += len(pcm) // (2 * self._channels)
        taken = self._samples // _AT_ONCE_SAMPLES * _AT_ONCE_SAMPLES
        begun = time.monotonic()
        while self._frames.whole < taken // _FRAME_SAMPLES - 1:
            data = program.read(begun + self._patience_s - time.monotonic())
            if data is None:
                self._patience_s -= time.monotonic() - begun
                break
            self._frames.see(data)
            made += data
        return made

    def finish(self) -> bytes:
        """Say that it was all.

        Returns:
            What was still missing.

        Raises:
            BusyError: Too many sounds are being encoded.
            EncodingFailed: ffmpeg broke off.
        """
        return self._program.get().finish()

    def close(self) -> None:
        """End the process, whatever it is doing; the second time does nothing."""
        self._is_closed = True
        with suppress(HayakoeError):
            self._program.get().close()

    def _start(self) -> _Ffmpeg:
        if self._is_closed:
            raise EncodingFailed("the encoder is closed")
        return _Ffmpeg(self._sample_rate_hz, self._channels, is_patient=self._is_patient)


class _Ffmpeg:
    """The process; it takes samples and gives AAC, both through pipes."""

    def __init__(self, sample_rate_hz: int, channels: int, *, is_patient: bool) -> None:
        bitrate = round(sample_rate_hz * channels * _BITS_PER_SAMPLE)
        source = (
            *_UNPROBED,
            "-f",
            "s16le",
            "-ar",
            f"{sample_rate_hz}",
            "-ac",
            f"{channels}",
            "-i",
            "pipe:0",
        )
        target = ("-c:a", "aac", "-b:a", f"{bitrate}", "-f", "adts", "-flush_packets", "1")
        if not _places.acquire(blocking=is_patient):
            raise BusyError(
                f"{MAX_PROCESSES} sounds are being encoded as aac already",
                hint="try again in a moment, or ask for another format",
            )
        try:
            self._process = subprocess.Popen(  # noqa: S603 - no part of it is a client's
                (_find_ffmpeg(), *_ARGUMENTS, *source, *target, "pipe:1"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                # Else an interrupt from the keyboard would end it before the server does.
                start_new_session=True,
            )
        except BaseException as error:
            _places.release()
            if isinstance(error, OSError | RuntimeError):
                raise EncodingFailed(f"ffmpeg does not start: {error}") from error
            raise
        self._pipes = [_fd(self._process.stdin), _fd(self._process.stdout)]
        for pipe in (*self._pipes, _fd(self._process.stderr)):
            os.set_blocking(pipe, False)
        self._is_closed = False

    def write(self, data: bytes) -> bytes:
        """Have it take all of this; returns what came out meanwhile."""
        made = bytearray()
        rest = memoryview(data)
        while rest:
            is_readable, is_writable = self._wait(_STUCK_S, is_writing=True)
            if is_readable:
                made += self._take() or self._fail()
            elif is_writable:
                try:
                    rest = rest[os.write(self._pipes[0], rest) :]
                except BrokenPipeError:
                    self._fail()
            else:
                self._fail("it stands still")
        return bytes(made)

    def read(self, wait_s: float) -> bytes | None:
        """What comes out within this time; None if nothing does."""
        if not self._wait(max(0.0, wait_s))[0]:
            return None
        return self._take() or self._fail()

    def finish(self) -> bytes:
        """Tell it that it was all; returns what was missing."""
        made = bytearray()
        if self._process.stdin is not None:
            self._process.stdin.close()
        while True:
            if not self._wait(_STUCK_S)[0]:
                self._fail("it stands still")
            data = self._take()
            if not data:
                break
            made += data
        try:
            status = self._process.wait(_STUCK_S)
        except subprocess.TimeoutExpired:
            self._fail("it does not end")
        if status:
            self._fail()
        return bytes(made)

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._process.poll() is None:
            # With all that it may have started: it can be a script.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        _places.release()

    def _wait(self, wait_s: float, *, is_writing: bool = False) -> tuple[bool, bool]:
        """Wait until it gives something, or takes something."""
        poll = select.poll()
        poll.register(self._pipes[1], select.POLLIN)
        if is_writing:
            poll.register(self._pipes[0], select.POLLOUT)
        ready = dict(poll.poll(1000 * wait_s))
        return self._pipes[1] in ready, self._pipes[0] in ready

    def _take(self) -> bytes:
        return os.read(self._pipes[1], _READ_BYTES)

    def _fail(self, why: str | None = None) -> NoReturn:
        if why is None:
            said = b""
            with suppress(BlockingIOError):
                said = os.read(_fd(self._process.stderr), _READ_BYTES)
            why = said.decode(errors="replace").strip()[-_SHOWN_BYTES:] or "it ended"
        raise EncodingFailed(f"ffmpeg failed: {why}")


class _FrameCount:
    """Counts the frames of ADTS that have come whole.

    Attributes:
        whole: How many.
    """

    def __init__(self) -> None:
        self.whole = 0
        self._rest = b""

    def see(self, data: bytes) -> None:
        """Take note of what comes next."""
        data = self._rest + data
        start = 0
        while start + 7 <= len(data):
            # 13 bits from bit 30 on are the length of the frame with its header of 7 bytes.
            length = int.from_bytes(data[start + 3 : start + 6], "big") >> 5 & 0x1FFF
            if length < 7 or start + length > len(data):
                break
            start += length
            self.whole += 1
        self._rest = data[start:]


def _find_ffmpeg() -> str:
    """The program.

    Raises:
        RuntimeError: There is none.
    """
    found = shutil.which("ffmpeg")
    if found is not None:
        return found
    import imageio_ffmpeg  # noqa: PLC0415 - where there is no other

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _fd(pipe: IO[bytes] | None) -> int:
    if pipe is None:  # cannot be: all are asked for
        raise EncodingFailed("ffmpeg has no pipes")
    return pipe.fileno()
