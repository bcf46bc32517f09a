"""What a machine does to a server: it is killed, its files change, its memory and network go."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from wyoming.audio import AudioChunk
from wyoming.client import AsyncClient
from wyoming.event import Event

import hayakoe_engine
import wyoming_hayakoe

HANG_S = 60.0
TEXT = "お風呂が沸きました。"
OTHER = "雨が降りそうです。傘を持って行きましょう。"
MEI_HZ = 48_000
MINI_HZ = 44_100


@pytest.fixture
def cache(installed, tmp_path):
    """A cache of one's own in which the voice is installed."""
    folder = tmp_path / "cache"
    shutil.copytree(installed[0], folder)
    return folder


@pytest.fixture
async def serve(published, cache, tmp_path):
    """Start a server with the neural voice as its default; returns it when it says ``until``."""
    servers = []

    async def serve(*settings, until="voice mini is ready"):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "wyoming_hayakoe", "serve", "--uri", "tcp://127.0.0.1:0"),
            *("--no-zeroconf", "--set=http.enabled=false", "--set=log.format=json"),
            *(f"--set=cache={cache}", f"--set=dictionary={tmp_path}/dictionary.yaml"),
            *(f"--set=voices.mini.source={published}", "--set=voice=mini"),
            *("--set=fallback.deadline_s=60", *settings),
            stderr=asyncio.subprocess.PIPE,
        )
        server = Server(process)
        servers.append(server)
        await server.says(until)
        return server

    yield serve
    for server in servers:
        await server.end(signal.SIGKILL)


class Server:
    """A server in a process of its own, and its log."""

    def __init__(self, process):
        self.process = process
        self.log = []
        self._reading = asyncio.create_task(self._read())
        self._more = asyncio.Event()

    async def _read(self):
        async for line in self.process.stderr:
            with suppress(ValueError):
                self.log.append(json.loads(line))
            self._more.set()
        self._more.set()

    async def says(self, pattern):
        """Wait for a line of the log."""
        async with asyncio.timeout(HANG_S):
            while not (found := [e for e in self.log if re.search(pattern, e["message"])]):
                assert not self._reading.done(), self.log
                self._more.clear()
                await self._more.wait()
        return found[0]

    @property
    def port(self):
        ready = (re.search(r"is ready on tcp://\S+:(\d+),", e["message"]) for e in self.log)
        return int(next(found[1] for found in ready if found))

    async def say(self, text=TEXT):
        """The rate and the samples of the answer."""
        uri = f"tcp://127.0.0.1:{self.port}"
        async with (
            asyncio.timeout(HANG_S),
            AsyncClient.from_uri(uri, read_timeout=HANG_S) as client,
        ):
            await client.write_event(Event("synthesize", {"text": text}))
            rate, pcm = 0, b""
            while (event := await client.read_event()).type != "audio-stop":
                assert event.type != "error", event.data
                if AudioChunk.is_type(event.type):
                    chunk = AudioChunk.from_event(event)
                    rate, pcm = chunk.rate, pcm + chunk.audio
        return rate, pcm

    async def end(self, number):
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        async with asyncio.timeout(HANG_S):
            await self._reading
            return await self.process.wait()


def is_speech(pcm):
    samples = memoryview(pcm).cast("h")
    return len(samples) > 10_000 and max(samples) > 1000


# Killed


async def test_killed_at_any_moment_it_starts_again_and_says_the_same(serve, tmp_path):
    chance = random.Random(8)
    server = await serve()
    expected = await server.say()
    assert expected[0] == MINI_HZ
    await server.end(signal.SIGKILL)
    for _ in range(4):
        server = await serve(until="is ready on")
        talking = [asyncio.create_task(server.say(text)) for text in (TEXT, OTHER, OTHER * 10)]
        adding = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "wyoming_hayakoe", "dictionary"),
            *(f"--set=dictionary={tmp_path}/dictionary.yaml", "add", "疾風声", "ハヤコエ"),
            stdout=subprocess.DEVNULL,
        )
        await asyncio.sleep(chance.uniform(0.0, 2.5))
        await server.end(signal.SIGKILL)
        await asyncio.gather(*talking, return_exceptions=True)
        assert await adding.wait() == 0
    server = await serve()
    assert await server.say() == expected
    assert not [entry for entry in server.log if entry["level"] in ("warning", "error")]
    assert await server.end(signal.SIGTERM) == 0


