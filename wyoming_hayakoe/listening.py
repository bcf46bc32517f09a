"""Sockets that listen."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Final

from wyoming_hayakoe.address import TcpAddress, UnixAddress

if TYPE_CHECKING:
    from pathlib import Path

BACKLOG: Final = 512
"""Connections that wait to be accepted."""


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
            backlog=BACKLOG,
        )
    family, _, _, _, place = socket.getaddrinfo(
        address.host or None,
        address.port,
        type=socket.SOCK_STREAM,
        flags=socket.AI_PASSIVE,
    )[0]
    return socket.create_server((place[0], place[1]), family=family, backlog=BACKLOG)


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
