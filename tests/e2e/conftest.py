"""The server as a process of its own.

Helpers are fixtures because the tests are no package.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from contextlib import AsyncExitStack

import pytest
from wyoming.client import AsyncClient
from wyoming.tts import Synthesize

HANG_S = 60.0
"""Nothing in these tests takes so long; only a hang does."""

READY = re.compile(r"is ready on (\S+),")


class ServerProcess:
    """A process of ``wyoming-hayakoe serve`` and what it has written to standard error."""

    def __init__(self, process):
        self.process = process
        self.log = []
        self._more = asyncio.Condition()
        self._reading = asyncio.create_task(self._read_log())

    async def ready(self):
        """The URI at which the server can be reached."""
        line = await self.wait_for(READY.pattern)
        return READY.search(line)[1]

    async def wait_for(self, pattern):
        """The first line of the log that matches."""
        async with asyncio.timeout(HANG_S), self._more:
            while not (lines := [line for line in self.log if re.search(pattern, line)]):
                assert not self._reading.done(), self.log
                await self._more.wait()
            return lines[0]

    async def stop(self, number):
        """Send a signal; returns the exit status."""
        self.process.send_signal(number)
        return await self.exit()

    async def exit(self):
        async with asyncio.timeout(HANG_S):
            await self._reading
            return await self.process.wait()

    async def kill(self):
        self.process._transport.close()
        await self.exit()

    async def _read_log(self):
        async for line in self.process.stderr:
            async with self._more:
                self.log.append(line.decode().rstrip())
                self._more.notify_all()
        async with self._more:
            self._more.notify_all()


class Voice:
    """A client that speaks through a running server."""

    def __init__(self, uri):
        self.client = AsyncClient.from_uri(uri, connect_timeout=HANG_S, read_timeout=HANG_S)

    async def __aenter__(self):
        await self.client.connect()
        return self

    async def __aexit__(self, *_):
        await self.client.disconnect()

    async def ask(self, text):
        await self.client.write_event(Synthesize(text=text).event())

    async def event(self, kind):
        event = await self.client.read_event()
        assert event is not None
        assert event.type == kind, event.data
        return event

    async def rest(self):
        """All events to the end of the connection."""
        events = []
        while (event := await self.client.read_event()) is not None:
            events.append(event)
        return events

    async def say(self, text):
        """The PCM of a text."""
        await self.ask(text)
        await self.event("audio-start")
        pcm = b""
        while (event := await self.client.read_event()).type == "audio-chunk":
            pcm += event.payload
        assert event.type == "audio-stop", event.data
        return pcm


@pytest.fixture
def speak_through():
    return Voice


@pytest.fixture
def home(tmp_path):
    """The home directory of the server processes, empty."""
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def environment(home):
    """What the server processes find in their environment: next to nothing."""
    return {"HOME": str(home), "PATH": os.defpath, "LANG": "C.UTF-8"}


@pytest.fixture
async def serve(environment, tmp_path):
    """Starts server processes."""
    async with AsyncExitStack() as stack:

        async def start(uri="tcp://127.0.0.1:0", *flags, stdin=None, stdout=None):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "wyoming_hayakoe", "serve", "--uri", uri),
                *("--no-zeroconf", "--set", "http.enabled=false", *flags),
                cwd=tmp_path,
                env=environment,
                stdin=stdin or asyncio.subprocess.DEVNULL,
                stdout=stdout or asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            server = ServerProcess(process)
            stack.push_async_callback(server.kill)
            return server

        yield start


@pytest.fixture(scope="session")
def expected_pcm():
    """What the embedded voice says, got from the engine directly."""
    from hayakoe_engine import TTS

    with TTS().load("mei").prepare() as tts:
        yield lambda text: tts.speakers["mei"].generate(text).pcm_bytes()
