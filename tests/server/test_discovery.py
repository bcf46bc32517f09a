"""The announcement by mDNS, as a browser on the loopback interface sees it."""

from __future__ import annotations

import asyncio
import gc
import logging
import uuid
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zeroconf import ServiceInfo, ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from wyoming_hayakoe import discovery
from wyoming_hayakoe.discovery import (
    SERVICE_TYPE,
    Announcement,
    InterfaceAddress,
    default_instance_name,
    instance_label,
    interface_addresses,
    reachable_addresses,
)

LOOPBACK = InterfaceAddress(ip_address("127.0.0.1"), "lo", 1)
LAN = InterfaceAddress(ip_address("192.0.2.10"), "eth0", 2)
OTHER_LAN = InterfaceAddress(ip_address("198.51.100.7"), "wlan0", 3)
LAN_V6 = InterfaceAddress(ip_address("2001:db8::10"), "eth0", 2)
TEMPORARY_V6 = InterfaceAddress(ip_address("2001:db8::77"), "eth0", 2, fleeting=True)
LINK_LOCAL = InterfaceAddress(ip_address("169.254.3.4"), "eth0", 2)
LINK_LOCAL_V6 = InterfaceAddress(ip_address("fe80::1"), "eth0", 2)
LOOPBACK_V6 = InterfaceAddress(ip_address("::1"), "lo", 1)
DOCKER = InterfaceAddress(ip_address("172.17.0.1"), "docker0", 4)
COMPOSE = InterfaceAddress(ip_address("172.18.0.1"), "br-0123456789ab", 5)
LAN_BRIDGE = InterfaceAddress(ip_address("192.0.2.20"), "br0", 6)
NOWHERE = InterfaceAddress(ip_address("0.0.0.0"), "tun0", 7)
EVERYTHING = [
    LOOPBACK,
    LOOPBACK_V6,
    NOWHERE,
    LINK_LOCAL,
    LINK_LOCAL_V6,
    DOCKER,
    COMPOSE,
    LAN,
    LAN_V6,
    TEMPORARY_V6,
    OTHER_LAN,
]


def loopback_zeroconf(_interfaces=()):
    return AsyncZeroconf(interfaces=["127.0.0.1"])


async def until(condition, timeout_s=20.0):
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - most conditions come from other people's code
            await asyncio.sleep(0.02)


class Browser:
    """What Home Assistant sees."""

    def __init__(self):
        self._zeroconf = loopback_zeroconf()
        self.labels = set()
        self.gone = set()
        self._browser = AsyncServiceBrowser(
            self._zeroconf.zeroconf, SERVICE_TYPE, handlers=[self._changed]
        )

    def _changed(self, zeroconf, service_type, name, state_change):  # noqa: ARG002
        label = name.removesuffix(f".{service_type}")
        if state_change is ServiceStateChange.Removed:
            self.labels.discard(label)
            self.gone.add(label)
        else:
            self.labels.add(label)

    async def sees(self, label):
        await until(lambda: label in self.labels)
        return await self.resolve(label)

    async def resolve(self, label):
        info = AsyncServiceInfo(SERVICE_TYPE, f"{label}.{SERVICE_TYPE}")
        assert await info.async_request(self._zeroconf.zeroconf, 15_000)
        return info

    async def has_seen_go(self, label):
        await until(lambda: label in self.gone)

    async def close(self):
        await self._browser.async_cancel()
        await self._zeroconf.async_close()


@pytest.fixture
async def browser():
    browser = Browser()
    yield browser
    await browser.close()


@pytest.fixture
async def announce():
    """Makes announcements and stops them."""
    made = []

    def make(name, port=10200, host="127.0.0.1", **options):
        options = {"open_zeroconf": loopback_zeroconf, "poll_s": 0.05} | options
        made.append(Announcement(name, port, host, **options))
        return made[-1]

    yield make
    for announcement in made:
        await announcement.stop()
    gc.collect()  # a socket that was left open warns here, in the test that did it


