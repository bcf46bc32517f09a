"""One WebSocket client: its text in, audio out.

Reading and speaking are separate, so that a client can stop what is being said at any time, and
one that goes away is noticed and its work ends.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from aiohttp import WSCloseCode, WSMsgType

from hayakoe_engine.encoding import encoded_rate_hz
from hayakoe_engine.errors import BusyError, HayakoeError, InferenceFailed
from wyoming_hayakoe.http.errors import Unauthorized
from wyoming_hayakoe.http.websocket_limits import (
    IdleTimeout,
    NotConfigured,
    ShuttingDown,
    WebSocketLimits,
)
from wyoming_hayakoe.http.websocket_messages import (
    BadMessage,
    Cancel,
    Config,
    EndOfStream,
    Flush,
    Message,
    Text,
    parse_message,
    timings_message,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import WSMessage, web

    from hayakoe_engine.encoding import AudioEncoder
    from wyoming_hayakoe.speech import Narration, Speech

_LOG = logging.getLogger(__name__)

CHUNK_BYTES: Final = 32_768
"""Most audio in one message."""
_POLL_S: Final = 0.02
_NO_KEY: Final = "the first message must be a config with a right api_key"


@dataclass(eq=False, slots=True)
class _Turn:
    """An utterance.

    Attributes:
        number: From 1, on this connection.
        narration: Who speaks it.
        config: How its audio is sent.
    """

    number: int
    narration: Narration
    config: Config


class Session:
    """A connected client.

    Args:
        socket: Prepared; its owner closes it when ``run`` has returned.
        speech: Who speaks.
        limits: Limits.
        client: Who it is, as far as they can be told from others.
        is_right_key: Whether a key opens the door; None if it is open already.
        abort: Breaks the connection off.
        stopping: Set when nothing new may begin; what has begun may end.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        speech: Speech,
        limits: WebSocketLimits,
        *,
        client: str,
        is_right_key: Callable[[str], bool] | None,
        abort: Callable[[], None],
        stopping: asyncio.Event,
    ) -> None:
        self._socket = socket
        self._speech = speech
        self._limits = limits
        self._client = client
        self._is_right_key = is_right_key
        self._abort = abort
        self._stopping = stopping
        self._config: Config | None = None
        self._open: _Turn | None = None
        self._spoken: _Turn | None = None
        self._is_skipping = False  # the rest of the text of an utterance that has failed
        self._turns: asyncio.Queue[_Turn] = asyncio.Queue()
        self._unfinished: list[_Turn] = []
        self._numbers = 0
        self._allowance = float(limits.burst)
        self._last_message = self._last_audio = time.monotonic()

    async def run(self) -> None:
        """Serve the client until it or a limit ends the connection."""
        background = [
            asyncio.create_task(self._keep_alive()),
            asyncio.create_task(self._leave()),
        ]
        self._speaking = asyncio.create_task(self._speak_all())
        try:
            await self._read()
        except (Unauthorized, IdleTimeout) as error:
            _LOG.info("WebSocket closed: %s", error)
            with suppress(ConnectionError):
                await self._send_error(error)
                await self._socket.close(
                    code=WSCloseCode.POLICY_VIOLATION, message=error.code.encode()
                )
        except ConnectionError as error:
            _LOG.debug("client gone: %s", error)
        finally:
            for turn in self._unfinished:
                turn.narration.close()
            for task in (*background, self._speaking):
                await _end(task)

    # Reading

    async def _read(self) -> None:
        while True:
            received = await self._receive()
            if received.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            await self._hold_back()
            try:
                if received.type is WSMsgType.BINARY:
                    raise BadMessage("messages are text; binary ones are only ever sent to you")
                message = parse_message(received.data)
                if self._is_right_key is not None:
                    self._open_door(message)
                await self._handle(message)
            except HayakoeError as error:
                if self._is_right_key is not None:
                    raise Unauthorized(_NO_KEY) from error
                await self._send_error(error)

    async def _receive(self) -> WSMessage:
        is_waiting_for_key = self._is_right_key is not None
        patience_s = self._limits.config_s if is_waiting_for_key else self._limits.idle_close_s
        while True:
            since_s = time.monotonic() - max(self._last_message, self._last_audio)
            try:
                return await self._socket.receive(timeout=max(patience_s - since_s, 0.05))
            except TimeoutError:
                if is_waiting_for_key:
                    raise Unauthorized(
                        f"no key came within {patience_s:g} s; send it as api_key of config"
                    ) from None
                if self._is_idle(patience_s):
                    raise IdleTimeout(f"nothing was said for {patience_s:g} s") from None

    def _is_idle(self, patience_s: float) -> bool:
        if time.monotonic() - max(self._last_message, self._last_audio) < patience_s:
            return False
        return not any(
            turn is not self._open or turn.narration.is_speaking for turn in self._unfinished
        )

    async def _hold_back(self) -> None:
        """Let no more messages pass than the limit allows."""
        rate, now = self._limits.messages_per_s, time.monotonic()
        refill = (now - self._last_message) * rate
        self._last_message = now
        self._allowance = min(self._allowance + refill, self._limits.burst) - 1
        if self._allowance < 0:
            await asyncio.sleep(1 / rate)

    async def _handle(self, message: Message) -> None:
        match message:
            case Config():
                await self._configure(message)
            case Text():
                await self._push(message.text)
            case Flush():
                if self._open is not None:
                    self._open.narration.flush()
            case EndOfStream():
                await self._finish()
            case Cancel():
                await self._cancel()
            case _:
                await self._send({"type": "pong"})

    def _open_door(self, message: Message) -> None:
        key = message.api_key if isinstance(message, Config) else None
        if key is None or self._is_right_key is None or not self._is_right_key(key):
            raise Unauthorized(_NO_KEY)
        self._is_right_key = None

    async def _configure(self, config: Config) -> None:
        choice = self._speech.find(config.voice, config.style)
        rate_hz = config.sample_rate or choice.speaker.info.sample_rate_hz
        self._config = config
        await self._send(
            {
                "type": "ready",
                "voice": choice.name,
                "style": choice.options.style,
                "sample_rate": encoded_rate_hz(config.format, rate_hz),
                "format": config.format,
                "encoding": config.encoding,
            }
        )

    async def _push(self, text: str) -> None:
        if self._is_skipping:
            return
        config = self._configured()
        try:
            turn = self._open or self._begin(config)
            turn.narration.push(text)
        except HayakoeError as error:
            self._is_skipping = True
            failed = self._open
            if failed is not None and failed is self._spoken:
                await _end(self._speaking)
                self._speaking = asyncio.create_task(self._speak_all())
            await self._fail(failed, error)

    async def _finish(self) -> None:
        if not self._is_skipping:
            config = self._configured()
            try:
                turn = self._open or self._begin(config)
                turn.narration.finish()
            except HayakoeError as error:
                await self._fail(self._open, error)
        self._open = None
        self._is_skipping = False

    def _configured(self) -> Config:
        if self._config is None:
            raise NotConfigured("send a message of type config first, and wait for ready")
        return self._config

    def _begin(self, config: Config) -> _Turn:
        self._numbers += 1
        if self._stopping.is_set():
            raise ShuttingDown("the server stops; connect again in a moment")
        if len(self._unfinished) >= self._limits.max_waiting:
            raise BusyError(f"{self._limits.max_waiting} utterances are waiting on this connection")
        wanted = replace(config.narration, client=self._client)
        turn = self._open = _Turn(self._numbers, self._speech.begin(wanted), config)
        self._unfinished.append(turn)
        self._turns.put_nowait(turn)
        return turn

    async def _fail(self, turn: _Turn | None, error: HayakoeError) -> None:
        """End an utterance, or the one that could not begin, with its error."""
        number = self._numbers if turn is None else turn.number
        if turn is not None:
            if turn not in self._unfinished:
                return
            self._unfinished.remove(turn)
            turn.narration.close()
            if turn is self._open:
                self._open = None
                self._is_skipping = True
        await self._send_error(error, number)

    async def _cancel(self) -> None:
        await _end(self._speaking)
        cancelled, self._unfinished = self._unfinished, []
        for turn in cancelled:
            turn.narration.close()
        self._open = None
        self._is_skipping = False
        self._turns = asyncio.Queue()
        await self._send({"type": "cancelled", "utterances": [turn.number for turn in cancelled]})
        self._speaking = asyncio.create_task(self._speak_all())

    # Speaking

    async def _speak_all(self) -> None:
        """Speak one utterance after another."""
        while True:
            turn = self._spoken = await self._turns.get()
            if turn not in self._unfinished:  # it has failed before its time came
                continue
            try:
                await self._speak(turn)
            except HayakoeError as error:
                await self._fail(turn, error)
            except ConnectionError:
                return
            except Exception as error:  # noqa: BLE001 - its client is told, and goes on
                _LOG.exception("speaking failed")
                await self._fail(turn, InferenceFailed(f"speaking failed: {error}"))

    async def _speak(self, turn: _Turn) -> None:
        encoder = turn.config.output.encoder(turn.narration.sample_rate_hz, is_streamed=True)
        try:
            await self._send_spoken(turn, encoder)
        finally:
            # In a thread, for another one may be at work on it still.
            asyncio.get_running_loop().run_in_executor(None, encoder.close)

    async def _send_spoken(self, turn: _Turn, encoder: AudioEncoder) -> None:
        narration, config = turn.narration, turn.config
        made_s = 0.0
        sentences = 0
        async for audio in narration:
            if audio.sentence is not None:
                await self._send(
                    {
                        "type": "sentence",
                        "utterance": turn.number,
                        "index": sentences,
                        "text": audio.sentence,
                        "start_s": round(made_s, 4),
                    }
                )
                sentences += 1
            if config.timings and audio.timings:
                await self._send(timings_message(turn.number, audio, made_s))
            encoded = await asyncio.to_thread(encoder.push, audio.samples)
            await self._send_audio(turn, encoded)
            made_s += audio.duration_s
        await self._send_audio(turn, await asyncio.to_thread(encoder.finish))
        self._unfinished.remove(turn)
        await self._send(
            {
                "type": "complete",
                "utterance": turn.number,
                "sentences": sentences,
                "duration_s": round(made_s, 4),
            }
        )

    async def _send_audio(self, turn: _Turn, encoded: bytes) -> None:
        for start in range(0, len(encoded), CHUNK_BYTES):
            chunk = encoded[start : start + CHUNK_BYTES]
            if turn.config.encoding == "binary":
                await self._send(chunk)
            else:
                data = base64.b64encode(chunk).decode("ascii")
                await self._send({"type": "audio", "utterance": turn.number, "data": data})
            self._last_audio = time.monotonic()

    # Writing

    async def _keep_alive(self) -> None:
        with suppress(ConnectionError):
            while True:
                await asyncio.sleep(self._limits.keepalive_s)
                await self._send({"type": "keepalive"})

    async def _leave(self) -> None:
        """Say goodbye when the server stops and everything is said."""
        await self._stopping.wait()
        while self._unfinished:  # noqa: ASYNC110 - seldom, and there is no one event for it
            await asyncio.sleep(_POLL_S)
        await self._socket.close(code=WSCloseCode.GOING_AWAY)

    async def _send_error(self, error: HayakoeError, number: int | None = None) -> None:
        message: dict[str, object] = {
            "type": "error",
            "code": error.code,
            "message": str(error),
            "hint": error.hint,
        }
        if number is not None:
            message["utterance"] = number
        await self._send(message)

    async def _send(self, message: dict[str, object] | bytes) -> None:
        try:
            async with asyncio.timeout(self._limits.write_stall_s):
                if isinstance(message, bytes):
                    await self._socket.send_bytes(message)
                else:
                    await self._socket.send_str(json.dumps(message, ensure_ascii=False))
        except TimeoutError as error:
            self._abort()
            raise ConnectionAbortedError("the client takes no data") from error


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, ConnectionError):
        await task
