"""WebSocket clients that are slow, silent, gone, strangers or mad."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wyoming_hayakoe.http import websocket

HANG_S = 60.0
KEY = "correct-horse-battery"
LONG = "今日はとても良い天気ですから、散歩に出かけましょう。" * 60
PATH = "/ws/synthesize"
BEGINNING = [{"type": "config"}, {"type": "text", "text": "あ"}]


def limit(monkeypatch, **limits):
    monkeypatch.setattr(websocket, "LIMITS", replace(websocket.LIMITS, **limits))


async def answer(connection):
    received = await connection.receive(timeout=HANG_S)
    return json.loads(received.data) if received.type is aiohttp.WSMsgType.TEXT else received


async def is_silent(server):
    """Wait until nothing is being spoken any more."""
    async with asyncio.timeout(HANG_S):
        while server.tts.active_utterances:  # noqa: ASYNC110 - other threads decide
            await asyncio.sleep(0.01)


async def raw_connection(server, *messages):
    """A client that has shaken hands, said something, and does nothing by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    for message in messages:
        content = json.dumps(message).encode()
        length = bytes([0x80 | 126]) + len(content).to_bytes(2, "big")
        writer.write(b"\x81" + length + b"\0\0\0\0" + content)  # masked with zeros
    return reader, writer


def open_files():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def has_ended(reader):
    """Wait until the server has closed the connection, reading what there is."""
    async with asyncio.timeout(HANG_S):
        try:
            while await reader.read(65_536):
                pass
        except ConnectionError:
            pass


async def test_a_half_open_client_is_noticed(serve, monkeypatch):
    limit(monkeypatch, heartbeat_s=0.1)
    server = await serve()
    reader, writer = await raw_connection(
        server, {"type": "config"}, {"type": "text", "text": "あ"}
    )
    await has_ended(reader)  # it never answers a ping
    await is_silent(server)
    writer.close()


async def test_a_client_that_takes_nothing_is_given_up(serve):
    server = await serve(write_stall_s=0.2)
    messages = [{"type": "config"}, {"type": "text", "text": LONG}, {"type": "end_of_stream"}]
    reader, writer = await raw_connection(server, *messages)
    async with asyncio.timeout(HANG_S):
        while not server.tts.active_utterances:  # noqa: ASYNC110 - other threads decide
            await asyncio.sleep(0.01)
    await is_silent(server)
    await has_ended(reader)
    writer.close()


async def test_a_hundred_rude_clients_leave_nothing_behind(serve):
    server = await serve(write_stall_s=0.5)
    tasks, files = len(asyncio.all_tasks()), open_files()
    messages = [{"type": "config"}, {"type": "text", "text": "はい、そうです。"}]
    clients = [await raw_connection(server, *messages) for _ in range(100)]
    for number, (reader, writer) in enumerate(clients):
        if number % 3:
            await reader.read(100)
        if number % 2:
            writer.transport.abort()
        else:
            writer.write_eof()
    for reader, writer in clients:
        await has_ended(reader)
        writer.close()
    await is_silent(server)
    async with asyncio.timeout(HANG_S):  # sockets close a moment after the tasks that used them
        while len(asyncio.all_tasks()) > tasks or open_files() > files:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_speech_ends_when_its_client_goes_away(serve):
    server = await serve()
    async with server.client.ws_connect(PATH) as connection:
        await connection.send_json({"type": "config"})
        await connection.send_json({"type": "text", "text": LONG})
        while (await answer(connection))["type"] != "audio":
            pass
    await is_silent(server)


async def test_a_silent_client_is_sent_away(serve):
    server = await serve(idle_close_s=0.2)
    async with server.client.ws_connect(PATH) as connection:
        assert (await answer(connection))["code"] == "timeout"
        assert (await connection.receive()).data == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_a_message_that_is_too_big_ends_the_connection(serve, monkeypatch):
    limit(monkeypatch, max_message_bytes=1024)
    server = await serve()
    async with server.client.ws_connect(PATH) as connection:
        await connection.send_json({"type": "text", "text": "あ" * 2000})
        assert (await connection.receive()).data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