@pytest.fixture
def name():
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def quick(monkeypatch):
    """Nobody else has a random name, so nobody is waited for."""
    monkeypatch.setattr(discovery, "_LOOKUP_MS", 50)


@pytest.mark.usefixtures("quick")
async def test_is_found_and_resolved_and_disappears_after_stop(browser, announce):
    name = f"居間のハヤコエ {uuid.uuid4().hex[:8]}"
    announcement = announce(name, 10234, properties={"program": "Hayakoe", "version": "1.2.3"})
    await announcement.start()
    info = await browser.sees(name)
    assert info.port == 10234
    assert info.parsed_addresses() == ["127.0.0.1"]
    assert info.decoded_properties == {"program": "Hayakoe", "version": "1.2.3"}
    assert info.server.startswith("hayakoe-")
    assert info.server.endswith(".local.")
    await announcement.stop()
    await browser.has_seen_go(name)


async def test_start_does_not_wait_for_the_network(announce, name):
    announcement = announce(name)
    async with asyncio.timeout(0.5):
        await announcement.start()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(announcement.wait_announced(), 0.001)


async def test_two_servers_of_one_name_are_told_apart(browser, announce, name, caplog):
    first, second = announce(name, 10200), announce(name, 10201)
    await first.start()
    await first.wait_announced()
    # A responder that has just spoken repeats itself late; the margin is for slow machines.
    await asyncio.sleep(1.1)
    with caplog.at_level(logging.WARNING, "wyoming_hayakoe"):
        await second.start()
        one, two = await browser.sees(name), await browser.sees(f"{name}-2")
    assert (one.port, two.port) == (10200, 10201)
    assert one.server != two.server
    assert second.label == f"{name}-2"
    assert [r.getMessage() for r in caplog.records if r.name == discovery.__name__] == [
        f"the name {name!r} is taken, this server is {name + '-2'!r}"
    ]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("0.0.0.0", {"192.0.2.10", "198.51.100.7"}),
        ("::", {"192.0.2.10", "198.51.100.7", "2001:db8::10"}),
        (None, {"192.0.2.10", "198.51.100.7", "2001:db8::10"}),
        ("198.51.100.7", {"198.51.100.7"}),
        ("2001:db8::77", {"2001:db8::77"}),
    ],
)
async def test_announces_where_the_server_listens(browser, announce, name, host, expected):
    opened = []

    def record(interfaces):
        opened.append(interfaces)
        return loopback_zeroconf()

    announcement = announce(
        name, host=host, list_addresses=lambda: EVERYTHING, open_zeroconf=record
    )
    await announcement.start()
    info = await browser.sees(name)
    assert set(info.parsed_addresses()) == expected
    assert [set(interfaces) for interfaces in opened] == [expected]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
async def test_a_server_on_loopback_is_announced_there_only(announce, name, host):
    opened = []

    def record(interfaces):
        opened.append(interfaces)
        raise OSError("seen enough")

    await announce(name, host=host, list_addresses=lambda: EVERYTHING, open_zeroconf=record).start()
    await until(lambda: opened)
    assert opened[0] == ["127.0.0.1"]


@pytest.mark.usefixtures("quick")
async def test_follows_a_change_of_address(browser, announce, name):
    present = [LOOPBACK, LAN]
    announcement = announce(name, host="0.0.0.0", list_addresses=lambda: list(present))
    await announcement.start()
    assert (await browser.sees(name)).parsed_addresses() == ["192.0.2.10"]
    await announcement.wait_announced()
    present[1] = OTHER_LAN
    await browser.has_seen_go(name)
    assert (await browser.sees(name)).parsed_addresses() == ["198.51.100.7"]


