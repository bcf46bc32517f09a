"""What the command ``doctor`` finds out about the HTTP side."""

from __future__ import annotations

import asyncio
import socket

import pytest

from wyoming_hayakoe.cli import main


@pytest.fixture
def examine(capsys):
    """Run the command; returns its status and what it says of HTTP."""

    def examine(*settings):
        assignments = ("wyoming.uri=tcp://127.0.0.1:0", *settings)
        status = main(["doctor", *(f"--set={assignment}" for assignment in assignments)])
        lines = capsys.readouterr().out.splitlines()
        place = next(place for place, line in enumerate(lines) if " HTTP: " in line)
        return status, lines[place], lines[place + 1]

    return examine


def test_an_address_that_is_free(examine):
    status, line, _ = examine("http.port=0")
    assert (status, line) == (0, "ok    HTTP: tcp://127.0.0.1:0 can be listened on")


def test_http_that_is_turned_off(examine):
    status, line, _ = examine("http.enabled=false")
    assert (status, line) == (0, "ok    HTTP: not served, for http.enabled is false")


def test_a_port_that_another_program_has(examine):
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0)
        port = other.getsockname()[1]
        status, line, advice = examine(f"http.port={port}")
    assert status == 1
    assert line == (
        f"FAIL  HTTP: tcp://127.0.0.1:{port} cannot be listened on: Address already in use"
    )
    assert "the setting http.port" in advice


async def test_a_port_that_our_own_server_has(examine, serve):
    served = await serve(api_keys=["not-told-to-it"])
    status, line, _ = await asyncio.to_thread(examine, f"http.port={served.port}")
    assert (status, line) == (
        0,
        f"ok    HTTP: Hayakoe answers at tcp://127.0.0.1:{served.port} already",
    )


def test_a_server_that_everybody_could_use(examine):
    status, line, advice = examine("http.host=0.0.0.0")
    assert status == 1
    assert line.startswith("FAIL  HTTP: http.host: whoever reaches 0.0.0.0 could use the server")
    assert "http.api_keys" in advice
