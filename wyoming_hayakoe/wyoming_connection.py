"""One Wyoming client: its events in, audio out.

Reading and writing are separate: while audio goes out, further text and ``describe`` come in, and
a client that goes away is noticed and its work ends.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, async_write_event
from wyoming.info import Describe
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
)

from hayakoe_engine.errors import BusyError, HayakoeError, InferenceFailed, VoiceError
from wyoming_hayakoe.info import build_info
from wyoming_hayakoe.speech import Request
from wyoming_hayakoe.wire import BadEvent, read_event

if TYPE_CHECKING:
    from hayakoe_engine.audio import Audio
    from hayakoe_engine.utterance import Markup
    from wyoming_hayakoe.settings import WyomingSettings
    from wyoming_hayakoe.speech import Narration, Speech

_LOG = logging.getLogger(__name__)

CHUNK_BYTES: Final = 8192
"""Most audio in one event: 85 ms at 48 kHz, small enough that the first is heard early."""
MAX_WAITING: Final = 16
"""Utterances of one connection that may be asked for before the first is spoken."""
MAX_NAME_CHARS: Final = 256
"""Longest name of a voice or style; it may be written into the log."""
WIDTH_BYTES: Final = 2
CHANNELS: Final = 1

_FAREWELL_S: Final = 1.0
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class ConnectionTimeout(HayakoeError):
    """Nothing happened for too long."""

    code = "timeout"


class ShuttingDown(HayakoeError):
    """The server stops."""

    code = "shutting-down"


@dataclass(slots=True, eq=False)
class _Job:
    narration: Narration
    is_stream: bool
    is_over: bool = False


class Connection:
    """A connected client.

    Args:
        reader: Opened with the limit ``wire.MAX_LINE_BYTES``.
        writer: Closed by this object.
        speech: Who speaks.
        settings: Limits.
        client: Who it is, as far as they can be told from others.
        finish_at_eof: Whether what was asked for is still spoken after the client has closed its
            side; otherwise that means it is gone.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        speech: Speech,
        settings: WyomingSettings,
        *,
        client: str | None = None,
        finish_at_eof: bool = False,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._speech = speech
        self._settings = settings
        self._client = client
        self._finish_at_eof = finish_at_eof
        self._jobs: asyncio.Queue[_Job | None] = asyncio.Queue()
        self._open_jobs: set[_Job] = set()
        self._stream: _Job | None = None
        self._interruption: asyncio.Future[HayakoeError] = (
            asyncio.get_running_loop().create_future()
        )
        self._last_event = time.monotonic()
        self._last_audio = self._last_event

    @property
    def is_speaking(self) -> bool:
        """Whether an utterance is in progress."""
        return bool(self._open_jobs)

    async def run(self) -> None:
        """Serve the client until it or the server ends the connection."""
        answering = asyncio.create_task(self._answer())
        try:
            try:
                await self._read(answering)
                if self._finish_at_eof:
                    self._end_input()
                    await self._drain(answering)
            except HayakoeError as error:
                # What a client does wrong is everyday; a voice that fails is not.
                level = logging.WARNING if isinstance(error, VoiceError) else logging.INFO
                _LOG.log(level, "connection closed: %s", error)
                await _end(answering)  # nothing may follow the error
                await self._send_error(error)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            _LOG.debug("client gone: %s", error)
        finally:
            await _end(answering)
            for job in self._open_jobs:
                job.narration.close()
            await self._close_writer()

    def interrupt(self, error: HayakoeError) -> None:
        """Make ``run`` send this error and end."""
        if not self._interruption.done():
            self._interruption.set_result(error)

    async def refuse(self, error: HayakoeError) -> None:
        """Tell the client why it is not served, and close."""
        with suppress(ConnectionError):
            await self._send_error(error)
        await self._close_writer()

    # Reading

    async def _read(self, answering: asyncio.Task[None]) -> None:
        """Take events until the client closes; the end of ``answering`` is its failure."""
        reading = asyncio.create_task(self._next_event())
        try:
            while True:
                await asyncio.wait(
                    (reading, answering, self._interruption),
                    timeout=self._patience_s(),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if self._interruption.done():
                    raise self._interruption.result()
                if answering.done():
                    await answering
                if not reading.done():
                    self._grow_impatient()
                    continue
                event = await reading
                if event is None:
                    return
                self._last_event = time.monotonic()
                await self._handle(event)
                reading = asyncio.create_task(self._next_event())
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await reading

    async def _drain(self, answering: asyncio.Task[None]) -> None:
        """Wait until everything is spoken."""
        await asyncio.wait((answering, self._interruption), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise self._interruption.result()
        await answering

    async def _next_event(self) -> Event | None:
        return await read_event(self._reader, self._settings.max_data_bytes)

    def _patience_s(self) -> float:
        now = time.monotonic()
        until_close_s = self._last_sign + self._settings.idle_close_s - now
        until_flush_s = self._last_event + self._settings.idle_flush_s - now
        if self._stream is not None and until_flush_s > 0:
            return until_flush_s
        return max(until_close_s, 0.05)

    def _grow_impatient(self) -> None:
        now = time.monotonic()
        if self._stream is not None and now - self._last_event >= self._settings.idle_flush_s:
            self._stream.narration.flush()
        is_busy = any(
            job is not self._stream or job.narration.is_speaking for job in self._open_jobs
        )
        if now - self._last_sign >= self._settings.idle_close_s and not is_busy:
            raise ConnectionTimeout(f"nothing came for {self._settings.idle_close_s:g} s")

    @property
    def _last_sign(self) -> float:
        """When something last went over the connection, either way."""
        return max(self._last_event, self._last_audio)

    async def _handle(self, event: Event) -> None:
        kind = event.type
        if Describe.is_type(kind):
            _LOG.debug("describe")
            info = build_info(self._speech.voices, streaming=self._settings.streaming)
            await self._send(info.event())
        elif Ping.is_type(kind):
            await self._send(Pong(text=_echo(event)).event())
        elif Synthesize.is_type(kind):
            # Inside a stream it is a copy of the text, for servers that cannot stream.
            if self._stream is None:
                text = _text(event)
                job = self._begin(event, is_stream=False)
                job.narration.push(text)
                job.narration.finish()
        elif SynthesizeStart.is_type(kind):
            self._end_stream()
            self._stream = self._begin(event, is_stream=True)
        elif SynthesizeChunk.is_type(kind):
            if self._stream is not None:
                self._stream.narration.push(_text(event))
        elif SynthesizeStop.is_type(kind):
            if self._stream is None:
                await self._send(SynthesizeStopped().event())
            self._end_stream()
        else:
            _LOG.debug("event ignored: %r", kind)

    def _begin(self, event: Event, *, is_stream: bool) -> _Job:
        if sum(not job.is_over for job in self._open_jobs) >= MAX_WAITING:
            raise BusyError(f"{MAX_WAITING} utterances are waiting on this connection")
        voice = event.data.get("voice") or {}
        if not isinstance(voice, dict):
            raise BadEvent("voice is no object")
        name, style = voice.get("name"), voice.get("speaker")
        for text in (name, style):
            if text is not None and not (isinstance(text, str) and len(text) <= MAX_NAME_CHARS):
                raise BadEvent(f"a voice's name is no text of up to {MAX_NAME_CHARS} characters")
        text_format = event.data.get("text_format") or "text"
        if text_format not in ("text", "ssml"):
            raise BadEvent(f"text_format is {text_format!r:.50}, which is neither text nor ssml")
        markup: Markup | None = "ssml" if text_format == "ssml" else None
        request = Request(
            voice=name,
            style=style,
            markup=markup,
            interface="wyoming",
            is_lenient=True,
            client=self._client,
        )
        job = _Job(self._speech.begin(request), is_stream)
        self._open_jobs.add(job)
        self._jobs.put_nowait(job)
        return job

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._stream.narration.finish()
            self._stream = None

    def _end_input(self) -> None:
        self._end_stream()
        self._jobs.put_nowait(None)

    # Writing

    async def _answer(self) -> None:
        """Speak one utterance after another."""
        while (job := await self._jobs.get()) is not None:
            try:
                await self._speak(job)
            finally:
                job.narration.close()
                self._open_jobs.discard(job)
                self._last_audio = time.monotonic()

    async def _speak(self, job: _Job) -> None:
        """Send exactly one audio-start … audio-stop."""
        started = False
        try:
            async for audio in job.narration:
                if not started:
                    await self._send(
                        AudioStart(audio.sample_rate_hz, WIDTH_BYTES, CHANNELS).event()
                    )
                    started = True
                await self._send_audio(audio)
                self._last_audio = time.monotonic()
        except (HayakoeError, ConnectionError):
            raise
        except Exception as error:
            _LOG.exception("speaking failed")
            raise InferenceFailed(f"speaking failed: {error}") from error
        job.is_over = True
        await self._send(AudioStop().event())
        if job.is_stream:
            await self._send(SynthesizeStopped().event())

    async def _send_audio(self, audio: Audio) -> None:
        pcm = audio.pcm_bytes()
        for start in range(0, len(pcm), CHUNK_BYTES):
            piece = pcm[start : start + CHUNK_BYTES]
            await self._send(AudioChunk(audio.sample_rate_hz, WIDTH_BYTES, CHANNELS, piece).event())

    async def _send(self, event: Event) -> None:
        try:
            async with asyncio.timeout(self._settings.write_stall_s):
                await async_write_event(event, self._writer)
        except TimeoutError as error:
            self._reset()
            raise ConnectionAbortedError("the client takes no data") from error

    async def _send_error(self, error: HayakoeError) -> None:
        await self._send(Error(text=str(error), code=error.code).event())

    async def _close_writer(self) -> None:
        patience_s = self._settings.write_stall_s if self._finish_at_eof else _FAREWELL_S
        self._writer.close()
        try:
            async with asyncio.timeout(patience_s):
                await self._writer.wait_closed()
        except TimeoutError:
            self._writer.transport.abort()
        except ConnectionError:
            pass

    def _reset(self) -> None:
        """Drop what is not sent, in such a way that it does not look like an ordinary end."""
        connection = self._writer.get_extra_info("socket")
        if connection is not None and connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._writer.transport.abort()


async def _end(answering: asyncio.Task[None]) -> None:
    answering.cancel()
    with suppress(asyncio.CancelledError, ConnectionError, HayakoeError):
        await answering


def _text(event: Event) -> str:
    text: Any = event.data.get("text")
    if not isinstance(text, str):
        raise BadEvent(f"{event.type} has no text")
    return text


def _echo(event: Event) -> str:
    if event.data.get("text") is None:
        return ""
    text = _text(event)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadEvent(f"{event.type} has half a character in its text") from error
    return text
