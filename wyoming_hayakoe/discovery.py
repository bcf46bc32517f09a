"""Announces the Wyoming server on the local network, where Home Assistant looks for it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import socket
import unicodedata
import uuid
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

import ifaddr
from zeroconf import DNSQuestionType, NonUniqueNameException
from zeroconf import Error as ZeroconfError
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_LOG = logging.getLogger(__name__)

SERVICE_TYPE: Final = "_wyoming._tcp.local."

_LABEL_BYTES: Final = 63
_MAX_NAMES: Final = 20
# A responder may wait 1.2 s before it repeats what it has just said.
_LOOKUP_MS: Final = 1500
_MACHINE_ID_FILES: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_IPV6_FLAGS: Final = Path("/proc/net/if_inet6")
# Linux's IFA_F_TEMPORARY, IFA_F_DADFAILED, IFA_F_DEPRECATED and IFA_F_TENTATIVE: addresses that
# are changed for privacy every day, must not be used, go out of use, or cannot be bound yet.
_FLEETING: Final = 0x01 | 0x08 | 0x20 | 0x40
# Home Assistant tries only one of the announced addresses, any one of them, so the addresses that
# nobody else can reach must not be among them.
_CONTAINER_BRIDGE: Final = re.compile(
    r"docker\d+|br-[0-9a-f]{12}|hassio|(virbr|lxcbr|lxdbr|podman)\d+|(veth|cni).*"
)


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """An address of a network interface of this machine."""

    ip: IPv4Address | IPv6Address
    interface: str = ""
    index: int = 0
    """Changes when the interface is removed and added again."""
    fleeting: bool = False
    """Whether it is a temporary, deprecated or not yet usable IPv6 address."""


def interface_addresses() -> list[InterfaceAddress]:
    """All addresses of this machine; blocks for a moment.

    Raises:
        OSError: The system does not tell.
    """
    fleeting = _fleeting_addresses()
    found = []
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            ip = ip_address(text.partition("%")[0])
            found.append(InterfaceAddress(ip, adapter.name, adapter.index or 0, ip in fleeting))
    return found


def _fleeting_addresses() -> set[IPv6Address]:
    try:
        rows = [line.split() for line in _IPV6_FLAGS.read_text("ascii").splitlines()]
    except OSError:
        return set()
    return {IPv6Address(bytes.fromhex(row[0])) for row in rows if int(row[4], 16) & _FLEETING}


def reachable_addresses(
    present: Iterable[InterfaceAddress], *, ipv6: bool
) -> list[InterfaceAddress]:
    """The addresses at which others reach a server that listens on all of them.

    Where there is none, the IPv4 link-local ones; where there is none of these, loopback.

    Args:
        present: All addresses of the machine.
        ipv6: Whether the server listens on IPv6, too.
    """
    candidates = [a for a in present if _may_be_announced(a, ipv6=ipv6)]
    loopback = [a for a in candidates if a.ip.is_loopback]
    link_local = [a for a in candidates if a.ip.is_link_local]
    others = [a for a in candidates if a not in loopback and a not in link_local]
    return others or link_local or loopback


def _may_be_announced(address: InterfaceAddress, *, ipv6: bool) -> bool:
    if address.ip.is_unspecified or _CONTAINER_BRIDGE.fullmatch(address.interface):
        return False
    if isinstance(address.ip, IPv4Address):
        return True
    return ipv6 and not address.fleeting and not address.ip.is_link_local


def default_instance_name(port: int, machine_id_files: Sequence[Path] = _MACHINE_ID_FILES) -> str:
    """A name that this server has after every start and no other server has.

    The machine's id is hashed, because it is not to be published.
    """
    machine = next(filter(None, map(_machine_id, machine_id_files)), f"{uuid.getnode():x}")
    return f"hayakoe-{_digest(f'wyoming-hayakoe {machine}', 8)}-{port}"


def _machine_id(file: Path) -> str | None:
    try:
        text = file.read_text("ascii").strip()
    except (OSError, UnicodeError):
        return None
    return text if re.fullmatch(r"[0-9a-fA-F-]{32,36}", text) else None


def _digest(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def instance_label(name: str, number: int = 1) -> str:
    """Turn a name into an mDNS label: no dots or control characters, at most 63 bytes.

    Args:
        name: What the user wants.
        number: Appended from 2 on, to tell servers of the same name apart.
    """
    text = unicodedata.normalize("NFC", name).replace(".", "-")
    printable = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    # A label that starts with an underscore would be taken for a part of the service type.
    words = " ".join(printable.split()).lstrip("_ ") or "hayakoe"
    suffix = f"-{number}" if number > 1 else ""
    head = words.encode()[: _LABEL_BYTES - len(suffix)].decode(errors="ignore")
    return head.rstrip() + suffix


def open_zeroconf(interfaces: list[str]) -> AsyncZeroconf:
    """Open the mDNS sockets on the interfaces that have these addresses."""
    return AsyncZeroconf(interfaces=interfaces)


class Announcement:
    """Announces one server for as long as it runs, wherever the network moves.

    Args:
        name: Instance name; changed where the network does not allow it or it is taken.
        port: Port of the server.
        host: Where the server listens: a wildcard (``None`` and ``""`` and ``::`` take IPv4 and
            IPv6, ``0.0.0.0`` takes IPv4), an address or a host name.
        properties: Content of the TXT record.
        list_addresses: Tells the addresses of the machine; called in a thread.
        open_zeroconf: Opens mDNS sockets on the interfaces with the given addresses.
        poll_s: Time between two looks at the addresses, in seconds.
    """

    def __init__(
        self,
        name: str,
        port: int,
        host: str | None = None,
        *,
        properties: Mapping[str, str] | None = None,
        list_addresses: Callable[[], Sequence[InterfaceAddress]] = interface_addresses,
        open_zeroconf: Callable[[list[str]], AsyncZeroconf] = open_zeroconf,
        poll_s: float = 30.0,
    ) -> None:
        self._name = name
        self._number = 1
        self._port = port
        self._host = host
        self._properties = dict(properties or {})
        self._list_addresses = list_addresses
        self._open_zeroconf = open_zeroconf
        self._poll_s = poll_s
        self._task: asyncio.Task[None] | None = None
        self._zeroconf: AsyncZeroconf | None = None
        self._addresses: list[InterfaceAddress] = []
        self._announced = asyncio.Event()
        self._complaint = ""

    @property
    def label(self) -> str:
        """Instance name in use, or to be tried first."""
        return instance_label(self._name, self._number)

    async def start(self) -> None:
        """Begin to announce, in the background."""
        if self._task is None:
            self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Say goodbye and close the sockets."""
        task, self._task = self._task, None
        while task is not None and not task.done():
            # Again, because closing the sockets may swallow it.
            task.cancel()
            await asyncio.wait([task], timeout=1.0)
        await self._withdraw()

    async def wait_announced(self) -> None:
        """Wait until the server is announced."""
        await self._announced.wait()

    async def _follow(self) -> None:
        while True:
            try:
                await self._refresh()
            except Exception as error:  # noqa: BLE001 - the server is worth more than its announcement
                expected = isinstance(error, (OSError, ZeroconfError))
                self._complain(str(error) or type(error).__name__, None if expected else error)
            await asyncio.sleep(self._poll_s)

    async def _refresh(self) -> None:
        addresses = await self._wanted_addresses()
        if addresses and addresses == self._addresses:
            return
        # The sockets are bound to the addresses, so new addresses need new sockets.
        await self._withdraw()
        if addresses:
            await self._announce(addresses)
        else:
            self._complain("there is no network interface to announce it on")

    async def _wanted_addresses(self) -> list[InterfaceAddress]:
        present = await asyncio.to_thread(self._list_addresses)
        bound = await _resolve(self._host)
        if bound is None or bound.is_unspecified:
            ipv6 = not isinstance(bound, IPv4Address)
            found = {a.ip: a for a in reachable_addresses(present, ipv6=ipv6)}
        else:
            found = {a.ip: a for a in present if a.ip == bound}
            if bound.is_loopback:
                found.setdefault(bound, InterfaceAddress(bound))
        return sorted(found.values(), key=lambda a: (a.ip.version, a.ip.packed))

    async def _announce(self, addresses: list[InterfaceAddress]) -> None:
        self._zeroconf = self._open_zeroconf(_interfaces(addresses))
        await self._register(self._zeroconf, addresses)
        self._addresses = addresses
        self._complaint = ""
        self._announced.set()
        ips = ", ".join(str(a.ip) for a in addresses)
        _LOG.info("announced as %r at %s, port %d", self.label, ips, self._port)

    async def _register(self, zeroconf: AsyncZeroconf, addresses: list[InterfaceAddress]) -> None:
        number = await self._free_number(zeroconf)
        if number != self._number:
            taken, self._number = self.label, number
            _LOG.warning("the name %r is taken, this server is %r", taken, self.label)
        info = self._service(addresses)
        await (await zeroconf.async_register_service(info, cooperating_responders=True))

    async def _free_number(self, zeroconf: AsyncZeroconf) -> int:
        # Not left to zeroconf: it asks for unicast answers, and on a machine with several mDNS
        # programs another of them receives those.
        for number in range(self._number, self._number + _MAX_NAMES):
            holder = AsyncServiceInfo(SERVICE_TYPE, _full_name(instance_label(self._name, number)))
            await holder.async_request(zeroconf.zeroconf, _LOOKUP_MS, DNSQuestionType.QM)
            if holder.server is None:
                return number
        raise NonUniqueNameException(f"the name {self.label!r} and its variants are taken")

    def _service(self, addresses: list[InterfaceAddress]) -> AsyncServiceInfo:
        return AsyncServiceInfo(
            SERVICE_TYPE,
            _full_name(self.label),
            port=self._port,
            addresses=[a.ip.packed for a in addresses],
            properties=self._properties,
            # The machine's own host name belongs to its own mDNS responder. This one is as unique
            # as the label is.
            server=f"hayakoe-{_digest(self.label, 12)}.local.",
        )

    async def _withdraw(self) -> None:
        self._announced.clear()
        self._addresses = []
        zeroconf = self._zeroconf
        if zeroconf is None:
            return
        try:
            await zeroconf.async_close()
        except (OSError, RuntimeError, ZeroconfError) as error:
            _LOG.debug("no goodbye: %s", error)
            zeroconf.zeroconf.close()
        # Last, so that a stop in between closes it again, which is harmless.
        self._zeroconf = None

    def _complain(self, reason: str, error: Exception | None = None) -> None:
        if reason != self._complaint:
            _LOG.warning(
                "cannot announce the server: %s; trying again every %g s",
                reason,
                self._poll_s,
                exc_info=error,
            )
        self._complaint = reason


async def _resolve(host: str | None) -> IPv4Address | IPv6Address | None:
    """The address that a server listening on ``host`` is bound to; ``None`` if on all.

    Raises:
        OSError: There is no such host.
    """
    if not host:
        return None
    loop = asyncio.get_running_loop()
    places = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return ip_address(str(places[0][4][0]).partition("%")[0])


def _full_name(label: str) -> str:
    return f"{label}.{SERVICE_TYPE}"


def _interfaces(addresses: list[InterfaceAddress]) -> list[str]:
    # Linux has no IPv6 multicast on the loopback interface; IPv4 carries IPv6 addresses as well.
    ips = ("127.0.0.1" if a.ip.version == 6 and a.ip.is_loopback else str(a.ip) for a in addresses)
    return list(dict.fromkeys(ips))