@pytest.mark.usefixtures("quick")
async def test_opens_new_sockets_when_an_interface_is_added_again(announce, name):
    present = [LAN]
    opened = []

    def record(_interfaces):
        opened.append(loopback_zeroconf())
        return opened[-1]

    announcement = announce(
        name, host="0.0.0.0", list_addresses=lambda: list(present), open_zeroconf=record
    )
    await announcement.start()
    await announcement.wait_announced()
    present[0] = InterfaceAddress(LAN.ip, LAN.interface, LAN.index + 10)
    await until(lambda: len(opened) == 2)
    await announcement.wait_announced()
    assert opened[0].zeroconf.done


@pytest.mark.usefixtures("quick")
async def test_waits_for_a_network(browser, announce, name, caplog):
    present = []
    looks = []

    def look():
        looks.append(len(looks))
        return list(present)

    announcement = announce(name, host="0.0.0.0", list_addresses=look, poll_s=0.01)
    await announcement.start()
    await until(lambda: len(looks) > 3)
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "no network interface" in warnings[0]
    present.append(LAN)
    assert (await browser.sees(name)).parsed_addresses() == ["192.0.2.10"]
    present.clear()
    await browser.has_seen_go(name)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("error", [OSError(19, "No such device"), ValueError("surprise")])
async def test_tries_again_when_the_sockets_cannot_be_opened(
    browser, announce, name, caplog, error
):
    failures = 3
    tries = []

    def open_later(_interfaces):
        tries.append(None)
        if len(tries) <= failures:
            raise error
        return loopback_zeroconf()

    announcement = announce(name, open_zeroconf=open_later)
    await announcement.start()
    await browser.sees(name)
    assert len(tries) == failures + 1
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert [str(error) in r.getMessage() for r in warnings] == [True]
    assert bool(warnings[0].exc_info) is isinstance(error, ValueError)


@pytest.mark.usefixtures("quick")
async def test_stays_announced_while_the_system_does_not_tell_its_addresses(
    browser, announce, name
):
    looks = []

    def look():
        looks.append(None)
        if len(looks) > 1:
            raise OSError("not now")
        return [LAN]

    announcement = announce(name, host="0.0.0.0", list_addresses=look)
    await announcement.start()
    await browser.sees(name)
    await until(lambda: len(looks) > 3)
    async with asyncio.timeout(5):
        await announcement.wait_announced()


async def test_an_unknown_host_name_is_no_reason_to_fail(announce, name, caplog):
    announcement = announce(name, host="no-such-host.invalid")
    await announcement.start()
    await until(lambda: "cannot announce" in caplog.text)


async def test_gives_up_for_now_when_every_name_is_taken(announce, name, caplog, monkeypatch):
    async def taken(self, *_args):
        self.server = "somebody.local."
        return True

    monkeypatch.setattr(discovery.AsyncServiceInfo, "async_request", taken)
    await announce(name).start()
    await until(lambda: "taken" in caplog.text)


async def test_stops_at_any_time(announce, name):
    announcement = announce(name)
    await announcement.stop()
    await announcement.start()
    await announcement.start()
    await announcement.stop()
    await announcement.stop()
    await announcement.start()
    await until(lambda: announcement._zeroconf is not None)
    await announcement.stop()
    assert announcement._zeroconf is None


async def test_stops_while_the_sockets_are_being_replaced(announce, name, monkeypatch):
    monkeypatch.setattr(discovery, "_LOOKUP_MS", 50)
    present = [LAN]
    announcement = announce(name, host="0.0.0.0", list_addresses=lambda: list(present))
    await announcement.start()
    await announcement.wait_announced()
    sockets = announcement._zeroconf
    present[0] = OTHER_LAN
    await until(lambda: not announcement._announced.is_set())
    await announcement.stop()
    assert sockets.zeroconf.done


