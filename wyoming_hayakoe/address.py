"""Where a server listens, as a URI."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hayakoe_engine.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """``tcp://HOST:PORT``; port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """``unix:///PATH``."""

    path: Path

    def __str__(self) -> str:
        return f"unix://{self.path}"


@dataclass(frozen=True, slots=True)
class StdioAddress:
    """``stdio://``: one connection, over standard input and output."""

    def __str__(self) -> str:
        return "stdio://"


Address = TcpAddress | UnixAddress | StdioAddress


def parse_address(uri: str) -> Address:
    """Parse a URI.

    Raises:
        ConfigError: It is none of the three kinds.
    """
    try:
        parts = urlsplit(uri)
        port = parts.port
        (parts.hostname or "").encode("idna")  # else it fails when the name is looked up
    except ValueError as error:
        raise ConfigError(f"{uri!r} is no address: {error}") from error
    # A path with ? or # in it would be cut short there.
    match "" if parts.query or parts.fragment else parts.scheme:
        case "tcp" if port is not None and parts.path in ("", "/"):
            host = parts.hostname or ""
            return TcpAddress("" if host == "*" else host, port)
        case "unix" if parts.path not in ("", "/") and not parts.netloc:
            return UnixAddress(Path(parts.path))
        case "stdio" if not parts.netloc:
            return StdioAddress()
    raise ConfigError(
        f"{uri!r} is no address to listen on; use tcp://HOST:PORT, unix:///PATH or stdio://"
    )
