"""The settings of the HTTP side."""

from __future__ import annotations

import json
from ipaddress import ip_network
from pathlib import Path  # noqa: TC003 - pydantic evaluates it
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from wyoming_hayakoe.setting_types import Section, expand_home


def _split(value: object) -> object:
    """A list may be one line of text, as environment variables are: JSON, or with commas.

    What is wrong with it is said without showing it, for it may be a key.
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ValueError(f"is no JSON: {error}") from None
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list | tuple | None):
        raise ValueError("must be a list")  # noqa: TRY004 - as pydantic wants it
    return value or ()


def _check_key(key: object) -> object:
    text = key.get_secret_value() if isinstance(key, SecretStr) else key
    if (
        not isinstance(text, str)
        or not MIN_KEY_CHARS <= len(text) <= MAX_KEY_CHARS
        or not (text.isascii() and text.isprintable())
        or " " in text
    ):
        raise ValueError(
            f"a key is text of {MIN_KEY_CHARS} to {MAX_KEY_CHARS} ASCII characters without spaces"
        )
    return key


def _check_network(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is no IP address or network such as 172.30.32.2") from None
    return text


MIN_KEY_CHARS: Final = 8
MAX_KEY_CHARS: Final = 512

ApiKey = Annotated[SecretStr, BeforeValidator(_check_key)]
Origin = Annotated[str, Field(pattern=r"^https?://[^/\s,*]+$", max_length=300)]
Network = Annotated[str, Field(max_length=50), AfterValidator(_check_network)]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=253)]

ApiKeys = Annotated[tuple[ApiKey, ...], NoDecode, BeforeValidator(_split)]
Origins = Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_split)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_split)]
HostNames = Annotated[tuple[HostName, ...], NoDecode, BeforeValidator(_split)]


class HttpSettings(Section):
    """The HTTP server: REST, WebSocket, OpenAI- and VOICEVOX-compatible API, metrics, a page."""

    enabled: bool = True
    """Whether to listen for HTTP at all."""
    host: str = "127.0.0.1"
    """Address to listen on; empty is all."""
    port: int = Field(10_280, ge=0, le=65_535)
    """Port to listen on; 0 is any free one."""
    ingress_port: int | None = Field(None, ge=0, le=65_535)
    """A second port, on all IPv4 interfaces, that answers `trusted_proxies` only, and without a
    key: they have asked who it is already. There is none if absent."""
    trusted_proxies: Networks = ()
    """Addresses or networks of proxies that are believed for whom they ask."""
    api_keys: ApiKeys = ()
    """Keys; whoever asks must have one of them. None are needed if there are none."""
    api_keys_file: Annotated[Path, AfterValidator(expand_home)] | None = None
    """File with more keys, one a line."""
    allow_without_key: bool = False
    """Whether to listen on other addresses than loopback without any key."""
    allowed_hosts: HostNames = ()
    """Names that this machine has on the internet; where no key is needed, requests under unknown
    ones are refused, for that is how a web page abroad would reach a server at home."""
    cors_origins: Origins = ()
    """Origins of web pages elsewhere that may use the server."""
    requests_per_minute: int = Field(600, ge=0, le=1_000_000)
    """Requests of one key, or else one address; 0 is no limit."""
    max_connections: int = Field(256, ge=1, le=10_000)
    """Connections at once; one more is told that the server is busy."""
    max_body_bytes: int = Field(6_291_456, ge=1024, le=67_108_864)
    """Size of what a request may send."""
    max_text_chars: int = Field(5000, ge=1, le=1_000_000)
    """Characters of one text."""
    max_batch_texts: int = Field(100, ge=1, le=10_000)
    """Texts of one batch."""
    read_timeout_s: float = Field(20.0, gt=0, le=3600)
    """A client that takes longer to say what it wants is given up."""
    answer_timeout_s: float = Field(300.0, gt=0, le=86_400)
    """An answer that is not streamed and takes longer is given up."""
    write_stall_s: float = Field(60.0, gt=0, le=3600)
    """A client that takes nothing of its answer for this long is given up."""
    idle_close_s: float = Field(90.0, gt=0, le=86_400)
    """A connection on which nothing happens this long is closed."""
