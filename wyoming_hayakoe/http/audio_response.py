"""Speech as an answer: whole, or sent as it is made."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aiohttp import web

from hayakoe_engine.encoding import MEDIA_TYPES, AudioEncoder
from hayakoe_engine.errors import TextTooLong
from wyoming_hayakoe.http.connections import reset
from wyoming_hayakoe.http.errors import AnswerTimeout
from wyoming_hayakoe.http.keys import SETTINGS, SPEECH
from wyoming_hayakoe.http.protection import client_of, request_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from wyoming_hayakoe.speech import Narration, Request

CHUNK_BYTES: Final = 16_384
"""Most that is written at once, so that a client that takes little by little is seen taking."""
_PLAIN: Final = frozenset({"wav", "pcm"})


@dataclass(frozen=True, slots=True)
class Output:
    """What the audio is to be.

    Attributes:
        audio_format: One of ``MEDIA_TYPES``.
        sample_rate_hz: None is the voice's own.
        channels: 1, or 2 for the same on both sides.
    """

    audio_format: str = "wav"
    sample_rate_hz: int | None = None
    channels: int = 1

    def encoder(self, from_hz: int, *, is_streamed: bool) -> AudioEncoder:
        """What makes it of samples of this rate.

        Raises:
            BadOption: The format is unknown or the rate out of range.
        """
        return AudioEncoder(
            self.audio_format,
            from_hz,
            to_hz=self.sample_rate_hz,
            channels=self.channels,
            is_streamed=is_streamed,
        )

    @property
    def media_type(self) -> str:
        """What it is called on the web."""
        return MEDIA_TYPES[self.audio_format]


def narrate(request: web.Request, wanted: Request, text: str) -> Narration:
    """Begin to speak a text that is whole.

    Raises:
        TextTooLong: It is longer than the limit.
        HayakoeError: As for ``Speech.begin``.
    """
    check_length(request, text)
    wanted = replace(
        wanted,
        identification=wanted.identification or request_id(request),
        max_chars=request.app[SETTINGS].max_text_chars,
        client=client_of(request),
    )
    narration = request.app[SPEECH].begin(wanted)
    try:
        narration.push(text)
    except BaseException:
        narration.close()
        raise
    narration.finish()
    return narration


def check_length(request: web.Request, text: str) -> None:
    """Refuse what is too long.

    Raises:
        TextTooLong: The text is longer than the limit.
    """
    most = request.app[SETTINGS].max_text_chars
    if len(text) > most:
        raise TextTooLong(f"the text has {len(text)} characters; at most {most} are spoken at once")


async def respond(
    request: web.Request, narration: Narration, output: Output, *, is_streamed: bool
) -> web.StreamResponse:
    """Answer with the narration, and close it.

    Raises:
        HayakoeError: Speaking failed before anything was sent.
    """
    answer = _send_streamed if is_streamed else _send_whole
    try:
        return await answer(request, EncodedNarration(narration, output, is_streamed=is_streamed))
    finally:
        narration.close()


class EncodedNarration:
    """The bytes of a narration, as they come.

    Args:
        narration: Whoever made it closes it.
        output: What the bytes are.
        is_streamed: Whether they are sent before the end is known.

    Attributes:
        sample_rate_hz: Of the encoded audio.
        first_audio_s: When the first sound was there, from the beginning; None before.
        audio_s: Sound so far.

    Raises:
        BadOption: The format is unknown or the rate out of range.
    """

    def __init__(self, narration: Narration, output: Output, *, is_streamed: bool = True) -> None:
        self.output = output
        self.first_audio_s: float | None = None
        self.audio_s = 0.0
        self._narration = narration
        self._begun = time.perf_counter()
        self._encoder = output.encoder(narration.sample_rate_hz, is_streamed=is_streamed)
        self.sample_rate_hz = self._encoder.sample_rate_hz
        # What is neither resampled nor compressed is done before a thread would have begun.
        self._is_light = (
            output.audio_format in _PLAIN and self.sample_rate_hz == narration.sample_rate_hz
        )

    @property
    def age_s(self) -> float:
        """Time since the beginning."""
        return time.perf_counter() - self._begun

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The bytes; never none at a time.

        Raises:
            HayakoeError: Speaking failed.
        """
        try:
            async for audio in self._narration:
                if self.first_audio_s is None:
                    self.first_audio_s = self.age_s
                self.audio_s += audio.duration_s
                if self._is_light:
                    data = self._encoder.push(audio.samples)
                else:
                    data = await asyncio.to_thread(self._encoder.push, audio.samples)
                if data:
                    yield data
            if data := await asyncio.to_thread(self._encoder.finish):
                yield data
        finally:
            # In a thread, for another one may be at work on it still.
            asyncio.get_running_loop().run_in_executor(None, self._encoder.close)

    def headers(self) -> Mapping[str, str]:
        """What is told of the audio, and of the time that it took."""
        return {
            "X-Sample-Rate": str(self.sample_rate_hz),
            "Cache-Control": "no-store",
            "Server-Timing": f"first-audio;dur={1000 * (self.first_audio_s or 0.0):.1f}",
        }


