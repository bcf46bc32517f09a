"""``wyoming-hayakoe serve`` as a user starts and stops it."""

from __future__ import annotations

import asyncio
import io
import signal
import socket
import subprocess

import pytest
from wyoming.event import read_event, write_event
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart

TEXT = "お風呂が沸きました。"
LONG_TEXT = "".join(f"{number}番目の文です。" for number in range(1, 9))
ENDLESS_TEXT = "これはとても長い文章です。" * 500


def same(one, other):
    """Compare audio; a failing test should not print it."""
    return one == other


def audio_of(events):
    return b"".join(event.payload for event in events if event.type == "audio-chunk")


async def refusal(speak_through, uri):
    """Wait until nobody is admitted any more."""
    while True:
        try:
            async with speak_through(uri):
                await asyncio.sleep(0.05)
        except ConnectionError:
            return


# Stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_server_speaks_until_it_is_told_to_stop(
    serve, speak_through, expected_pcm, number
):
    server = await serve()
    async with speak_through(await server.ready()) as voice:
        assert same(await voice.say(TEXT), expected_pcm(TEXT))
        assert await server.stop(number) == 0
        [goodbye] = await voice.rest()
        assert (goodbye.type, goodbye.data["code"]) == ("error", "shutting-down")
    assert not [line for line in server.log if "WARNING" in line or "ERROR" in line]
    assert not [line for line in server.log if "Traceback" in line]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_what_is_being_spoken_when_the_server_stops_is_spoken_to_its_end(
    serve, speak_through, expected_pcm, number
):
    server = await serve("tcp://127.0.0.1:0", "--set", "wyoming.shutdown_s=300")
    uri = await server.ready()
    async with speak_through(uri) as voice:
        await voice.ask(LONG_TEXT)
        await voice.event("audio-start")
        server.process.send_signal(number)
        await server.wait_for("stopping")
        await refusal(speak_through, uri)
        *spoken, stop, goodbye = await voice.rest()
        assert same(audio_of(spoken), expected_pcm(LONG_TEXT))
        assert stop.type == "audio-stop"
        assert goodbye.data["code"] == "shutting-down"
    assert await server.exit() == 0


async def test_what_takes_too_long_when_the_server_stops_is_broken_off_with_an_error(
    serve, speak_through
):
    server = await serve("tcp://127.0.0.1:0", "--set", "wyoming.shutdown_s=0")
    async with speak_through(await server.ready()) as voice:
        await voice.ask(ENDLESS_TEXT)
        await voice.event("audio-start")
        server.process.send_signal(signal.SIGTERM)
        *spoken, last = await voice.rest()
        assert {event.type for event in spoken} <= {"audio-chunk"}
        assert (last.type, last.data["code"]) == ("error", "shutting-down")
    assert await server.exit() == 0


async def test_clients_that_do_nothing_or_take_nothing_do_not_keep_the_server_from_stopping(
    serve, speak_through
):
    server = await serve("tcp://127.0.0.1:0", "--set", "wyoming.shutdown_s=0.1")
    uri = await server.ready()
    async with (
        speak_through(uri) as deaf,
        speak_through(uri),
        speak_through(uri) as hesitant,
    ):
        deaf.client._writer.transport.pause_reading()
        await deaf.ask(ENDLESS_TEXT)
        await hesitant.client.write_event(SynthesizeStart().event())
        await hesitant.client.write_event(SynthesizeChunk(text="ええと").event())
        await hesitant.event("audio-start")
        assert await server.stop(signal.SIGTERM) == 0
        deaf.client._writer.transport.abort()


# Addresses


async def test_a_port_in_use_is_named_and_the_exit_status_is_2(serve):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        uri = f"tcp://127.0.0.1:{sock.getsockname()[1]}"
        server = await serve(uri)
        assert await server.exit() == 2
    complaint = "\n".join(server.log)
    assert "wyoming.uri" in complaint
    assert uri in complaint
    assert "in use" in complaint
    assert "Traceback" not in complaint


async def test_all_addresses_are_served_by_ipv4_and_ipv6(serve, speak_through, expected_pcm):
    server = await serve("tcp://[::]:0")
    uri = await server.ready()
    port = uri.rpartition(":")[2]
    hosts = ["127.0.0.1"]
    if has_ipv6():
        hosts.append("[::1]")
    for host in hosts:
        async with speak_through(f"tcp://{host}:{port}") as voice:
            assert same(await voice.say(TEXT), expected_pcm(TEXT))


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


