"""Clients of the server: honest ones, impatient ones, and ones that talk nonsense."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wyoming.audio import AudioChunk, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.info import Describe, Info
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
)

from benchmarks.support.server import HOST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from multiprocessing.synchronize import Semaphore

    from wyoming.event import Event

_EVENT_PATIENCE_S: Final = 60.0

# A forked child need not import anything: it is not busy when the clock runs.
_PROCESSES = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of one utterance; times are counted from before the connection was opened.

    Attributes:
        first_s: When the first audio came; None if none did.
        total_s: When the last event came.
        audio_s: Duration of the audio.
        error: What the server complained about.
    """

    first_s: float | None
    total_s: float
    audio_s: float
    error: str | None = None


async def describe(port: int) -> float:
    """Ask who is there, on a connection of its own; returns the time to the answer."""
    begun = time.perf_counter()
    async with _connected(port) as client:
        await client.write_event(Describe().event())
        event = await client.read_event()
        answered_s = time.perf_counter() - begun
    if event is None or not Info.is_type(event.type):
        raise RuntimeError(f"describe was answered with {event}")
    return answered_s


async def speak(
    port: int, text: str, piece: int | None = None, *, only_first: bool = False
) -> Heard:
    """Have a text spoken, on a connection of its own.

    Args:
        port: Where the server is.
        text: What to say.
        piece: Send the text as a stream of pieces of this many characters, as fast as it goes.
        only_first: Hang up when the first audio is there.
    """
    begun = time.perf_counter()
    first_s, audio_s = None, 0.0
    end = AudioStop if piece is None else SynthesizeStopped
    async with _connected(port) as client:
        writing = asyncio.create_task(_write(client, list(_events(text, piece))))
        while True:
            event = await client.read_event()
            now_s = time.perf_counter() - begun
            if event is None:
                raise ConnectionError("the server closed the connection")
            if AudioChunk.is_type(event.type):
                first_s = first_s or now_s
                audio_s += AudioChunk.from_event(event).seconds
                if only_first:
                    writing.cancel()
                    return Heard(first_s, now_s, audio_s)
            elif Error.is_type(event.type):
                writing.cancel()
                return Heard(first_s, now_s, audio_s, Error.from_event(event).code or "error")
            elif end.is_type(event.type):
                await writing
                return Heard(first_s, now_s, audio_s)


async def babble(port: int, junk: bytes) -> None:
    """Send what is no event, listen for a moment, and hang up."""
    reader, writer = await asyncio.open_connection(HOST, port)
    with suppress(OSError, TimeoutError):
        writer.write(junk)
        async with asyncio.timeout(1):
            await writer.drain()
            await reader.read()
    writer.transport.abort()


@contextmanager
def busy_clients(port: int, number: int, text: str) -> Iterator[None]:
    """Clients that have a text spoken again and again, until their process is killed.

    All of them hear something when the body begins.
    """
    begun = _PROCESSES.Semaphore(0)
    child = _PROCESSES.Process(target=_speak_forever, args=(port, number, text, begun), daemon=True)
    child.start()
    try:
        for _ in range(number):
            if not begun.acquire(timeout=_EVENT_PATIENCE_S):
                raise TimeoutError("a client waits for its first audio in vain")
        yield
    finally:
        child.kill()
        child.join()


def _speak_forever(port: int, number: int, text: str, begun: Semaphore) -> None:
    async def client() -> None:
        is_first = True
        while True:
            async with _connected(port) as connection:
                await connection.write_event(Synthesize(text=text).event())
                while (event := await connection.read_event()) is not None:
                    if AudioChunk.is_type(event.type) and is_first:
                        is_first = False
                        begun.release()
                    if AudioStop.is_type(event.type):
                        break

    async def clients() -> None:
        await asyncio.gather(*(client() for _ in range(number)))

    with suppress(ConnectionError):  # the server is gone
        asyncio.run(clients())


@asynccontextmanager
async def _connected(port: int) -> AsyncIterator[AsyncTcpClient]:
    client = AsyncTcpClient(HOST, port, read_timeout=_EVENT_PATIENCE_S)
    await client.connect()
    try:
        yield client
    finally:
        with suppress(OSError):
            await client.disconnect()


async def _write(client: AsyncTcpClient, events: Sequence[Event]) -> None:
    for event in events:
        await client.write_event(event)


def _events(text: str, piece: int | None) -> Iterator[Event]:
    """The request; a stream carries the whole text as well, as Home Assistant does it."""
    if piece is None:
        yield Synthesize(text=text).event()
        return
    yield SynthesizeStart().event()
    for start in range(0, len(text), piece):
        yield SynthesizeChunk(text=text[start : start + piece]).event()
    yield Synthesize(text=text).event()
    yield SynthesizeStop().event()
