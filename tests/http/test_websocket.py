"""Text in and audio out over a WebSocket."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import soundfile

from hayakoe_engine.errors import BadMarkup
from wyoming_hayakoe.http import websocket

HANG_S = 60.0
LONG = "今日はとても良い天気ですから、散歩に出かけましょう。" * 30


class Talk:
    """A client's side of one connection.

    Attributes:
        sound: Audio of the last utterance that was heard.
    """

    def __init__(self, socket):
        self.socket = socket
        self.sound = b""

    async def say(self, kind, **fields):
        await self.socket.send_str(json.dumps({"type": kind, **fields}))

    async def hear(self):
        """The next message; binary ones as if they were JSON."""
        received = await self.socket.receive(timeout=HANG_S)
        if received.type is aiohttp.WSMsgType.BINARY:
            return {"type": "audio", "bytes": received.data}
        if received.type is not aiohttp.WSMsgType.TEXT:
            return {"type": "closed", "code": self.socket.close_code}
        message = json.loads(received.data)
        if message["type"] == "audio":
            message["bytes"] = base64.b64decode(message["data"])
        return message

    async def until(self, *kinds):
        """Everything up to the first message of one of these types."""
        heard = []
        async with asyncio.timeout(HANG_S):
            while not heard or heard[-1]["type"] not in kinds:
                heard.append(await self.hear())
                assert heard[-1]["type"] != "closed" or "closed" in kinds, heard[-1]
        self.sound = b"".join(one["bytes"] for one in heard if one["type"] == "audio")
        return heard

    async def configure(self, **fields):
        await self.say("config", **fields)
        return (await self.until("ready", "error"))[-1]

    async def speak(self, *pieces):
        for piece in pieces:
            await self.say("text", text=piece)
        await self.say("end_of_stream")
        return await self.until("complete", "error")


@pytest.fixture
async def talk(serve):
    """Connects: ``await talk(**http_settings)``, or to a server that is there already."""

    async def connect(server=None, *, headers=None, protocols=(), **settings):
        server = server or await serve(**settings)
        socket = await server.client.ws_connect(
            "/ws/synthesize", headers=headers, protocols=protocols
        )
        connection = Talk(socket)
        connection.server = server
        return connection

    return connect


def limit(monkeypatch, **limits):
    monkeypatch.setattr(websocket, "LIMITS", replace(websocket.LIMITS, **limits))


async def is_silent(server):
    """Wait until nothing is being spoken any more."""
    async with asyncio.timeout(HANG_S):
        while server.tts.active_utterances:  # noqa: ASYNC110 - other threads decide
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("encoding", ["base64", "binary"])
async def test_text_in_pieces_is_spoken_sentence_by_sentence(talk, encoding):
    client = await talk()
    ready = await client.configure(encoding=encoding, seed=7)
    assert ready == {
        "type": "ready",
        "voice": "mei",
        "style": None,
        "sample_rate": 48_000,
        "format": "pcm",
        "encoding": encoding,
    }
    heard = await client.speak("おはよう", "ございます。今日は", "晴れです。")
    expected = client.server.tts.speakers["mei"].generate("おはようございます。今日は晴れです。")
    assert client.sound == expected.pcm_bytes()
    sentences = [one for one in heard if one["type"] == "sentence"]
    assert [one["text"] for one in sentences] == ["おはようございます。", "今日は晴れです。"]
    assert [one["index"] for one in sentences] == [0, 1]
    assert sentences[0]["start_s"] == 0
    first = client.server.tts.speakers["mei"].generate("おはようございます。")
    assert sentences[1]["start_s"] == pytest.approx(first.duration_s, abs=1e-3)
    assert heard[-1]["sentences"] == 2
    assert heard[-1]["duration_s"] == pytest.approx(expected.duration_s, abs=1e-3)


async def test_a_voices_name_may_end_with_a_priority(talk):
    client = await talk()
    ready = await client.configure(voice="mei@alarm")
    assert (ready["type"], ready["voice"]) == ("ready", "mei")
    assert (await client.speak("起きる時間です。"))[-1]["type"] == "complete"


async def test_speaks_before_the_text_is_complete(talk):
    client = await talk()
    await client.configure()
    await client.say("text", text="お風呂が沸きました。それから")
    assert (await client.until("audio"))[0]["text"] == "お風呂が沸きました。"
    await client.say("flush")
    heard = await client.until("sentence")
    assert heard[-1]["text"] == "それから"


@pytest.mark.parametrize(
    ("audio_format", "rate_hz", "actual_hz"),
    [("wav", 16_000, 16_000), ("ogg", 22_050, 24_000), ("mp3", 24_000, 24_000)],
)
async def test_audio_comes_in_the_format_that_was_asked_for(talk, audio_format, rate_hz, actual_hz):
    client = await talk()
    ready = await client.configure(format=audio_format, sample_rate=rate_hz, encoding="binary")
    assert ready["sample_rate"] == actual_hz
    end = (await client.speak("こんにちは。"))[-1]
    # Nothing in a stream says how long it is.
    samples, read_hz = soundfile.read(io.BytesIO(client.sound), frames=480_000)
    assert read_hz == actual_hz
    assert len(samples) / read_hz == pytest.approx(end["duration_s"], abs=0.12)
    assert np.abs(samples).max() > 0.05


async def test_cancel_stops_at_once_and_the_connection_goes_on(talk):
    client = await talk()
    await client.configure()
    await client.say("text", text=LONG)
    await client.say("end_of_stream")
    await client.until("audio")
    await client.say("cancel")
    assert (await client.until("cancelled"))[-1]["utterances"] == [1]
    await is_silent(client.server)
    heard = await client.speak("はい。")
    assert {one["utterance"] for one in heard} == {2}
    assert heard[-1]["type"] == "complete"
    await client.say("cancel")
    assert await client.hear() == {"type": "cancelled", "utterances": []}


async def test_utterances_are_spoken_one_after_the_other(talk):
    client = await talk()
    await client.configure()
    for text in ("一つ目です。", "二つ目です。"):
        await client.say("text", text=text)
        await client.say("end_of_stream")
    heard = await client.until("complete") + await client.until("complete")
    assert [one["utterance"] for one in heard] == sorted(one["utterance"] for one in heard)
    assert [one["text"] for one in heard if one["type"] == "sentence"] == [
        "一つ目です。",
        "二つ目です。",
    ]


async def test_a_config_counts_from_the_next_utterance_on(talk):
    client = await talk()
    await client.configure(encoding="binary", speed=1.0)
    usual = (await client.speak("こんにちは。"))[-1]["duration_s"]
    await client.configure(encoding="binary", speed=2.0)
    fast = (await client.speak("こんにちは。"))[-1]["duration_s"]
    assert fast < 0.7 * usual


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("{", "bad-message"),
        ("[]", "bad-message"),
        ('{"type": "sing"}', "bad-message"),
        ('{"type": "text"}', "bad-message"),
        ('{"type": "text", "text": 1}', "bad-message"),
        ('{"type": "text", "text": "\\ud800"}', "bad-message"),
        ('{"type": "config", "speed": 99}', "bad-message"),
        ('{"type": "config", "speeed": 1}', "bad-message"),
        ('{"type": "config", "format": "aiff"}', "bad-message"),
        ('{"type": "config", "voice": "nobody"}', "voice-not-found"),
        ('{"type": "config", "style": "Happy"}', "style-not-found"),
        (b"\x00\x01", "bad-message"),
        ('{"type": "text", "text": "はい。"}', "not-configured"),
        ('{"type": "end_of_stream"}', "not-configured"),
    ],
)
async def test_a_wrong_message_is_answered_and_the_connection_goes_on(talk, sent, code):
    client = await talk()
    await (client.socket.send_bytes if isinstance(sent, bytes) else client.socket.send_str)(sent)
    error = await client.hear()
    assert (error["type"], error["code"]) == ("error", code)
    assert error["message"]
    await client.say("ping")
    assert await client.hear() == {"type": "pong"}


async def test_of_a_text_that_is_too_long_the_rest_is_passed_over(talk):
    client = await talk()
    await client.configure()
    await client.say("text", text="あ" * 15_000)
    await client.say("text", text="い" * 15_000)
    error = (await client.until("error"))[-1]
    assert (error["code"], error["utterance"]) == ("text-too-long", 1)
    await client.say("text", text="う。")
    await client.say("end_of_stream")
    heard = await client.speak("はい。")
    assert [one["text"] for one in heard if one["type"] == "sentence"] == ["はい。"]
    assert heard[-1]["utterance"] == 2


async def test_markup_that_is_wrong_ends_its_utterance_only(talk):
    client = await talk()
    await client.configure(markup="ssml")
    error = (await client.speak("<speak>はい"))[-1]
    assert (error["code"], error["utterance"]) == (BadMarkup.code, 1)
    assert (await client.speak("<speak>はい。</speak>"))[-1]["type"] == "complete"


async def test_a_text_without_anything_to_say_is_complete(talk):
    client = await talk()
    await client.configure()
    assert (await client.speak("…"))[-1]["type"] == "complete"
    assert (await client.speak())[-1]["type"] == "complete"


async def test_only_so_many_utterances_may_wait(talk, monkeypatch):
    limit(monkeypatch, max_waiting=2)
    client = await talk()
    await client.configure(encoding="binary")
    for _ in range(3):
        await client.say("text", text=LONG)
        await client.say("end_of_stream")
    error = (await client.until("error"))[-1]
    assert (error["code"], error["utterance"]) == ("busy", 3)


async def test_the_server_shows_that_it_is_alive(talk, monkeypatch):
    limit(monkeypatch, keepalive_s=0.02)
    client = await talk()
    assert await client.hear() == {"type": "keepalive"}
    assert await client.hear() == {"type": "keepalive"}


async def test_a_client_that_sends_too_fast_is_only_held_back(talk, monkeypatch):
    limit(monkeypatch, messages_per_s=2000, burst=10)
    client = await talk()
    for _ in range(300):
        await client.say("ping")
    for _ in range(300):
        assert await client.hear() == {"type": "pong"}


async def test_the_server_leaves_when_it_stops(talk):
    client = await talk()
    await client.configure()
    heard, _ = await asyncio.gather(client.until("closed"), client.server.server.stop())
    assert heard[-1]["code"] == aiohttp.WSCloseCode.GOING_AWAY


async def test_the_example_of_the_documentation_runs(serve, capsys):
    document = Path(__file__).parents[2] / "docs" / "websocket.md"
    code = re.findall(r"```python\n(.*?)```", document.read_text("utf-8"), re.DOTALL)[0]
    server = await serve()
    code = code.replace("http://127.0.0.1:10280", server.url)
    await asyncio.to_thread(exec, compile(code, document, "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "0.0 おはようございます。"
    assert "complete" in printed[-1]
