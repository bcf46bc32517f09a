"""A voice of the hub is installed in a running server, made anew, and removed."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
from wyoming.audio import AudioChunk
from wyoming.client import AsyncTcpClient
from wyoming.event import Event
from wyoming.info import Info

HANG_S = 120.0
SERVERS = Path(__file__).parents[1] / "servers"
LONG = "雨が降りそうです。傘を持って行きましょう。" * 20
MEI_HZ, MINI_HZ = 48_000, 44_100


@pytest.fixture
def hub(published):
    """A hub with the voice in me/voices."""
    sys.path.insert(0, str(SERVERS))
    try:
        from hub import HubServer
    finally:
        sys.path.remove(str(SERVERS))
    files = {
        str(path.relative_to(published)): path.read_bytes()
        for path in published.rglob("*")
        if path.is_file()
    }
    with HubServer() as server:
        server.commit("me/voices", files)
        yield server


@pytest.fixture
async def ports(hub, tmp_path):
    """Where a server speaks Wyoming and HTTP that has no neural voice yet."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wyoming_hayakoe", "serve", "--uri", "tcp://127.0.0.1:0"),
        *("--no-zeroconf", "--set=http.port=0", f"--set=cache={tmp_path}/cache"),
        f"--set=dictionary={tmp_path}/dictionary.yaml",
        env={**os.environ, "HF_ENDPOINT": hub.url, "HOME": str(tmp_path)},  # noqa: TID251
        stderr=asyncio.subprocess.PIPE,
    )
    found = []
    async with asyncio.timeout(HANG_S):
        while len(found) < 2:
            line = (await process.stderr.readline()).decode()
            assert line, "the server has ended"
            found += re.findall(r"(?:ready on tcp|HTTP on http)://127\.0\.0\.1:(\d+)", line)
    reading = asyncio.create_task(process.stderr.read())
    yield [int(port) for port in found]
    with suppress(ProcessLookupError):
        process.terminate()
    assert b"Traceback" not in await reading
    assert await process.wait() == 0


async def described(port):
    async with AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(Event("describe"))
        (program,) = Info.from_event(await client.read_event()).tts
        return {voice.name: voice.description for voice in program.voices}


async def say(port, text, voice=None):
    """The rate and the samples of the answer."""
    async with asyncio.timeout(HANG_S), AsyncTcpClient("127.0.0.1", port) as client:
        data = {"text": text} | ({"voice": {"name": voice}} if voice else {})
        await client.write_event(Event("synthesize", data))
        rate, pcm = 0, b""
        while (event := await client.read_event()).type != "audio-stop":
            assert event.type != "error", event.data
            if AudioChunk.is_type(event.type):
                chunk = AudioChunk.from_event(event)
                rate, pcm = chunk.rate, pcm + chunk.audio
        return rate, pcm


async def test_a_voice_comes_is_made_anew_and_goes_while_others_speak(ports):
    wyoming, http = ports
    undisturbed = await say(wyoming, LONG)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{http}") as session:

        async def until(state):
            async with asyncio.timeout(HANG_S):
                while True:
                    async with session.get("/voices/status") as answer:
                        (voice,) = (await answer.json())["voices"]
                    assert voice["state"] == "loading" or voice["state"] == state, voice
                    if voice["state"] == state:
                        return voice
                    await asyncio.sleep(0.1)

        talking = asyncio.create_task(say(wyoming, LONG))
        wanted = {"name": "mini", "source": "hf://me/voices", "title": "ミニ"}
        async with session.post("/voices", json=wanted) as answer:
            assert answer.status in (201, 202), await answer.text()
        assert (await described(wyoming))["mini"] == "ミニ（準備中）"
        assert (await say(wyoming, "はい。", "mini"))[0] in (MEI_HZ, MINI_HZ)
        await until("ready")
        assert (await described(wyoming))["mini"] == "ミニ"
        assert (await say(wyoming, "はい。", "mini"))[0] == MINI_HZ
        async with session.post("/voices/mini/reload", params={"update": "true"}) as answer:
            assert answer.status in (200, 202), await answer.text()
        assert (await say(wyoming, "はい。", "mini"))[0] == MINI_HZ
        async with session.delete("/voices/mini") as answer:
            assert answer.status in (200, 204), await answer.text()
        assert set(await described(wyoming)) == {"mei"}
        assert (await say(wyoming, "はい。", "mini"))[0] == MEI_HZ
        assert await talking == undisturbed