class TestKeys:
    @pytest.fixture
    async def server(self, serve):
        return await serve(api_keys=[KEY])

    @pytest.mark.parametrize(
        "arguments",
        [
            {"headers": {"Authorization": f"Bearer {KEY}"}},
            {"headers": {"X-API-Key": KEY}},
            {
                "protocols": [
                    "hayakoe",
                    "hayakoe.key." + base64.urlsafe_b64encode(KEY.encode()).decode().rstrip("="),
                ]
            },
        ],
        ids=["bearer", "header", "subprotocol"],
    )
    async def test_may_come_with_the_request(self, server, arguments):
        async with server.client.ws_connect(PATH, **arguments) as connection:
            await connection.send_json({"type": "ping"})
            assert await answer(connection) == {"type": "pong"}
            assert connection.protocol == ("hayakoe" if "protocols" in arguments else None)

    async def test_may_come_in_the_first_message(self, server):
        async with server.client.ws_connect(PATH) as connection:
            await connection.send_json({"type": "config", "api_key": KEY})
            assert (await answer(connection))["type"] == "ready"

    @pytest.mark.parametrize(
        "message",
        [
            {"type": "config", "api_key": "wrong"},
            {"type": "config"},
            {"type": "text", "text": "あ"},
        ],
    )
    async def test_without_one_nothing_is_spoken(self, server, message):
        async with server.client.ws_connect(PATH) as connection:
            await connection.send_json(message)
            assert (await answer(connection))["code"] == "unauthorized"
            assert (await connection.receive()).data == aiohttp.WSCloseCode.POLICY_VIOLATION

    @pytest.mark.parametrize("message", ["{", b"\0"])
    async def test_who_talks_nonsense_instead_is_sent_away(self, server, message):
        async with server.client.ws_connect(PATH) as connection:
            is_text = isinstance(message, str)
            await (connection.send_str if is_text else connection.send_bytes)(message)
            assert (await answer(connection))["code"] == "unauthorized"
            assert (await connection.receive()).data == aiohttp.WSCloseCode.POLICY_VIOLATION

    async def test_who_does_not_show_one_is_sent_away(self, server, monkeypatch):
        limit(monkeypatch, config_s=0.1)
        async with server.client.ws_connect(PATH) as connection:
            assert (await answer(connection))["code"] == "unauthorized"

    @pytest.mark.parametrize(
        "arguments",
        [
            {"headers": {"Authorization": "Bearer wrong"}},
            {"protocols": ["hayakoe", "hayakoe.key.d3Jvbmc"]},
            {"protocols": ["hayakoe", "hayakoe.key.!"]},
        ],
    )
    async def test_a_wrong_one_is_refused(self, server, arguments):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await server.client.ws_connect(PATH, **arguments)
        assert caught.value.status == 401


async def test_pages_of_other_sites_may_not_connect(serve):
    server = await serve(cors_origins=["https://friend.example"])
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await server.client.ws_connect(PATH, headers={"Origin": "https://evil.example"})
    assert caught.value.status == 403
    for origin in (server.url, "https://friend.example"):
        async with server.client.ws_connect(PATH, headers={"Origin": origin}) as connection:
            await connection.send_json({"type": "ping"})
            assert await answer(connection) == {"type": "pong"}


MESSAGES = st.one_of(
    st.sampled_from(
        [
            {"type": "config"},
            {"type": "config", "encoding": "binary", "sample_rate": 8000},
            {"type": "config", "format": "flac", "timings": True},
            {"type": "config", "markup": "ssml"},
            {"type": "config", "voice": "nobody"},
            {"type": "text", "text": "はい。"},
            {"type": "text", "text": "いいえ"},
            {"type": "text", "text": ""},
            {"type": "text", "text": "あ" * 20_001},
            {"type": "flush"},
            {"type": "end_of_stream"},
            {"type": "cancel"},
            {"type": "ping"},
        ]
    ).map(json.dumps),
    st.dictionaries(
        st.sampled_from(["type", "text", "voice", "seed", "x"]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
        max_size=3,
    ).map(json.dumps),
    st.text(max_size=10),
    st.binary(max_size=10),
)
CODES = {
    "bad-markup",
    "bad-message",
    "busy",
    "not-configured",
    "text-too-long",
    "voice-not-found",
}


async def test_whatever_a_client_sends_has_a_defined_answer(serve):
    server = await serve()
    loop = asyncio.get_running_loop()

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(st.lists(MESSAGES, max_size=14))
    def check(messages):
        asyncio.run_coroutine_threadsafe(converse(server, messages), loop).result(HANG_S)

    await asyncio.to_thread(check)
    await is_silent(server)


async def converse(server, messages):
    begun, over = set(), []
    async with server.client.ws_connect(PATH) as connection:
        for message in messages:
            send = connection.send_bytes if isinstance(message, bytes) else connection.send_str
            await send(message)
        await connection.send_json({"type": "cancel"})
        await connection.send_str('{"type": "config", "voice": "the last"}')
        while True:
            received = await connection.receive(timeout=HANG_S)
            if received.type is aiohttp.WSMsgType.BINARY:
                continue
            assert received.type is aiohttp.WSMsgType.TEXT, received
            heard = json.loads(received.data)
            match heard["type"]:
                case "sentence" | "audio" | "timings":
                    assert heard["utterance"] not in over
                    begun.add(heard["utterance"])
                case "complete":
                    over.append(heard["utterance"])
                case "cancelled":
                    over += heard["utterances"]
                case "error":
                    assert heard["code"] in CODES
                    assert heard["message"]
                    if "the last" in heard["message"]:
                        break
                    if "utterance" in heard:
                        over.append(heard["utterance"])
                case kind:
                    assert kind in {"ready", "pong", "keepalive"}
    assert begun <= set(over)
    assert sorted(over) == list(range(1, len(over) + 1)), "each ends once"
