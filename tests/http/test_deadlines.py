"""Over HTTP a request may say how long it waits for its voice, and nobody takes all places."""

from __future__ import annotations

import asyncio
import threading

import aiohttp
import numpy as np
import pytest

from hayakoe_engine.tts import TTS
from hayakoe_engine.voices.voice import VoiceInfo

HANG_S = 60.0
NEVER_S = 600.0
TEXT = "起きる時間です。"
LONG = "これは長い文章です。" * 400


class Stuck:
    """A voice that makes nothing before it is let."""

    def __init__(self):
        self.gate = threading.Event()
        self.info = VoiceInfo(
            name="stuck",
            title="stuck",
            sample_rate_hz=48_000,
            licence="",
            credit="",
            url="",
            version="",
        )

    def begin(self, reading, options, rng):  # noqa: ARG002 - a voice is called like this
        self.gate.wait(HANG_S)
        yield np.zeros(100, np.float32)

    def close(self):
        pass


@pytest.fixture
async def served(serve):
    voice = Stuck()
    with TTS(threads=4).load("mei").load("stuck", source=lambda: voice).prepare() as tts:
        yield await serve(tts=tts, fallback_after_s=NEVER_S)
        voice.gate.set()


async def hear(connection, kind):
    """The next message of this type over a WebSocket."""
    async with asyncio.timeout(HANG_S):
        while (message := await connection.receive_json())["type"] != kind:
            pass
    return message


async def test_the_embedded_voice_speaks_when_the_deadline_of_a_request_is_over(served):
    body = {"voice": "stuck", "deadline_s": 0.1}
    spoken = served.tts.speakers["mei"].generate(TEXT).pcm_bytes()
    for path in ("/synthesize", "/synthesize/stream"):
        json = {**body, "text": TEXT, "format": "pcm"}
        assert await served.ask("POST", path, json=json) == spoken
    query = {"speaker_name": "stuck", "deadline_s": "0.1", "text": TEXT, "format": "pcm"}
    assert await served.ask("GET", "/api/tts", params=query) == spoken
    assert await served.ask("POST", "/synthesize/batch", json={**body, "texts": [TEXT]})
    async with served.client.ws_connect("/ws/synthesize") as connection:
        await connection.send_json({"type": "config", **body})
        await connection.send_json({"type": "text", "text": TEXT})
        await connection.send_json({"type": "end_of_stream"})
        assert (await hear(connection, "complete"))["duration_s"] > 0.5


@pytest.mark.parametrize("deadline_s", [0.09, 601, "1"])
async def test_a_deadline_has_bounds(served, deadline_s):
    body = {"text": TEXT, "deadline_s": deadline_s}
    error = (await served.ask("POST", "/synthesize", 422, json=body))["error"]
    assert "deadline_s: must be " in error["message"]
    async with served.client.ws_connect("/ws/synthesize") as connection:
        await connection.send_json({"type": "config", "deadline_s": deadline_s})
        error = await hear(connection, "error")
    assert error["code"] == "bad-message"
    assert "deadline_s: must be " in error["message"]


async def test_a_deadline_at_the_end_of_a_voices_name_has_the_same_bounds(served):
    body = {"text": TEXT, "voice": "mei@0.01s"}
    error = (await served.ask("POST", "/synthesize", 422, json=body))["error"]
    assert error["code"] == "bad-option"
    assert "a deadline is 0.1 to 600 s" in error["message"]


# Places


async def test_utterances_of_one_client_leave_some_for_others(serve, engine):
    served = await serve(tts=engine, max_utterances=5)
    connector = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
    async with (
        served.client.ws_connect("/ws/synthesize") as connection,
        aiohttp.ClientSession(served.url, connector=connector, trust_env=False) as other,
    ):
        await connection.send_json({"type": "config"})
        for _ in range(4):
            await connection.send_json({"type": "text", "text": LONG})
            await connection.send_json({"type": "end_of_stream"})
        await hear(connection, "audio")
        error = (await served.ask("POST", "/synthesize", 503, json={"text": TEXT}))["error"]
        assert error["code"] == "busy"
        assert "4 of 5 utterances in progress are yours" in error["message"]
        async with other.post("/synthesize", json={"text": TEXT}) as answer:
            assert answer.status == 200
            await answer.read()


async def test_a_place_is_free_before_anybody_hears_that_it_is(serve, engine):
    served = await serve(tts=engine)
    async with served.client.ws_connect("/ws/synthesize") as connection:
        await connection.send_json({"type": "config"})
        for _ in range(3):
            await connection.send_json({"type": "text", "text": "はい。"})
            await connection.send_json({"type": "end_of_stream"})
            await hear(connection, "complete")
            assert served.speech.active == 0
    for path in ("/synthesize", "/synthesize/stream"):
        await served.ask("POST", path, json={"text": "はい。"})
        assert served.speech.active == 0