async def test_closes_the_sockets_when_no_goodbye_can_be_said(announce, name, monkeypatch):
    monkeypatch.setattr(discovery, "_LOOKUP_MS", 50)
    announcement = announce(name)
    await announcement.start()
    await announcement.wait_announced()
    sockets = announcement._zeroconf

    async def fail():
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(sockets, "async_unregister_all_services", fail)
    await announcement.stop()
    assert sockets.zeroconf.done


@pytest.mark.parametrize(
    ("present", "ipv6", "expected"),
    [
        (EVERYTHING, False, [LAN, OTHER_LAN]),
        (EVERYTHING, True, [LAN, LAN_V6, OTHER_LAN]),
        ([LOOPBACK, LINK_LOCAL, DOCKER], False, [LINK_LOCAL]),
        ([LOOPBACK, LOOPBACK_V6, LINK_LOCAL_V6, DOCKER], False, [LOOPBACK]),
        ([LOOPBACK, LOOPBACK_V6, LINK_LOCAL_V6, DOCKER], True, [LOOPBACK, LOOPBACK_V6]),
        ([LOOPBACK, DOCKER, COMPOSE, LAN_BRIDGE], False, [LAN_BRIDGE]),
        ([], True, []),
    ],
)
def test_reachable_addresses(present, ipv6, expected):
    assert reachable_addresses(present, ipv6=ipv6) == expected


def test_the_machine_tells_its_addresses():
    assert ip_address("127.0.0.1") in {a.ip for a in interface_addresses()}


def test_temporary_addresses_are_recognised(tmp_path, monkeypatch):
    table = tmp_path / "if_inet6"
    table.write_text(
        "20010db8000000000000000000000001 02 40 00 80     eth0\n"
        "20010db8000000000000000000000002 02 40 00 01     eth0\n"
        "20010db8000000000000000000000003 02 40 00 a0     eth0\n"
    )
    monkeypatch.setattr(discovery, "_IPV6_FLAGS", table)
    found = discovery._fleeting_addresses()
    assert found == {ip_address("2001:db8::2"), ip_address("2001:db8::3")}
    monkeypatch.setattr(discovery, "_IPV6_FLAGS", tmp_path / "absent")
    assert discovery._fleeting_addresses() == set()


def test_the_default_name_is_stable_and_tells_nothing(tmp_path):
    empty, uninitialised, good, other = (tmp_path / n for n in "abcd")
    machine = uuid.uuid4().hex
    empty.write_text("")
    uninitialised.write_text("uninitialized\n")
    good.write_text(f"{machine}\n")
    other.write_text(f"{uuid.uuid4().hex}\n")
    name = default_instance_name(10200, [tmp_path / "absent", empty, uninitialised, good])
    assert name == default_instance_name(10200, [good])
    assert name.startswith("hayakoe-")
    assert name == instance_label(name)
    assert machine[:8] not in name
    assert name != default_instance_name(10201, [good])
    assert name != default_instance_name(10200, [other])
    assert default_instance_name(10200, []) == default_instance_name(10200, [empty])
    assert default_instance_name(10200) == default_instance_name(10200)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("居間", "居間"),
        ("v1.2 living.room", "v1-2 living-room"),
        ("a\tb\r\nc\x00", "a b c"),
        ("_sub", "sub"),
        ("", "hayakoe"),
        (" \n", "hayakoe"),
        ("か\u3099", "が"),
        ("\ud800x", "x"),
        ("あ" * 30, "あ" * 21),
    ],
)
def test_instance_label(name, label):
    assert instance_label(name) == label


@given(st.text(st.characters()) | st.text("ab._- \x00", max_size=8), st.integers(1, 1000))
def test_every_name_becomes_a_label(name, number):
    label = instance_label(name, number)
    assert label
    assert len(label.encode()) <= 63
    assert "." not in label
    assert label.isprintable() or not label.isascii()
    assert label.endswith(f"-{number}") or number == 1
    assert instance_label(label) == label
    assert ServiceInfo(SERVICE_TYPE, f"{label}.{SERVICE_TYPE}").get_name() == label
