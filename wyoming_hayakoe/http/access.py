"""Who asks, and whether they may: keys, proxies, names, origins."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final, TypeVar

from aiohttp import web

from hayakoe_engine.errors import ConfigError
from wyoming_hayakoe.http.documented import documentation_of
from wyoming_hayakoe.http.errors import Forbidden, Unauthorized
from wyoming_hayakoe.http.keys import SETTINGS
from wyoming_hayakoe.http_settings import MAX_KEY_CHARS, MIN_KEY_CHARS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wyoming_hayakoe.http_settings import HttpSettings

_MAX_KEYS_BYTES: Final = 1 << 20
_MAX_FORWARDED: Final = 1000
_HOME_NAMES: Final = (
    "localhost",
    ".localhost",
    ".local",
    ".lan",
    ".home",
    ".internal",
    ".home.arpa",
)

_H = TypeVar("_H")
_OPEN: Final = "is_open_to_all"


class Keys:
    """The keys that open the server.

    Args:
        keys: None are needed if there are none.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._digests = [_digest(key) for key in dict.fromkeys(keys)]

    @classmethod
    def of(cls, settings: HttpSettings) -> Keys:
        """Those of the settings and of the file that they name.

        Raises:
            ConfigError: The file cannot be read, or has a line that is no key.
        """
        keys = [key.get_secret_value() for key in settings.api_keys]
        if settings.api_keys_file is not None:
            try:
                with settings.api_keys_file.open("rb") as file:
                    lines = file.read(_MAX_KEYS_BYTES).decode().splitlines()
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or error
                raise ConfigError(
                    f"http.api_keys_file: cannot read {settings.api_keys_file}: {reason}"
                ) from error
            for number, line in enumerate(map(str.strip, lines), 1):
                if not line or line.startswith("#"):
                    continue
                if not (MIN_KEY_CHARS <= len(line) <= MAX_KEY_CHARS and line.isascii()):
                    raise ConfigError(
                        f"http.api_keys_file: line {number} is no key of {MIN_KEY_CHARS} to "
                        f"{MAX_KEY_CHARS} ASCII characters"
                    )
                keys.append(line)
        return cls(keys)

    @property
    def are_needed(self) -> bool:
        """Whether there are any."""
        return bool(self._digests)

    def accept(self, key: str) -> bool:
        """Whether it is one of them; how long that takes tells nothing of them."""
        digest = _digest(key)
        # All are compared, whichever it is.
        return sum(hmac.compare_digest(digest, known) for known in self._digests) > 0


KEYS: Final = web.AppKey("keys", Keys)


class Ingress:
    """The second listener.

    Attributes:
        port: Where it listens; None before it does, and where there is none.
    """

    def __init__(self) -> None:
        self.port: int | None = None


INGRESS: Final = web.AppKey("ingress", Ingress)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks.

    Attributes:
        address: Of the machine; of the one that a trusted proxy speaks for.
        host: The name that they know the server by, with its port.
        is_ingress: Whether they come by the second listener, and so are known already.
    """

    address: str
    host: str
    is_ingress: bool


VISITOR: Final = web.RequestKey("visitor", Visitor)


def open_to_all(handler: _H) -> _H:
    """Mark a handler that asks for no key, because it tells nothing or asks itself."""
    setattr(handler, _OPEN, True)
    return handler


def is_open(handler: object) -> bool:
    """Whether a handler asks for no key."""
    documentation = documentation_of(handler)
    is_documented_so = documentation is not None and documentation.is_open
    return is_documented_so or getattr(handler, _OPEN, False)


def visitor_of(request: web.Request) -> Visitor:
    """Who asks; of headers only those of trusted proxies count.

    Raises:
        Forbidden: It is not for them to use the second listener.
    """
    transport = request.transport
    peer = transport.get_extra_info("peername") if transport else None
    local = transport.get_extra_info("sockname") if transport else None
    address = _address(peer[0] if peer else "")
    port = local[1] if local else None
    networks = [ip_network(text, strict=False) for text in request.app[SETTINGS].trusted_proxies]

    def is_trusted(one: IPv4Address | IPv6Address | None) -> bool:
        return one is not None and any(one in network for network in networks)

    is_ingress = port is not None and port == request.app[INGRESS].port
    if not is_trusted(address):
        if is_ingress:
            raise Forbidden("this port is for the proxies of http.trusted_proxies only")
        return Visitor(str(address), request.headers.get("Host", ""), is_ingress=False)
    forwarded = request.headers.get("X-Forwarded-For", "")[-_MAX_FORWARDED:]
    hops = [_address(hop.strip()) for hop in forwarded.split(",")] if forwarded else []
    # Each proxy appends whom it speaks for; what stands left of the last stranger is his claim.
    client = next((hop for hop in reversed(hops) if not is_trusted(hop)), None) or address
    host = request.headers.get("X-Forwarded-Host", request.headers.get("Host", ""))
    return Visitor(str(client), host, is_ingress=is_ingress)


def key_of(request: web.Request) -> str | None:
    """The key that the request has, in ``Authorization: Bearer`` or ``X-API-Key``."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    return request.headers.get("X-API-Key")


def may_enter(request: web.Request) -> bool:
    """Whether the request needs no key, or has a right one."""
    keys = request.app[KEYS]
    if not keys.are_needed or request[VISITOR].is_ingress:
        return True
    key = key_of(request)
    return key is not None and keys.accept(key)


def check_key(request: web.Request) -> None:
    """Refuse whoever needs a key and has none.

    Raises:
        Unauthorized: The message says what is missing.
    """
    if may_enter(request):
        return
    what = "this key is not known" if key_of(request) is not None else "a key is needed"
    raise Unauthorized(
        what, hint="send one of http.api_keys as Authorization: Bearer KEY, or as X-API-Key: KEY"
    )


def check_name(request: web.Request) -> None:
    """Refuse names that are not this machine's where no key is asked for.

    A page on the internet may have a name that it lets mean this machine from one moment to the
    next; then the browser takes the server for a part of that page.

    Raises:
        Forbidden: It is such a name.
    """
    if request.app[KEYS].are_needed or request[VISITOR].is_ingress:
        return
    name = _without_port(request.headers.get("Host", ""))
    if not name or _address(name) is not None or "." not in name or name.endswith(_HOME_NAMES):
        return
    if name not in (host.lower() for host in request.app[SETTINGS].allowed_hosts):
        raise Forbidden(
            f"{name!r:.260} is not known as a name of this server",
            hint="http.allowed_hosts names those that it has",
        )


def allowed_origin(request: web.Request) -> str | None:
    """The web page elsewhere that asks, if there is one.

    Raises:
        Forbidden: It may not.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        site = request.headers.get("Sec-Fetch-Site")
        if site == "cross-site" and request.headers.get("Sec-Fetch-Mode") != "navigate":
            raise Forbidden(
                "pages elsewhere may not use this server",
                hint="http.cors_origins names those that may",
            )
        return None
    if origin in request.app[SETTINGS].cors_origins:
        return origin
    visitor = request[VISITOR]
    own = {request.headers.get("Host", ""), visitor.host}
    if visitor.is_ingress or origin.partition("://")[2] in own:
        return None
    raise Forbidden(
        f"pages of {origin!r:.300} may not use this server",
        hint="http.cors_origins names those that may",
    )


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].rstrip(".").lower()


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()
