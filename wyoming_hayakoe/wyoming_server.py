"""The Wyoming server: listens, admits clients, stops."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import sys
from typing import TYPE_CHECKING, Final

from hayakoe_engine.errors import BusyError, ConfigError
from wyoming_hayakoe.address import Address, StdioAddress, TcpAddress, UnixAddress
from wyoming_hayakoe.wire import MAX_LINE_BYTES
from wyoming_hayakoe.wyoming_connection import Connection, ShuttingDown

if TYPE_CHECKING:
    from pathlib import Path

    from wyoming_hayakoe.settings import WyomingSettings
    from wyoming_hayakoe.speech import Speech

_LOG = logging.getLogger(__name__)

_BACKLOG: Final = 512
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
        self._server = await start(self._admit, sock=sock, limit=MAX_LINE_BYTES, backlog=_BACKLOG)
        return sock

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer, self._speech, self._settings)
        most = self._settings.max_connections
        if len(self._connections) >= most:
            _LOG.info("connection refused: %d clients are connected", most)
            await connection.refuse(BusyError(f"{most} clients are connected already"))
            return
        await self._serve(connection)

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


def open_socket(address: TcpAddress | UnixAddress) -> socket.socket:
    """A socket bound to the address; resolving a host name may block.

    Raises:
        OSError: The address cannot be used.
    """
    if isinstance(address, UnixAddress):
        return _unix_socket(address.path)
    sock = _tcp_socket(address)
    # Accepted sockets inherit it. asyncio would set it, but not on sockets made like this one;
    # without it a small event may wait 40 ms for the acknowledgement of the one before.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _tcp_socket(address: TcpAddress) -> socket.socket:
    """A listening socket; ``[::]`` and no host at all take IPv4 clients too."""
    if address.host in ("", "::") and socket.has_dualstack_ipv6():
        return socket.create_server(
            ("::", address.port),
            family=socket.AF_INET6,
            dualstack_ipv6=True,
            backlog=_BACKLOG,
        )
    family, _, _, _, place = socket.getaddrinfo(
        address.host or None,
        address.port,
        type=socket.SOCK_STREAM,
        flags=socket.AI_PASSIVE,
    )[0]
    return socket.create_server((place[0], place[1]), family=family, backlog=_BACKLOG)


def _unix_socket(path: Path) -> socket.socket:
    """A bound socket; one that a dead server has left behind is replaced."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        if path.is_socket():
            try:
                sock.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
            else:
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        sock.bind(str(path))
    except BaseException:
        sock.close()
        raise
    return sock