async def test_a_unix_socket_is_made_and_removed_again(
    serve, speak_through, expected_pcm, tmp_path
):
    path = tmp_path / "hayakoe.sock"
    server = await serve(f"unix://{path}")
    uri = await server.ready()
    assert uri == f"unix://{path}"
    async with speak_through(uri) as voice:
        assert same(await voice.say(TEXT), expected_pcm(TEXT))
    assert await server.stop(signal.SIGTERM) == 0
    assert not path.exists()


async def test_a_unix_socket_in_use_is_refused_and_a_dead_one_is_replaced(
    serve, speak_through, tmp_path
):
    path = tmp_path / "hayakoe.sock"
    first = await serve(f"unix://{path}")
    await first.ready()
    second = await serve(f"unix://{path}")
    assert await second.exit() == 2
    assert "wyoming.uri" in "\n".join(second.log)
    async with speak_through(f"unix://{path}") as voice:
        assert await voice.say(TEXT)

    await first.stop(signal.SIGKILL)
    assert path.is_socket()
    third = await serve(f"unix://{path}")
    await third.ready()
    async with speak_through(f"unix://{path}") as voice:
        assert await voice.say(TEXT)


async def test_a_file_that_is_no_socket_is_not_replaced(serve, tmp_path):
    path = tmp_path / "precious"
    path.write_text("precious")
    server = await serve(f"unix://{path}")
    assert await server.exit() == 2
    assert path.read_text() == "precious"


# Standard input and output


def written(*messages):
    buffer = io.BytesIO()
    for message in messages:
        write_event(message.event(), buffer)
    return buffer.getvalue()


def events_in(data):
    buffer = io.BytesIO(data)
    return list(iter(lambda: read_event(buffer), None))


async def test_over_standard_input_everything_asked_for_is_spoken(serve, expected_pcm):
    server = await serve("stdio://", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process = server.process
    process.stdin.write(written(Synthesize(text=TEXT), Synthesize(text="はい。")))
    process.stdin.close()
    events = events_in(await process.stdout.read())
    stops = [index for index, event in enumerate(events) if event.type == "audio-stop"]
    assert len(stops) == 2
    assert stops[1] == len(events) - 1
    assert same(audio_of(events[: stops[0]]), expected_pcm(TEXT))
    assert same(audio_of(events[stops[0] :]), expected_pcm("はい。"))
    assert await server.exit() == 0


async def test_over_standard_output_a_slow_reader_gets_everything(serve, expected_pcm):
    server = await serve("stdio://", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process = server.process
    pipe = process._transport.get_pipe_transport(1)
    pipe.pause_reading()
    process.stdin.write(written(Synthesize(text="はい。")))
    process.stdin.close()
    await server.wait_for("outcome=done")  # but it is more than the pipe holds
    await asyncio.sleep(2)
    pipe.resume_reading()
    assert same(audio_of(events_in(await process.stdout.read())), expected_pcm("はい。"))
    assert await server.exit() == 0


async def test_a_signal_breaks_off_what_is_spoken_to_standard_output_with_an_error(serve):
    server = await serve(
        "stdio://",
        "--set",
        "wyoming.shutdown_s=0",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    process = server.process
    process.stdin.write(written(Synthesize(text=ENDLESS_TEXT)))
    process.stdin.close()
    head = await process.stdout.readexactly(100_000)
    process.send_signal(signal.SIGTERM)
    events = events_in(head + await process.stdout.read())
    assert events[-1].type == "error"
    assert events[-1].data["code"] == "shutting-down"
    assert await server.exit() == 0


async def test_a_regular_file_as_standard_input_is_refused_with_a_reason(serve, tmp_path):
    path = tmp_path / "events"
    path.write_bytes(written(Synthesize(text=TEXT)))
    with path.open("rb") as file:
        server = await serve("stdio://", stdin=file)
        assert await server.exit() == 2
    assert "wyoming.uri" in "\n".join(server.log)
    assert "Traceback" not in "\n".join(server.log)


# Settings


@pytest.mark.parametrize(
    ("flags", "key"),
    [
        (["--set", "wyoming.idle_close_s=never"], "wyoming.idle_close_s"),
        (["--set", "wyoming.idle_clse_s=5"], "wyoming.idle_clse_s"),
        (["--voice", "nobody"], "voice"),
        (["--uri", "http://127.0.0.1"], "wyoming.uri"),
    ],
)
async def test_a_wrong_setting_is_named_and_the_exit_status_is_2(serve, flags, key):
    server = await serve("tcp://127.0.0.1:0", *flags)
    assert await server.exit() == 2
    complaint = "\n".join(server.log)
    assert f"{key}:" in complaint
    assert "Traceback" not in complaint
