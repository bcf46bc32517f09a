"""Clients that do wrong, and stay as long as they are let."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from benchmarks.support.server import HOST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_PAUSE_S: Final = 0.2
_RESETS: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets the connection."""
_FLOOD_BYTES: Final = 64 * 2**20
_BLOCK: Final = bytes(2**16)


class Manner(Enum):
    """What a client does when it has said its opening; none ever reads."""

    STAYS = auto()
    """Sends nothing more."""
    DRIPS = auto()
    """Goes on, a byte at a time."""
    FLOODS = auto()
    """Goes on, 64 MB as fast as they are taken."""
    RESETS = auto()
    """Resets the connection soon, connects again, and so on."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of wrong client.

    Attributes:
        name: As the table has it.
        openings: What the clients say, in turns.
        manner: What they do then.
        number: How many of them there are at once.
    """

    name: str
    openings: tuple[bytes, ...]
    manner: Manner = Manner.STAYS
    number: int = 50


def event_bytes(kind: str, **data: object) -> bytes:
    """An event with whatever data, also what the library cannot send."""
    body = json.dumps(data).encode()
    return b'{"type": "%s", "data_length": %d}\n' % (kind.encode(), len(body)) + body


def kinds(long_text: str) -> Iterator[Kind]:
    """All kinds.

    Args:
        long_text: That some of them want to hear.
    """
    synthesize = event_bytes("synthesize", text=long_text)
    two_gb = 2**31
    yield Kind(
        "garbage",
        (
            b"\x00\xff\xfe" * 4000,
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b'{"type": ' + b"[" * 50_000 + b"\n",
            b'{"type": "synthesize"}\n{"type": "synthesize", "data": {"text": 7}}\n',
            b"a" * 200_000,
            b"[1, 2, 3]\n",
        ),
    )
    yield Kind(
        "headers that announce 2 GB",
        (
            b'{"type": "synthesize", "data_length": %d}\n' % two_gb,
            b'{"type": "synthesize", "payload_length": %d}\n' % two_gb,
            b'{"type": "synthesize", "data_length": -1}\n',
        ),
    )
    yield Kind(
        "2 GB announced, 64 MB sent by each of four",
        (b'{"type": "synthesize", "payload_length": %d}\n' % two_gb,),
        Manner.FLOODS,
        number=4,
    )
    yield Kind("half-open", (b"", b'{"type": "describe"', b'{"type": "synthesize", "data_len'))
    yield Kind("slow-loris", (b'{"type": "descr',), Manner.DRIPS)
    yield Kind("ask, and reset after 0.2 s", (synthesize,), Manner.RESETS, number=10)
    yield Kind("ask, and take nothing", (synthesize,), number=10)


@asynccontextmanager
async def gang(port: int, kind: Kind) -> AsyncIterator[None]:
    """All clients of a kind, until the body is left."""
    async with asyncio.TaskGroup() as group:
        clients = [
            group.create_task(_client(port, kind, kind.openings[i % len(kind.openings)]))
            for i in range(kind.number)
        ]
        try:
            yield
        finally:
            for client in clients:
                client.cancel()


async def _client(port: int, kind: Kind, opening: bytes) -> None:
    is_first = True
    while is_first or kind.manner is Manner.RESETS:
        is_first = False
        with suppress(OSError), socket.socket() as plain:
            # A little buffer: who takes nothing is to be noticed soon.
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESETS)
            plain.setblocking(False)
            await _behave(plain, port, kind.manner, opening)


async def _behave(plain: socket.socket, port: int, manner: Manner, opening: bytes) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_connect(plain, (HOST, port))
    await loop.sock_sendall(plain, opening)
    match manner:
        case Manner.RESETS:
            await asyncio.sleep(_PAUSE_S)
            return
        case Manner.FLOODS:
            for _ in range(0, _FLOOD_BYTES, len(_BLOCK)):
                await loop.sock_sendall(plain, _BLOCK)
        case Manner.DRIPS:
            while True:
                await asyncio.sleep(_PAUSE_S)
                await loop.sock_sendall(plain, b"i")
        case Manner.STAYS:
            pass
    await asyncio.Event().wait()
