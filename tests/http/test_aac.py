"""AAC, wherever a format can be asked for."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import openai
import pytest

TEXT = "お風呂が沸きました。"
LONG = TEXT + "ごゆっくりどうぞ。" * 100
ADTS = b"\xff\xf1"
PRIMING = 1024


@pytest.fixture
async def served(serve):
    return await serve()


@pytest.fixture
async def client(served):
    async with openai.AsyncOpenAI(
        base_url=f"{served.url}/v1", api_key="none-is-needed", max_retries=0
    ) as client:
        yield client


@pytest.fixture
def without_ffmpeg(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)


async def decoded(aac):
    """Samples of one channel."""
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "aac", "-i", "pipe:0"]
    decoding = await asyncio.create_subprocess_exec(
        *program, "-f", "s16le", "pipe:1", stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    pcm, _ = await decoding.communicate(aac)
    assert decoding.returncode == 0
    return np.frombuffer(pcm, "<i2").astype(float)


async def check_same_sound(aac, pcm):
    assert aac.startswith(ADTS)
    expected = np.frombuffer(pcm, "<i2").astype(float)
    heard = await decoded(aac)
    assert PRIMING <= len(heard) - len(expected) < 2 * PRIMING
    heard = heard[PRIMING : PRIMING + len(expected)]
    assert np.corrcoef(heard, expected)[0, 1] > 0.98
    assert np.mean(heard**2) == pytest.approx(np.mean(expected**2), rel=0.05)


def processes():
    """Those that this one has started."""
    lists = Path("/proc/self/task").glob("*/children")
    return {pid for one in lists for pid in one.read_text().split()}


async def all_end(served, before):
    async with asyncio.timeout(60):
        while served.tts.active_utterances or processes() != before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_client_of_openai_gets_the_sound_of_the_wav(client):
    async def speak(response_format):
        return await client.audio.speech.create(
            model="tts-1", voice="alloy", input=TEXT, response_format=response_format
        )

    response = await speak("aac")
    assert response.response.headers["Content-Type"] == "audio/aac"
    await check_same_sound(response.content, (await speak("wav")).content[44:])


async def test_a_client_of_openai_that_hangs_up_leaves_no_ffmpeg(client, served):
    before = processes()
    speaking = client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="mei", input=LONG, response_format="aac"
    )
    async with speaking as response:
        assert (await anext(response.iter_bytes(7))).startswith(ADTS)
        # It is far from done.
        assert served.tts.active_utterances
        assert processes() > before
    await all_end(served, before)


async def test_a_client_of_openai_is_told_how_to_get_it(client, without_ffmpeg):  # noqa: ARG001
    with pytest.raises(openai.BadRequestError, match=r"wyoming-hayakoe\[aac\]") as caught:
        await client.audio.speech.create(
            model="tts-1", voice="mei", input=TEXT, response_format="aac"
        )
    assert caught.value.param == "response_format"


@pytest.mark.parametrize("path", ["/synthesize", "/synthesize/stream"])
async def test_it_comes_over_rest(served, path):
    body = {"text": TEXT, "format": "aac", "sample_rate": 24_000}
    async with served.client.post(path, json=body) as answer:
        assert answer.content_type == "audio/aac"
        assert answer.headers["X-Sample-Rate"] == "24000"
        aac = await answer.read()
    pcm = await served.ask("POST", path, json={**body, "format": "pcm"})
    await check_same_sound(aac, pcm)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/synthesize", {"text": TEXT}),
        ("/synthesize/stream", {"text": TEXT}),
        ("/synthesize/batch", {"texts": [TEXT]}),
    ],
)
async def test_rest_says_how_to_get_it(served, without_ffmpeg, path, body):  # noqa: ARG001
    answer = await served.ask("POST", path, 422, json={**body, "format": "aac"})
    assert answer["error"]["message"] == (
        "format: aac is made by the program ffmpeg, which is not on this machine: "
        "pip install 'wyoming-hayakoe[aac]', or install ffmpeg"
    )


async def test_it_comes_over_a_websocket_and_stops_with_it(served):
    before = processes()
    async with served.client.ws_connect("/ws/synthesize") as socket:

        async def until(kind):
            sound = b""
            async for message in socket:
                if message.type.name == "BINARY":
                    sound += message.data
                    if kind == "audio":
                        return sound
                elif (event := json.loads(message.data))["type"] == kind:
                    return sound
                else:
                    assert event["type"] != "error", event
            raise AssertionError("the connection has ended")

        async def say(text):
            await socket.send_json({"type": "text", "text": text})
            await socket.send_json({"type": "end_of_stream"})

        config = {"type": "config", "format": "aac", "encoding": "binary", "sample_rate": 24_000}
        await socket.send_json(config)
        await until("ready")
        await say(TEXT)
        aac = await until("complete")
        await say(LONG)
        assert (await until("audio")).startswith(ADTS)
        assert processes() > before
        await socket.send_json({"type": "cancel"})
        await until("cancelled")
        await all_end(served, before)
    pcm = {"text": TEXT, "format": "pcm", "sample_rate": 24_000}
    await check_same_sound(aac, await served.ask("POST", "/synthesize", json=pcm))
