"""Wear the server down: thousands of utterances, and clients that do wrong, on one server.

What every text sounds like is remembered; whatever comes back otherwise is a wrong sound. Prints
what the process holds on the way. The exit status is 0 whether or not anything grew.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import random
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# The folder of this file would hide the package `wyoming` behind this file.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from wyoming.audio import AudioChunk
from wyoming.client import AsyncTcpClient
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop

from benchmarks.support.client import babble, describe
from benchmarks.support.report import machine
from benchmarks.support.server import HOST, Server

TEXTS: Final = tuple(
    text
    for number in range(1, 41)
    for text in (
        f"{number}番の部屋は{15 + number % 12}℃です。",
        f"洗濯があと{number}分で終わります。そのあと乾燥が始まります。",
        f"{number % 12 + 1}月{number % 28 + 1}日、{number % 24}時{number}分になりました。",
    )
)
JUNK: Final = (
    b"\x00\xff" * 4000,
    b"GET / HTTP/1.1\r\n\r\n",
    b'{"type": "synthesize", "data_length": 99999999}\n',
    b'{"type": "synthesize", "data": {"text": 7}}\n',
    b'{"type": "synthesize", "data": {"te',
)
AT_ONCE: Final = 8
PATIENCE_S: Final = 600
"""Nobody is given up sooner: the machine may have other work."""
WRONG_SHARE: Final = 0.1
"""Share of clients that hang up early or send nonsense."""


@dataclass(frozen=True, slots=True)
class Held:
    """What the server's process holds.

    Attributes:
        rss_mb: Memory in RAM.
        files: Open file descriptors.
        threads: Threads.
    """

    rss_mb: float
    files: int
    threads: int

    @classmethod
    def by(cls, server: Server) -> Held:
        """What it holds now."""
        return cls(server.memory_mb(), server.open_files(), server.threads())


async def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utterances", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    known: dict[str, str] = {}
    outcomes: Counter[str] = Counter()
    marks = [n for n in (50, 100, 500, 1000, 2500, 5000) if n < arguments.utterances]
    marks.append(arguments.utterances)
    print(*machine(), sep="\n")
    print("utterances  RSS MB  files  threads  describe ms")
    begun = time.perf_counter()
    with Server() as server:
        waiting = iter(range(1, arguments.utterances + 1))

        async def client() -> None:
            for number in waiting:
                outcomes[await _one(server.port, chance, known)] += 1
                if number in marks:
                    described_s = await describe(server.port)
                    held = Held.by(server)
                    print(
                        f"{number:10}{held.rss_mb:8.1f}{held.files:7}{held.threads:9}"
                        f"{described_s * 1000:13.1f}",
                        flush=True,
                    )

        await asyncio.gather(*(client() for _ in range(AT_ONCE)))
        await asyncio.sleep(1)
        idle = Held.by(server)
    print(f"idle      {idle.rss_mb:8.1f}{idle.files:7}{idle.threads:9}")
    print(f"took {time.perf_counter() - begun:.0f} s; outcomes:")
    for outcome, count in outcomes.most_common():
        print(f"  {outcome}: {count}")


async def _one(port: int, chance: random.Random, known: dict[str, str]) -> str:
    kind = chance.random()
    if kind < WRONG_SHARE / 2:
        await babble(port, chance.choice(JUNK))
        return "nonsense"
    text = chance.choice(TEXTS)
    is_stream = chance.random() < 0.5
    hangs_up = kind < WRONG_SHARE
    pcm = hashlib.sha256()
    with suppress(ConnectionError):
        async with asyncio.timeout(PATIENCE_S), AsyncTcpClient(HOST, port) as client:
            if is_stream:
                await client.write_event(SynthesizeStart().event())
                for start in range(0, len(text), 3):
                    chunk = SynthesizeChunk(text=text[start : start + 3])
                    await client.write_event(chunk.event())
                await client.write_event(SynthesizeStop().event())
            else:
                await client.write_event(Synthesize(text=text).event())
            while (event := await client.read_event()) is not None:
                if AudioChunk.is_type(event.type):
                    pcm.update(AudioChunk.from_event(event).audio)
                    if hangs_up:
                        return "hung up"
                elif event.type == "audio-stop":
                    is_same = known.setdefault(text, pcm.hexdigest()) == pcm.hexdigest()
                    return "right" if is_same else "WRONG SOUND"
                elif event.type == "error":
                    return f"error {event.data.get('code')}"
    return "LOST"


asyncio.run(main())
