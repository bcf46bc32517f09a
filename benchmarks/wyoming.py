"""Measure the server with the embedded voice, as a Wyoming client experiences it.

Starts the server itself, on a free port of the loopback interface. Judges nothing: the exit status
is 0 whether or not the targets are met. Takes a quarter of an hour. Quote figures only from a
machine that does nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import multiprocessing
import random
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

# The folder of this file would hide the package `wyoming` behind this file.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.support import report, texts
from benchmarks.support.client import Heard, babble, busy_clients, describe, speak
from benchmarks.support.report import Figure
from benchmarks.support.server import TICK_S, Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

METHOD: Final = """\
Method: server and clients on one machine, over loopback, every request on a connection of its own.
Times begin before the connection is opened and end when the client has read the event. A warm
server has spoken each text before. RTF is time spent per second of audio; throughput is its
inverse over all clients, which take audio as fast as it comes. Files are in the page cache. Whether
the server is idle is told by its CPU time, which the kernel counts in steps, mostly of 10 ms."""

_SETTLE_S: Final = 0.3
"""Within this time the server has given up what it did for a client that has hung up."""

_JUNK: Final = (
    b"\x00\xff\xfe" * 4000,
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b'{"type": "synthesize", "data_length": 999999999999}\n',
    b'{"type": ' + b"[" * 50_000 + b"\n",
    b'{"type": "synthesize", "data": {"text": 7}}\n',
    b'{"type": "synthesize", "data": {"te',
    b"a" * 200_000,
    b"[1, 2, 3]\n",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How often everything is measured."""

    utterances: int = 2000
    utterances_before: int = 100
    starts: int = 10
    first_audio: int = 40
    rounds: int = 5
    text: str = texts.SENTENCES * 2
    describes: int = 1000
    kills: int = 15
    crowd: int = 200


QUICK: Final = Plan(
    utterances=8,
    utterances_before=4,
    starts=2,
    first_audio=2,
    rounds=1,
    text=texts.SHORT,
    describes=20,
    kills=1,
    crowd=20,
)


def measure(plan: Plan) -> Iterator[Figure]:
    """All figures, as they are found."""
    yield from cold_start(plan)
    yield from memory(plan)
    with Server() as server:
        yield from first_audio(server.port, plan)
        yield from speed(server.port, plan)
        yield from describe_under_load(server.port, plan)
        yield from killed_client(server, plan)
        yield from crowd(server.port, plan)


def cold_start(plan: Plan) -> Iterator[Figure]:
    """From the start of the process to the first answer."""
    seconds = []
    for _ in range(plan.starts):
        with Server() as server:
            asyncio.run(describe(server.port))
            seconds.append(time.perf_counter() - server.begun)
    yield report.times("cold start to first describe answered", seconds, at_most_ms=1500)


def memory(plan: Plan) -> Iterator[Figure]:
    """Resident memory of a fresh server, before and after work for two clients."""
    lines = texts.mixed()
    with Server() as server:
        asyncio.run(describe(server.port))
        time.sleep(1.0)  # the server speaks to itself to warm up
        yield _memory("memory (VmRSS), ready", server)
        asyncio.run(_speak_all(server.port, itertools.islice(lines, plan.utterances_before)))
        before = _memory(f"memory, after {plan.utterances_before} utterances", server)
        yield before
        rest = max(0, plan.utterances - plan.utterances_before)
        asyncio.run(_speak_all(server.port, itertools.islice(lines, rest)))
        after = _memory(f"memory, after {plan.utterances} utterances", server)
        yield after
    growth = 100 * (after.value / before.value - 1)
    yield Figure(
        f"memory growth from {plan.utterances_before} to {plan.utterances} utterances",
        f"{growth:+.1f} %",
        growth,
        "%",
        target="<= 5 %",
        met=growth <= 5,
    )


def _memory(name: str, server: Server) -> Figure:
    value, anonymous, peak = (server.memory_mb(f) for f in ("VmRSS", "RssAnon", "VmHWM"))
    measured = f"{value:.0f} MB (anonymous {anonymous:.0f}, peak {peak:.0f})"
    return Figure(name, measured, value, "MB", target="<= 200 MB", met=value <= 200)


async def _speak_all(port: int, lines: Iterator[str]) -> None:
    async def client() -> None:
        for line in lines:
            _check(await speak(port, line))

    await asyncio.gather(client(), client())


def first_audio(port: int, plan: Plan) -> Iterator[Figure]:
    """Time to the first audio of a warm server, the kinds of request taking turns."""
    kinds: dict[str, tuple[str, int | None]] = {
        "first audio, 20 characters": (texts.SHORT, None),
        "first audio, 200 characters, one sentence": (texts.ONE_SENTENCE, None),
        "first audio, 200 characters, 8 sentences": (texts.SENTENCES, None),
        "first audio, 200 characters, streamed text": (texts.SENTENCES, 2),
    }
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for round_number in range(1 + plan.first_audio):
        for name, (text, piece) in kinds.items():
            first_s = _check(asyncio.run(speak(port, text, piece, only_first=True)))
            time.sleep(_SETTLE_S)
            if round_number:
                seconds[name].append(first_s)
    short, one, *others = (report.times(name, found) for name, found in seconds.items())
    yield report.times(short.name, seconds[short.name], at_most_ms=120)
    yield one
    ratio = one.value / short.value
    yield Figure(
        "... compared with 20 characters",
        f"{ratio:.2f} times",
        ratio,
        "",
        target="<= 1.5 times",
        met=ratio <= 1.5,
    )
    yield from others


