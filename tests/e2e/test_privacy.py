"""The server needs no network, tells nobody anything, and leaves nothing behind."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

TEXT = "お風呂が沸きました。"
ENDLESS_TEXT = "これはとても長い文章です。" * 500

LISTENING = "0A"

IN_A_NAMESPACE = """
import asyncio, fcntl, re, socket, struct, subprocess, sys
from wyoming.client import AsyncTcpClient
from wyoming.event import Event

# The loopback interface of a new namespace is down; SIOCSIFFLAGS with IFF_UP | IFF_RUNNING.
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", b"lo", 0x41))

async def main():
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "wyoming_hayakoe", "serve"),
            *("--uri", "tcp://0.0.0.0:0", "--set=http.port=0"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for line in server.stderr:
            print(line, end="", file=sys.stderr)
            if ready := re.search(r"is ready on tcp://0.0.0.0:(\\d+)", line):
                break
        async with AsyncTcpClient("127.0.0.1", int(ready[1])) as client:
            await client.write_event(Event("synthesize", {"text": sys.argv[1]}))
            pcm = b""
            while (event := await client.read_event()).type != "audio-stop":
                pcm += event.payload or b""
        sys.stdout.buffer.write(pcm)
    finally:
        server.terminate()
        print(server.communicate(timeout=60)[1], file=sys.stderr)
    return server.returncode

sys.exit(asyncio.run(main()))
"""

TELEMETRY_SPY = """
import json, os, sys
from importlib.abc import MetaPathFinder

class Spy(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            seen.append(os.environ.get("ORT_DISABLE_TELEMETRY"))

seen = []
sys.meta_path.insert(0, Spy())
from hayakoe_engine import TTS

with TTS().load("mei").prepare() as tts:
    tts.speakers["mei"].generate("はい。")
import onnxruntime

print(json.dumps(seen))
"""


def test_without_any_network_the_server_speaks(isolated, environment, expected_pcm, tmp_path):
    result = subprocess.run(
        [*isolated, sys.executable, "-W", "ignore", "-c", IN_A_NAMESPACE, TEXT],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    assert b"Traceback" not in result.stderr
    is_same = result.stdout == expected_pcm(TEXT)
    assert is_same


async def test_serving_leaves_nothing_in_the_home_or_the_working_directory(
    serve, speak_through, home, tmp_path
):
    assert importlib.util.find_spec("onnxruntime"), "it is what would write there"
    server = await serve()
    async with speak_through(await server.ready()) as voice:
        assert await voice.say(TEXT)
    assert await server.stop(15) == 0
    assert list(home.iterdir()) == []
    assert list(tmp_path.iterdir()) == [home]


async def test_the_server_has_no_connections_but_those_of_its_clients(serve, speak_through):
    server = await serve()
    uri = await server.ready()
    port = int(uri.rpartition(":")[2])
    async with speak_through(uri) as first, speak_through(uri) as second:
        for voice in (first, second):
            await voice.ask(ENDLESS_TEXT)
            await voice.event("audio-start")
        found = internet_sockets(server.process.pid)
    listeners = [entry for entry in found if entry.state == LISTENING]
    connections = [entry for entry in found if entry.state != LISTENING]
    assert {entry.kind for entry in found} == {"tcp"}
    assert {entry.local_port for entry in found} == {port}
    assert len(listeners) == 1
    assert len(connections) == 2


def test_onnxruntime_is_told_to_stay_silent_before_it_is_loaded(environment, tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", TELEMETRY_SPY],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    seen = json.loads(result.stdout)
    assert seen
    assert set(seen) == {"1"}


class InternetSocket:
    """A line of ``/proc/PID/net/tcp`` and its like."""

    def __init__(self, kind, line):
        fields = line.split()
        self.kind = kind
        self.local_port = int(fields[1].rpartition(":")[2], 16)
        self.state = fields[3]
        self.inode = fields[9]


def internet_sockets(pid):
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        if match := re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink())):
            inodes.add(match[1])
    entries = []
    for kind in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        table = Path(f"/proc/{pid}/net/{kind}")
        if table.exists():
            lines = table.read_text().splitlines()[1:]
            entries += [InternetSocket(kind, line) for line in lines]
    return [entry for entry in entries if entry.inode in inodes]