async def _send_whole(request: web.Request, audio: EncodedNarration) -> web.StreamResponse:
    most_s = request.app[SETTINGS].answer_timeout_s
    try:
        async with asyncio.timeout(most_s):
            data = b"".join([piece async for piece in audio.pieces()])
    except TimeoutError:
        raise AnswerTimeout(
            f"speaking took longer than {most_s:g} s", hint="ask for less, or for a stream of it"
        ) from None
    headers = {**audio.headers(), "X-Audio-Seconds": f"{audio.audio_s:.3f}"}
    headers["Server-Timing"] += f", total;dur={1000 * audio.age_s:.1f}"
    status = 200
    if (part := _wanted_part(request, len(data))) is not None:
        status = 206
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(data)}"
        data = data[part.start : part.stop]
    return web.Response(
        body=data, status=status, content_type=audio.output.media_type, headers=headers
    )


def _wanted_part(request: web.Request, size: int) -> range | None:
    """The bytes that a player asks for; some play nothing from a server that cannot give them.

    The same request gives the same bytes each time, so that parts fit together.
    """
    if request.method != "GET" or "Range" not in request.headers:
        return None
    try:
        start, stop, _ = request.http_range.indices(size)
    except ValueError:  # not understood is as good as not asked for
        return None
    return range(start, stop) if start < stop else None


async def _send_streamed(request: web.Request, audio: EncodedNarration) -> web.StreamResponse:
    response: web.StreamResponse | None = None
    async with aclosing(audio.pieces()) as pieces:
        try:
            async for piece in pieces:
                if response is None:
                    # Not before there is sound, so that what fails at once has its own status.
                    response = web.StreamResponse(headers=audio.headers())
                    response.content_type = audio.output.media_type
                    await response.prepare(request)
                await send(response, piece)
        except Exception:
            if response is not None:
                # The status is sent already; only a broken connection says that something is
                # missing.
                abort(request)
            raise
    if response is None:
        raise RuntimeError("a narration without any audio")
    await response.write_eof()
    return response


async def send(response: web.StreamResponse, data: bytes) -> None:
    """Write to a client; one that takes nothing for too long is given up by the server.

    Raises:
        ConnectionError: It is gone.
    """
    for start in range(0, len(data), CHUNK_BYTES):
        await response.write(data[start : start + CHUNK_BYTES])


async def send_all(
    request: web.Request, response: web.StreamResponse, pieces: AsyncGenerator[bytes, None]
) -> web.StreamResponse:
    """Answer with pieces as they come; if that fails, the connection is broken off."""
    await response.prepare(request)
    try:
        async with aclosing(pieces) as made:
            async for piece in made:
                await send(response, piece)
    except Exception:
        abort(request)
        raise
    await response.write_eof()
    return response


def abort(request: web.Request) -> None:
    """Break the connection off; the client sees that something is missing."""
    if request.transport is not None:
        reset(request.transport)