def speed(port: int, plan: Plan) -> Iterator[Figure]:
    """Speech made in a second, for one client and for several."""
    for clients in (1, 2, 4):
        rates = [asyncio.run(_rate(port, clients, plan.text)) for _ in range(plan.rounds)]
        if clients == 1:
            rtfs = [1 / rate for rate in rates]
            yield _numbers("RTF, one client", rtfs, 4, "")
        yield _numbers(f"throughput, {clients} client{'s'[: clients - 1]}", rates, 1, "s/s")


async def _rate(port: int, clients: int, text: str) -> float:
    begun = time.perf_counter()
    heard = await asyncio.gather(*(speak(port, text) for _ in range(clients)))
    spent_s = time.perf_counter() - begun
    for each in heard:
        _check(each)
    return sum(each.audio_s for each in heard) / spent_s


def _numbers(name: str, samples: list[float], digits: int, unit: str) -> Figure:
    value = statistics.median(samples)
    spread = f"{min(samples):.{digits}f}–{max(samples):.{digits}f}, n={len(samples)}"
    return Figure(name, f"{value:.{digits}f} {unit} ({spread})", value, unit, tuple(samples))


def describe_under_load(port: int, plan: Plan) -> Iterator[Figure]:
    """How long ``describe`` takes while four clients have long texts spoken."""

    async def ask() -> list[float]:
        seconds = []
        for _ in range(plan.describes):
            seconds.append(await describe(port))
            await asyncio.sleep(random.uniform(0, 0.02))
        return seconds

    with busy_clients(port, 4, texts.LONG):
        seconds = asyncio.run(ask())
    yield report.tail("describe while 4 clients hear long texts", seconds, at_most_ms=50)


def killed_client(server: Server, plan: Plan) -> Iterator[Figure]:
    """How long the server goes on working for a client process that was killed."""
    windows = _window_times()
    yield report.times("time to make one window (engine alone)", windows)
    seconds = []
    for _ in range(plan.kills):
        with busy_clients(server.port, 1, texts.LONG):
            time.sleep(random.uniform(0, 0.5))
            killed = time.perf_counter()
        seconds.append(server.busy_until_s(killed))
    figure = report.times("server idle again after a client is killed", seconds)
    most_ms = 1000 * (max(windows) + 2 * TICK_S)  # as exact as the CPU time is known
    yield Figure(
        figure.name,
        figure.measured,
        max(figure.samples),
        figure.unit,
        figure.samples,
        target="<= slowest window",
        met=max(figure.samples) <= most_ms,
    )


def _window_times() -> list[float]:
    """Seconds for each window of a text, measured in a process of its own."""
    receiver, sender = multiprocessing.get_context("fork").Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_make_windows, args=(sender,))
    child.start()
    sender.close()
    windows: list[float] = receiver.recv()
    child.join()
    return windows


def _make_windows(sender: Connection) -> None:
    from hayakoe_engine import TTS  # noqa: PLC0415 - only the child needs it

    with TTS(threads=1).load("mei").prepare() as tts:
        speaker = tts.speakers["mei"]
        speaker.generate(texts.SHORT)
        windows = speaker.stream(texts.ONE_SENTENCE)
        moments = [time.perf_counter(), *(time.perf_counter() for _ in windows)]
    seconds = (after - before for before, after in itertools.pairwise(moments))
    # The pause after a sentence is a window too, but no work.
    sender.send([each for each in seconds if each > 0.005])


def crowd(port: int, plan: Plan) -> Iterator[Figure]:
    """Many clients at once, every other one of which talks nonsense."""
    heard = asyncio.run(_crowd(port, plan.crowd))
    spoken = [each for each in heard if each is not None and each.error is None]
    lost = sum(each is None for each in heard)
    busy = len(heard) - len(spoken) - lost
    yield Figure(
        f"{plan.crowd} clients at once, half talk nonsense: the others",
        f"{len(spoken)} served, {busy} told busy, {lost} lost",
        lost,
        "clients",
        target="none lost",
        met=not lost,
    )
    yield report.times("... first audio of those served", [_check(each) for each in spoken])
    yield report.times("... end of speech of those served", [each.total_s for each in spoken])
    asyncio.run(describe(port))


async def _crowd(port: int, number: int) -> list[Heard | None]:
    async def ask(i: int) -> Heard | None:
        try:
            return await speak(port, f"{i}番のお客様、お待たせしました。")
        except (OSError, TimeoutError):
            return None

    junk = itertools.cycle(_JUNK)
    asking, babbling = [], []
    for i in range(number // 2):
        asking.append(asyncio.create_task(ask(i)))
        babbling.append(asyncio.create_task(babble(port, next(junk))))
    await asyncio.gather(*babbling, return_exceptions=True)
    return await asyncio.gather(*asking)


def _check(heard: Heard) -> float:
    """The time to the first audio of an utterance that must have been spoken."""
    if heard.error is not None or heard.first_s is None:
        raise RuntimeError(f"the server did not speak: {heard.error or 'no audio'}")
    return heard.first_s


def main() -> None:
    """Measure, print a table, and write the figures as JSON if asked to."""
    arguments = _arguments()
    plan = QUICK if arguments.quick else Plan(utterances=arguments.utterances)
    machine = report.machine()
    print(*machine, METHOD, "", report.header(), sep="\n", flush=True)
    figures = []
    for figure in measure(plan):
        figures.append(figure)
        print(figure.row(), flush=True)
    print(f"load average {report.load_average()} at the end, the benchmark's own included")
    if arguments.json is not None:
        result: dict[str, Any] = {"machine": machine, "figures": [f.entry() for f in figures]}
        arguments.json.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--utterances",
        type=int,
        default=Plan().utterances,
        metavar="N",
        help="utterances after which memory is measured (default: %(default)s)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="measure next to nothing: to try the benchmark itself"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all samples there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
