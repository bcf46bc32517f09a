"""Clients that do not behave: nothing of them stays."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
import time
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from hayakoe_engine.tts import TTS
from hayakoe_engine.voices.voice import VoiceInfo

HANG_S = 60.0
CLIENTS = 100
LONG = "これは長い文章です。" * 400
RESET = struct.pack("ii", 1, 0)


class Hum:
    """A voice that speaks at once and for long."""

    info = VoiceInfo(
        name="hum",
        title="Hum",
        sample_rate_hz=48_000,
        licence="none",
        credit="",
        url="",
        version="1",
    )

    def begin(self, reading, options, rng):  # noqa: ARG002 - a voice is called like this
        for _ in range(4):
            yield rng.uniform(-0.5, 0.5, 48_000).astype(np.float32)

    def close(self):
        pass


@pytest.fixture(scope="module")
def humming():
    with TTS(threads=2).load("mei").load("hum", source=Hum).prepare() as tts:
        yield tts


async def until(condition):
    async with asyncio.timeout(HANG_S):
        while not condition():  # noqa: ASYNC110 - conditions come from threads and sockets
            await asyncio.sleep(0.02)


@asynccontextmanager
async def connected(port, data):
    """A connection that takes little, after this was sent."""
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(HANG_S):
            await loop.sock_connect(sock, ("127.0.0.1", port))
            await loop.sock_sendall(sock, data)
        yield sock


def post(path, body, *, length=None):
    data = body.encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length or len(data)}\r\n\r\n"
    )
    return head.encode() + data


STREAM = post("/synthesize/stream", f'{{"text": "{LONG}", "voice": "hum"}}')
SOME = post("/synthesize", f'{{"text": "{LONG[:100]}", "voice": "hum"}}')
WHOLE = post("/synthesize", f'{{"text": "{LONG}", "voice": "hum"}}')


async def never_read(port):
    async with connected(port, STREAM) as sock:
        await until(lambda: is_closed(sock))


async def never_read_the_whole(port):
    async with connected(port, SOME) as sock:
        await until(lambda: is_closed(sock))


async def half_close(port):
    async with connected(port, WHOLE) as sock:
        sock.shutdown(socket.SHUT_WR)
        await until(lambda: is_closed(sock))


async def abort_after_some(port):
    async with connected(port, STREAM) as sock:
        await asyncio.get_running_loop().sock_recv(sock, 1000)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


async def half_a_header(port):
    async with connected(port, b"GET /livez HTTP/1.1\r\nHost: loc") as sock:
        await until(lambda: is_closed(sock))


async def half_a_body(port):
    async with connected(port, post("/synthesize", '{"text": ', length=1000)) as sock:
        answer = await asyncio.get_running_loop().sock_recv(sock, 1000)
        assert b"408" in answer.split(b"\r\n")[0]


def is_closed(sock):
    """Whether the other side has ended the connection; nothing is taken from it but its end."""
    try:
        if sock.recv(1, socket.MSG_PEEK) == b"":
            return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    # There is data before the end. Only the kernel knows more: 8 is CLOSE_WAIT, 7 is CLOSE.
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in (7, 8)


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_clients_that_misbehave_leave_nothing_behind(serve, humming):
    served = await serve(tts=humming, read_timeout_s=0.5, write_stall_s=0.5, idle_close_s=1)
    await served.ask("POST", "/synthesize", json={"text": "はい", "format": "mp3"})
    await served.client.close()
    await until(lambda: not served.server.connections)
    gc.collect()
    tasks, files = len(asyncio.all_tasks()), open_files()
    kinds = [
        never_read,
        never_read_the_whole,
        half_close,
        abort_after_some,
        half_a_header,
        half_a_body,
    ]
    await asyncio.gather(*(kinds[n % len(kinds)](served.port) for n in range(CLIENTS)))
    await until(lambda: not served.server.connections)
    await until(lambda: not humming.active_utterances)
    assert served.speech.active == 0
    gc.collect()
    await until(lambda: len(asyncio.all_tasks()) <= tasks)
    await until(lambda: open_files() <= files)  # sockets close a moment after their tasks


async def test_a_client_that_goes_away_is_spoken_to_no_longer(serve, humming):
    served = await serve(tts=humming)
    async with connected(served.port, WHOLE):
        await until(lambda: served.speech.active == 1)
    await until(lambda: not humming.active_utterances and not served.speech.active)


async def test_what_fails_on_the_way_does_not_look_like_a_whole_answer(serve):
    class Hoarse(Hum):
        def begin(self, reading, options, rng):  # noqa: ARG002
            yield rng.uniform(-0.5, 0.5, 48_000).astype(np.float32)
            raise RuntimeError("the voice is hoarse")

    with TTS(threads=1).load("mei").load("hum", source=Hoarse).prepare() as tts:
        served = await serve(tts=tts)
        async with served.client.post(
            "/synthesize/stream", json={"text": "はい", "voice": "hum"}
        ) as answer:
            assert answer.status == 200
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()


async def test_one_connection_too_many_is_told_so(serve):
    served = await serve(max_connections=2)
    async with connected(served.port, b""), connected(served.port, b""):
        await until(lambda: served.server.connections == 2)
        async with served.client.get("/livez") as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"]
            assert (await answer.json())["error"]["code"] == "busy"
    await until(lambda: not served.server.connections)
    await served.ask("GET", "/livez")


async def test_a_stop_lets_what_is_spoken_end_and_nothing_else(serve, humming):
    served = await serve(tts=humming)
    async with connected(served.port, b"") as idle:
        speaking = asyncio.create_task(
            served.ask("POST", "/synthesize", json={"text": "はい。" * 20, "voice": "hum"})
        )
        await until(lambda: served.speech.active == 1)
        await served.server.stop(HANG_S)
        assert len(await speaking) > 20 * 4 * 48_000
        assert is_closed(idle)
    with pytest.raises(ConnectionRefusedError):
        async with connected(served.port, b""):
            pass


async def test_a_stop_does_not_wait_for_ever(serve, humming):
    served = await serve(tts=humming)
    async with connected(served.port, STREAM):
        await until(lambda: served.speech.active == 1)
        await served.server.stop(0.1)
        assert served.speech.active == 0
    await until(lambda: not humming.active_utterances)


@pytest.mark.parametrize(
    "junk",
    [
        b"\x00\xff\xfe" * 4000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
        b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://evil.example.com/ HTTP/1.1\r\nHost: evil.example.com\r\n\r\n",
        b"CONNECT evil.example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /voices/%ff%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /voices HTTP/1.1\r\nHost: \xff\xfe\r\nOrigin: \xff\r\n\r\n",
        b"GET /voices HTTP/1.1\r\nHost: a\r\nOrigin: http://[\r\n\r\n",
        (
            b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"
        ),
        (
            b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"
        ),
    ],
)
async def test_junk_is_refused_and_nobody_is_alarmed(serve, caplog, junk):
    served = await serve(read_timeout_s=1)
    async with connected(served.port, junk) as sock:
        answer = await asyncio.get_running_loop().sock_recv(sock, 1000)
    assert answer.split(b" ")[1][:1] == b"4"
    await until(lambda: not served.server.connections)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_an_answer_that_takes_too_long_is_given_up(serve):
    class Slow(Hum):
        def begin(self, reading, options, rng):  # noqa: ARG002
            for _ in range(100):
                time.sleep(0.02)
                yield rng.uniform(-0.5, 0.5, 4800).astype(np.float32)

    with TTS(threads=1).load("mei").load("hum", source=Slow).prepare() as tts:
        served = await serve(tts=tts, answer_timeout_s=0.2)
        body = {"text": "はい", "voice": "hum"}
        error = (await served.ask("POST", "/synthesize", 504, json=body))["error"]
        assert error["code"] == "answer-timeout"
        assert "stream" in error["hint"]
        await until(lambda: not tts.active_utterances)
