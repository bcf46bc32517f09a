"""The Wyoming server: listens, admits clients, stops."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import TYPE_CHECKING, Final

from hayakoe_engine.errors import BusyError, ConfigError
from wyoming_hayakoe.address import Address, StdioAddress, TcpAddress, UnixAddress
from wyoming_hayakoe.listening import BACKLOG, open_socket
from wyoming_hayakoe.places import Places, household
from wyoming_hayakoe.wire import MAX_LINE_BYTES
from wyoming_hayakoe.wyoming_connection import Connection, ShuttingDown

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from wyoming_hayakoe.settings import WyomingSettings
    from wyoming_hayakoe.speech import Speech

_LOG = logging.getLogger(__name__)

_POLL_S: Final = 0.02
_GOODBYE_S: Final = 1.0


class WyomingServer:
    """Serves Wyoming clients at one address.

    Args:
        speech: Who speaks.
        settings: Address and limits.
    """

    def __init__(self, speech: Speech, settings: WyomingSettings) -> None:
        self._speech = speech
        self._settings = settings
        self._server: asyncio.Server | None = None
        self._socket_path: Path | None = None
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._places = Places(settings.max_connections, "connections")
        self.ended = asyncio.Event()
        """Set when there will be no more clients: standard input has ended."""

    async def start(self) -> Address:
        """Listen.

        Returns:
            The address in use, with the port that was found if none was asked for.

        Raises:
            ConfigError: The address cannot be used.
        """
        address = self._settings.address
        try:
            match address:
                case TcpAddress():
                    sock = await self._listen(address)
                    return TcpAddress(address.host, sock.getsockname()[1])
                case UnixAddress():
                    await self._listen(address)
                    self._socket_path = address.path
                case StdioAddress():
                    await self._serve_stdio()
        except (OSError, ValueError) as error:  # ValueError: standard input is a regular file
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(
                f"wyoming.uri: cannot listen on {address}: {reason}",
                hint="is another server running there? `wyoming-hayakoe doctor` tells",
            ) from error
        return address

    async def stop(self) -> None:
        """Accept nobody any more, let what is being spoken end, at most ``shutdown_s``."""
        if self._server is not None:
            self._server.close()
        if self._socket_path is not None:
            self._socket_path.unlink(missing_ok=True)
        error = ShuttingDown("the server is stopping")
        for connection in self._connections.values():
            if not connection.is_speaking:
                connection.interrupt(error)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.shutdown_s
        # Many connections and no one event to wait for.
        while loop.time() < deadline and self._is_speaking():  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
        for connection in self._connections.values():
            connection.interrupt(error)
        if tasks := list(self._connections):
            await asyncio.wait(tasks, timeout=_GOODBYE_S)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _is_speaking(self) -> bool:
        return any(connection.is_speaking for connection in self._connections.values())

    async def _listen(self, address: TcpAddress | UnixAddress) -> socket.socket:
        sock = await asyncio.to_thread(open_socket, address)
        is_tcp = isinstance(address, TcpAddress)
        start = asyncio.start_server if is_tcp else asyncio.start_unix_server
        self._server = await start(self._admit, sock=sock, limit=MAX_LINE_BYTES, backlog=BACKLOG)
        return sock

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        client = household(peer[0]) if peer else None
        connection = Connection(reader, writer, self._speech, self._settings, client=client)
        try:
            self._places.take(client)
        except BusyError as error:
            _LOG.info("connection refused: %s", error)
            await connection.refuse(error)
            return
        try:
            await self._serve(connection)
        finally:
            self._places.give_back(client)

    async def _serve(self, connection: Connection) -> None:
        task = asyncio.current_task()
        if task is None:  # cannot be: this is a coroutine
            return
        self._connections[task] = connection
        try:
            await connection.run()
        except Exception:  # noqa: BLE001 - logged; other clients go on
            _LOG.exception("a connection failed")
        finally:
            del self._connections[task]

    async def _serve_stdio(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
        # The transport closes its file; sys.stdout is flushed when the process ends.
        stdout = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), stdout
        )
        writer = asyncio.StreamWriter(transport, protocol, None, loop)
        connection = Connection(reader, writer, self._speech, self._settings, finish_at_eof=True)
        task = asyncio.create_task(self._serve(connection))
        task.add_done_callback(lambda _: self.ended.set())
