"""Limits: what is too much is refused with a status that says so, and nobody else notices."""

from __future__ import annotations

import asyncio
import io
import json
import socket

import pytest

from hayakoe_engine.text.dictionary.formats import MAX_BYTES
from hayakoe_engine.text.markup import MAX_DEPTH
from hayakoe_engine.tts import TTS
from wyoming_hayakoe.http import rate
from wyoming_hayakoe.http.errors import TooManyRequests
from wyoming_hayakoe.http.voicevox import presets
from wyoming_hayakoe.http.voicevox.models import MAX_PHRASE_MORAS, MAX_PHRASES
from wyoming_hayakoe.http.voicevox.styles import style_id_of
from wyoming_hayakoe.speech import Request

HANG_S = 60.0
MEI = {"speaker": str(style_id_of("mei"))}
MORA = {"text": "ア", "vowel": "a", "vowel_length": 0.1, "pitch": 5.5}
PHRASE = {"moras": [MORA], "accent": 1}
PRESET = {"id": -1, "name": "x", "speaker_uuid": "x", "style_id": style_id_of("mei")}
LONG = "これは長い文章です。" * 400
NAME = "x" * 257


def query(*phrases):
    return {"accent_phrases": phrases}


async def hear(connection, kind):
    """The next message of this type over a WebSocket."""
    async with asyncio.timeout(HANG_S):
        while (message := await connection.receive_json())["type"] != kind:
            pass
    return message


async def idle(tts):
    """Wait until the engine has let go of everything; the last to do so is a worker."""
    async with asyncio.timeout(HANG_S):
        while tts.active_utterances:  # noqa: ASYNC110 - other threads decide
            await asyncio.sleep(0.005)


# Too much to do


@pytest.fixture(scope="module")
def narrow():
    """An engine that speaks one utterance at a time."""
    with TTS(threads=1, max_utterances=1).load("mei").prepare() as tts:
        yield tts


@pytest.fixture
async def busy(serve, narrow):
    """A server that is speaking as much as it may."""
    served = await serve(tts=narrow)
    narration = served.speech.begin(Request(interface="test"))
    yield served
    narration.close()


