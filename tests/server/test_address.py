"""Addresses to listen on."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hayakoe_engine.errors import ConfigError
from wyoming_hayakoe.address import StdioAddress, TcpAddress, UnixAddress, parse_address


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("tcp://0.0.0.0:10200", TcpAddress("0.0.0.0", 10200)),
        ("tcp://localhost:0", TcpAddress("localhost", 0)),
        ("tcp://homeassistant.local:65535/", TcpAddress("homeassistant.local", 65535)),
        ("tcp://[::]:10200", TcpAddress("::", 10200)),
        ("tcp://[::1]:10200", TcpAddress("::1", 10200)),
        ("tcp://:10200", TcpAddress("", 10200)),
        ("tcp://*:10200", TcpAddress("", 10200)),
        ("TCP://Host:1", TcpAddress("host", 1)),
        ("unix:///run/hayakoe.sock", UnixAddress(Path("/run/hayakoe.sock"))),
        ("unix:///tmp/声 1.sock", UnixAddress(Path("/tmp/声 1.sock"))),
        ("stdio://", StdioAddress()),
    ],
)
def test_these_are_addresses(uri, address):
    assert parse_address(uri) == address


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "10200",
        "0.0.0.0:10200",
        "localhost",
        "http://0.0.0.0:10200",
        "tcp://0.0.0.0",
        "tcp://0.0.0.0:",
        "tcp://0.0.0.0:port",
        "tcp://0.0.0.0:65536",
        "tcp://0.0.0.0:-1",
        "tcp://0.0.0.0:10200/path",
        "tcp://0.0.0.0:10200?query",
        "tcp://0.0.0.0:10200#fragment",
        "tcp://::1:10200",
        "tcp://[::1:10200",
        "tcp://a..b:10200",
        f"tcp://{'a' * 64}.local:10200",
        "unix://",
        "unix:///",
        "unix://run/hayakoe.sock",
        "unix:///run/hayakoe#1.sock",
        "unix:///run/hayakoe?1.sock",
        "stdio://somewhere",
        "\ud800",
    ],
)
def test_these_are_none_and_the_error_repeats_them(uri):
    with pytest.raises(ConfigError) as caught:
        parse_address(uri)
    assert str(caught.value).startswith(f"{uri!r} is no address")


def test_the_error_shows_how_addresses_look():
    with pytest.raises(ConfigError, match=r"use tcp://HOST:PORT, unix:///PATH or stdio://$"):
        parse_address("localhost:10200")


LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
HOSTS = st.one_of(
    st.just(""),
    st.lists(LABELS, min_size=1, max_size=4).map(".".join),
    st.ip_addresses().map(str),
)
PATHS = st.lists(
    st.text(st.characters(exclude_characters="/?#\0", categories=("L", "N", "P", "S")), min_size=1),
    min_size=1,
    max_size=4,
).map(lambda parts: Path("/", *parts))
ADDRESSES = st.one_of(
    st.builds(TcpAddress, HOSTS, st.integers(0, 65535)),
    st.builds(UnixAddress, PATHS),
    st.just(StdioAddress()),
)


@given(ADDRESSES)
def test_what_is_shown_can_be_read_back(address):
    assert parse_address(str(address)) == address


@given(st.ip_addresses(v=6), st.integers(0, 65535))
def test_an_ipv6_host_is_shown_in_brackets(ip, port):
    assert str(TcpAddress(str(ip), port)) == f"tcp://[{ip}]:{port}"


@given(st.one_of(st.text(), st.text().map("tcp://".__add__), st.text().map("unix://".__add__)))
def test_any_text_is_an_address_or_a_config_error(uri):
    try:
        address = parse_address(uri)
    except ConfigError:
        return
    assert parse_address(str(address)) == address
