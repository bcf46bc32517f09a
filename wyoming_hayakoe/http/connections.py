"""Which connections there are: not too many, and none that only waits."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REFUSED_AT_ONCE: Final = 64
"""Connections that are being told that there are too many."""
_REFUSAL_S: Final = 1.0
_LOOKS: Final = 4
"""How often, within the time that a client has for something, it is looked whether it did it."""
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Connections:
    """The connections of one server.

    Args:
        most: Connections at once.
        patience_s: Time that a client has to ask for something.
        stall_s: Time in which a client has to take something of its answer.

    Attributes:
        busy: Requests that are being answered.
    """

    def __init__(self, most: int, patience_s: float, stall_s: float) -> None:
        self.busy = 0
        self._most = most
        self._patience_s = patience_s
        self._stall_s = stall_s
        self._silent: dict[web.RequestHandler, float] = {}
        self._unsent: dict[web.RequestHandler, tuple[int, float]] = {}
        self._asked: set[web.RequestHandler] = set()
        self._refused = 0

    @contextmanager
    def serving(self, request: web.Request) -> Iterator[None]:
        """While a request is answered; its connection does not only wait."""
        self._asked.add(request.protocol)
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1

    def admission(self, server: web.Server) -> Callable[[], asyncio.Protocol]:
        """Makes the protocol of each new connection."""

        def admit() -> asyncio.Protocol:
            if len(server.connections) < self._most:
                return server()
            return _Refusal(self)

        return admit

    async def watch(self, server: web.Server) -> None:
        """Close, for ever, what neither asks for anything nor takes what it has asked for."""
        while True:
            await asyncio.sleep(min(self._patience_s, self._stall_s) / _LOOKS)
            connections = set(server.connections)
            self._asked &= connections
            self._close_silent(connections - self._asked, time.monotonic())
            self._reset_stalled(connections, time.monotonic())

    def _close_silent(self, connections: set[web.RequestHandler], now: float) -> None:
        self._silent = {one: self._silent.get(one, now) for one in connections}
        for connection, since in self._silent.items():
            if now - since >= self._patience_s:
                connection.force_close()

    def _reset_stalled(self, connections: set[web.RequestHandler], now: float) -> None:
        before, self._unsent = self._unsent, {}
        for connection in connections:
            transport = connection.transport
            size = 0 if transport is None else transport.get_write_buffer_size()
            if transport is None or not size:
                continue
            last_size, since = before.get(connection, (0, now))
            self._unsent[connection] = (size, since if size == last_size else now)
            if now - self._unsent[connection][1] >= self._stall_s:
                reset(transport)

    def begin_refusal(self) -> bool:
        """Whether there is time for an explanation."""
        self._refused += 1
        return self._refused <= _REFUSED_AT_ONCE

    def end_refusal(self) -> None:
        """A refused connection is gone."""
        self._refused -= 1


CONNECTIONS: Final = web.AppKey("connections", Connections)


def reset(transport: asyncio.Transport) -> None:
    """Break a connection off, in such a way that it does not look like an ordinary end.

    What is not sent yet is dropped; the kernel would keep it for a client that takes nothing.
    """
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


class _Refusal(asyncio.Protocol):
    """Says that there are too many connections."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._closing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            return
        if not self._connections.begin_refusal():
            transport.abort()
            return
        transport.write(_too_many())
        # Closing before the request has come would drop the answer.
        loop = asyncio.get_running_loop()
        self._closing = loop.call_later(_REFUSAL_S, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - it is called so
        self._connections.end_refusal()
        if self._closing is not None:
            self._closing.cancel()


def _too_many() -> bytes:
    error = {"code": "busy", "message": "too many connections", "hint": "try again later"}
    body = json.dumps({"error": error}).encode()
    return (
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
        b"Retry-After: 2\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    ) + body