@pytest.mark.parametrize(
    ("method", "path", "request_"),
    [
        ("POST", "/synthesize", {"json": {"text": "はい"}}),
        ("POST", "/synthesize/stream", {"json": {"text": "はい"}}),
        ("GET", "/api/tts", {"params": {"text": "はい"}}),
        ("POST", "/synthesize/batch", {"json": {"texts": ["はい"]}}),
        ("POST", "/v1/audio/speech", {"json": {"model": "tts-1", "input": "はい"}}),
        (
            "POST",
            "/v1/audio/speech",
            {"json": {"model": "tts-1", "input": "はい", "stream_format": "sse"}},
        ),
        ("POST", "/synthesis", {"json": query(PHRASE), "params": MEI}),
        ("POST", "/cancellable_synthesis", {"json": query(PHRASE), "params": MEI}),
        ("POST", "/multi_synthesis", {"json": [query(PHRASE)], "params": MEI}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_busy_server_says_when_to_ask_again(busy, method, path, request_):
    async with busy.client.request(method, path, **request_) as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "1 requests are in progress" in await answer.text()
    await busy.ask("POST", "/read", json={"text": "はい"})  # nothing of it is spoken


async def test_over_a_websocket_a_busy_server_says_so_of_the_utterance(serve, narrow):
    served = await serve(tts=narrow)
    narration = served.speech.begin(Request(interface="test"))
    async with served.client.ws_connect("/ws/synthesize") as connection:
        await connection.send_json({"type": "config"})
        for number, kind in enumerate(("error", "complete"), 1):
            await connection.send_json({"type": "text", "text": "はい。"})
            await connection.send_json({"type": "end_of_stream"})
            message = await hear(connection, kind)
            assert message["utterance"] == number
            assert message.get("code") == ("busy" if kind == "error" else None)
            narration.close()
    await idle(narrow)
    await served.ask("POST", "/synthesize", json={"text": "はい"})
    await idle(narrow)


async def test_an_utterance_that_waits_for_its_text_holds_nobody_up(serve):
    with TTS(threads=1).load("mei").prepare() as tts:
        served = await serve(tts=tts)
        async with served.client.ws_connect("/ws/synthesize") as connection:
            await connection.send_json({"type": "config"})
            await connection.send_json({"type": "text", "text": "はい。いい"})
            await hear(connection, "audio")
            await served.ask("POST", "/synthesize", json={"text": "はい"})
            await connection.send_json({"type": "end_of_stream"})
            assert (await hear(connection, "complete"))["sentences"] == 2


async def test_a_listener_who_takes_nothing_holds_nobody_up(serve):
    with TTS(threads=1).load("mei").prepare() as tts:
        served = await serve(tts=tts)
        body = json.dumps({"text": LONG[:5000]}).encode()
        head = (
            "POST /synthesize/stream HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.socket() as sock:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, ("127.0.0.1", served.port))
            await loop.sock_sendall(sock, head.encode() + body)
            async with asyncio.timeout(HANG_S):
                await loop.sock_recv(sock, 1)  # it has begun to speak
            await served.ask("POST", "/synthesize", json={"text": "はい"})
            assert served.speech.active == 1


# Sizes


async def test_the_limit_of_texts_is_the_one_of_this_side(serve):
    served = await serve(max_text_chars=30_000)
    assert served.speech.max_text_chars < 25_000
    await served.ask("POST", "/synthesize", json={"text": " " * 25_000})
    await served.ask("POST", "/synthesize", 413, json={"text": " " * 30_001})


async def test_the_head_of_a_request_has_limits(serve):
    served = await serve()
    longest = {"text": "あ" * 5000, **MEI}  # 45 kB in an address
    await served.ask("POST", "/audio_query", params=longest)
    await served.ask("POST", "/audio_query", 413, params={**longest, "text": "あ" * 5001})
    for path, headers in (("/" + "x" * 70_000, {}), ("/livez", {"X-Request-Id": "x" * 8200})):
        async with served.client.get(path, headers=headers) as answer:
            assert answer.status == 400


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/synthesize", {"text": "あ", "voice": NAME}, 422),
        ("/synthesize", {"text": "あ", "style": NAME}, 422),
        ("/synthesize/batch", {"texts": ["あ"], "voice": NAME}, 422),
        ("/prerender", {"texts": ["あ"] * 101}, 422),
        ("/v1/audio/speech", {"model": "tts-1", "input": "あ", "voice": NAME}, 400),
        ("/v1/audio/speech", {"model": NAME, "input": "あ"}, 400),
        ("/v1/audio/speech", {"model": "tts-1", "input": "あ" * 5001}, 413),
        ("/synthesis", query(*[PHRASE] * (MAX_PHRASES + 1)), 422),
        ("/synthesis", query({"moras": [MORA] * (MAX_PHRASE_MORAS + 1), "accent": 1}), 422),
        ("/synthesis", query({"moras": [{**MORA, "vowel_length": 31}], "accent": 1}), 422),
        ("/multi_synthesis", [query(PHRASE)] * 101, 413),
        ("/multi_synthesis", [query(PHRASE)] * 1001, 422),
        ("/multi_synthesis", [{**query(PHRASE), "prePhonemeLength": 30}] * 21, 422),
        ("/mora_data", [PHRASE] * (MAX_PHRASES + 1), 422),
        ("/connect_waves", [""] * 1001, 422),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_too_much_is_refused(serve, path, body, status):
    served = await serve()
    await served.ask("POST", path, status, json=body, params=MEI)


@pytest.mark.parametrize(
    "document",
    [
        "<p>" * (MAX_DEPTH + 1) + "あ" + "</p>" * (MAX_DEPTH + 1),
        "あ<break time='11s'/>",
        f"<voice name='{NAME}'>あ</voice>",
    ],
    ids=lambda document: document[:20],
)
async def test_markup_beyond_its_limits_is_refused(serve, document):
    served = await serve()
    body = {"text": f"<speak>{document}</speak>", "markup": "ssml"}
    error = (await served.ask("POST", "/synthesize", 422, json=body))["error"]
    assert error["code"] == "bad-markup"


# What is kept


async def test_presets_do_not_grow_beyond_what_can_be_read_again(serve, tmp_path, monkeypatch):
    with TTS(threads=1, dictionary=tmp_path / "words.yaml").load("mei").prepare() as tts:
        served = await serve(tts=tts)
        for expected in range(2):
            assert await served.ask("POST", "/add_preset", json=PRESET) == expected
        with monkeypatch.context() as patch:
            patch.setattr(presets, "MAX_PRESETS", 2)
            problem = await served.ask("POST", "/add_preset", 409, json=PRESET)
            assert "there are 2 presets already" in problem["detail"]
        monkeypatch.setattr(presets, "MAX_FILE_BYTES", 1000)
        long = {**PRESET, "id": 0, "name": "あ" * 200}
        for path in ("/add_preset", "/update_preset"):
            await served.ask("POST", path, 409, json={**long, "speaker_uuid": "あ" * 100})
        assert [one["name"] for one in await served.ask("GET", "/presets")] == ["x", "x"]


async def test_the_dictionary_has_limits(serve, tmp_path, monkeypatch):
    with TTS(threads=1, dictionary=tmp_path / "words.yaml").load("mei").prepare() as tts:
        served = await serve(tts=tts)

        async def refused(code, path="/dictionary", **body):
            error = (await served.ask("POST", path, 422, **body))["error"]
            assert error["code"] == code

        await refused("bad-dictionary-entry", json={"surface": "猫" * 101, "reading": "ネコ"})
        await refused("bad-dictionary-entry", json={"surface": "猫", "reading": "ネ" * 201})
        csv = {"data": io.BytesIO(b"#" * (MAX_BYTES + 1)), "headers": {"Content-Type": "text/csv"}}
        await refused("bad-dictionary-file", "/dictionary/import?format=csv", **csv)
        with monkeypatch.context() as patch:
            patch.setattr("hayakoe_engine.text.dictionary.store.MAX_BYTES", 10)
            await refused("bad-dictionary-entry", json={"surface": "猫", "reading": "ネコ"})
        monkeypatch.setattr("hayakoe_engine.text.dictionary.store.MAX_ENTRIES", 1)
        await served.ask("POST", "/dictionary", 201, json={"surface": "猫", "reading": "ネコ"})
        await refused("bad-dictionary-entry", json={"surface": "犬", "reading": "イヌ"})


# Time, and who is remembered


async def test_a_connection_on_which_nothing_more_is_asked_is_closed(serve):
    served = await serve(idle_close_s=0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    async with asyncio.timeout(HANG_S):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"Connection: close" not in answer
    writer.close()


def test_of_many_clients_who_asked_longest_ago_is_forgotten(monkeypatch):
    monkeypatch.setattr(rate, "MAX_CLIENTS", 2)
    limit = rate.RateLimit(1)
    for client in ("first", "second", "third"):
        limit.count(client)
    with pytest.raises(TooManyRequests):
        limit.count("third")
    limit.count("first")