# Files


def truncate(file):
    os.truncate(file, file.stat().st_size // 2)


def empty(file):
    file.write_bytes(b"")


def garble(file):
    file.write_bytes(random.Random(1).randbytes(file.stat().st_size))


@pytest.mark.parametrize("damage", [truncate, empty, garble])
async def test_damaged_models_leave_the_embedded_voice_speaking(serve, cache, damage):
    shutil.rmtree(cache / "tuned", ignore_errors=True)
    files = [file for file in (cache / "installed").rglob("*") if file.suffix == ".onnx"]
    assert files
    for file in files:
        damage(file)
    server = await serve(until="voice mini is (not there|ready)")
    rate, pcm = await server.say()
    assert is_speech(pcm)
    assert rate == MEI_HZ
    assert [entry for entry in server.log if entry["level"] in ("warning", "error")]
    assert await server.end(signal.SIGTERM) == 0


async def test_models_replaced_while_they_are_loaded_change_nothing(serve, cache):
    server = await serve("--set=phrase_cache.memory_mb=0", "--set=phrase_cache.disk_mb=0")
    expected = await server.say()
    for file in [file for file in cache.rglob("*") if file.is_file()]:
        other = file.with_name(file.name + ".new")
        other.write_bytes(b"something else")
        other.replace(file)
    assert await server.say() == expected
    assert await server.say(OTHER) != expected
    assert await server.end(signal.SIGTERM) == 0


async def test_the_cache_vanishes_while_the_server_runs(serve, cache):
    server = await serve()
    expected = await server.say()
    shutil.rmtree(cache)
    assert await server.say() == expected
    rate, pcm = await server.say(OTHER)
    assert rate in (MINI_HZ, MEI_HZ)
    assert is_speech(pcm)


# Memory


def pages_of(pid):
    """The size of a process's address space."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0])


async def test_without_memory_for_a_sentence_the_next_one_is_spoken(serve):
    """What needs less is spoken all the same, and nothing dies."""
    server = await serve("--set=phrase_cache.memory_mb=0", "--set=phrase_cache.disk_mb=0")
    expected = await server.say()
    pid = server.process.pid
    used = pages_of(pid) * resource.getpagesize()
    _, hard = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (used, hard))
    with suppress(AssertionError, ConnectionError, AttributeError):
        await server.say(OTHER * 30)
    resource.prlimit(pid, resource.RLIMIT_AS, (hard, hard))
    assert server.process.returncode is None
    assert await server.say() == expected
    assert await server.end(signal.SIGTERM) == 0


# Network

WITHOUT_AN_INTERFACE = """
import asyncio, fcntl, re, socket, struct, subprocess, sys
from wyoming.client import AsyncTcpClient
from wyoming.event import Event

def loopback(flags):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", b"lo", flags))

async def describe(port):
    async with asyncio.timeout(20), AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(Event("describe"))
        return (await client.read_event()).type

async def main():
    loopback(0x41)
    server = subprocess.Popen(
        [sys.executable, "-m", "wyoming_hayakoe", "serve", "--uri", "tcp://0.0.0.0:0",
         "--set=http.enabled=false"],
        stderr=subprocess.PIPE, text=True,
    )
    for line in server.stderr:
        if ready := re.search(r"is ready on tcp://0.0.0.0:(\\d+)", line):
            break
    answers = [await describe(int(ready[1]))]
    loopback(0)
    await asyncio.sleep(1)
    loopback(0x41)
    answers.append(await describe(int(ready[1])))
    server.terminate()
    rest = server.communicate(timeout=60)[1]
    print(*answers, server.returncode, "Traceback" in rest)

asyncio.run(main())
"""


def test_the_network_goes_and_comes_back(isolated, tmp_path):
    result = subprocess.run(
        [*isolated, sys.executable, "-W", "ignore", "-c", WITHOUT_AN_INTERFACE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.stdout.split() == ["info", "info", "0", "False"], result.stderr


# Clocks


@pytest.mark.parametrize("package", [hayakoe_engine, wyoming_hayakoe])
def test_nothing_is_timed_by_a_clock_that_jumps(package):
    """Deadlines and durations are taken from the monotonic clock."""
    wall_clock = re.compile(r"\btime\.time\(")
    sources = Path(package.__file__).parent.rglob("*.py")
    assert [str(file) for file in sources if wall_clock.search(file.read_text("utf-8"))] == []
