"""Compare with wyoming-piper how a Wyoming server takes load, abuse and odd texts.

Makes an environment and a voice with random weights for it, in a folder that is kept; starts all
servers itself, on free ports of the loopback interface. Judges nothing: the exit status is 0
whatever is found. Takes a quarter of an hour. Quote figures only from a machine that does nothing
else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import time
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import platformdirs

# The folder of this file would hide the package `wyoming` behind a file.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.support import hostile, peers, report
from benchmarks.support.client import busy_clients, describe, speak
from benchmarks.support.findings import Finding, table
from benchmarks.support.odd_texts import answer_to, odd_texts
from benchmarks.support.published_files import published_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.support.client import Heard
    from benchmarks.support.peers import Peer
    from benchmarks.support.server import ServerProcess

METHOD: Final = """\
Method: every server is a process of its own, as it comes, but that ours remembers no sentences;
server and clients are on one machine, over loopback, every request on a connection of its own.
Each test starts each server anew, one after the other, and who begins changes from test to test;
before it, the server speaks once. hayakoe speaks Japanese, wyoming-piper American English: the same
things in about the same time. The embedded voice of hayakoe is a small HTS voice; the neural voice
is a Style-Bert-VITS2 voice of full size (44.1 kHz), where the embedded one stands in if it would be
late; wyoming-piper's is a VITS voice of medium size (22.05 kHz). So speed differs by what is
spoken with: compare what is lost. Weights are random, which changes neither time nor memory. The
CPU time of a server is counted in steps, mostly of 10 ms."""

_PATIENCE_S: Final = 60.0
"""How long a client waits for something; then it counts as not served."""
_MOST_S: Final = 240.0
"""How long it listens."""
_HONEST_AT_ONCE: Final = 4
_SETTLE_S: Final = 0.5
_USUAL_S: Final = 1.0
"""Whoever is served so soon has not suffered from who came before."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything is done."""

    describes_s: float = 20.0
    listeners: int = 4
    kills: int = 5
    kill_text: int = 10
    honest: int = 20
    streams: int = 10
    restarts: int = 5


QUICK: Final = Plan(
    describes_s=1, listeners=2, kills=1, kill_text=1, honest=4, streams=4, restarts=1
)


def describe_under_load(peer: Peer, plan: Plan) -> Iterator[Finding]:
    """How long ``describe`` takes while others have long texts spoken."""

    async def ask(port: int) -> list[float]:
        seconds = []
        until = time.perf_counter() + plan.describes_s
        while time.perf_counter() < until:
            begun = time.perf_counter()
            with suppress(TimeoutError):
                await describe(port)
            seconds.append(time.perf_counter() - begun)
            await asyncio.sleep(random.uniform(0, 0.02))
        return seconds

    with _started(peer) as (_, port), busy_clients(port, plan.listeners, peer.script.sentences):
        found = asyncio.run(ask(port))
    ms = [1000 * second for second in found]
    yield Finding(
        f"describe while {plan.listeners} clients listen",
        f"median {statistics.median(ms):.1f}, p99 {report.percentile(ms, 99):.0f}, "
        f"most {max(ms):.0f} ms (n={len(ms)})",
        tuple(found),
    )


def killed_client(peer: Peer, plan: Plan) -> Iterator[Finding]:
    """How long a server goes on working for a client process that was killed."""
    text = peer.script.sentences * plan.kill_text
    found = []
    with _started(peer) as (server, port):
        for _ in range(plan.kills):
            with busy_clients(port, 1, text):
                time.sleep(random.uniform(0, 0.5))
                killed = time.perf_counter()
            found.append(server.busy_until_s(killed, most_s=_PATIENCE_S))
        lives = _lives(server, port)
    yield Finding(
        "idle again after a listener's process was killed", f"{_spread(found)}; {lives}", (*found,)
    )


def wrong_clients(peer: Peer, plan: Plan) -> Iterator[Finding]:
    """Whether others are served while, and after, clients do wrong."""
    for kind in hostile.kinds(peer.script.sentences):
        with _started(peer) as (server, port):
            before_mb = server.memory_mb()
            heard = asyncio.run(_among(kind, port, peer, plan.honest))
            time.sleep(_SETTLE_S)
            lives = _lives(server, port)
            peak_mb, after_mb = (
                server.memory_mb(field) if server.is_alive() else 0 for field in ("VmHWM", "VmRSS")
            )
        yield Finding(
            f"{kind.number} x {kind.name}: {plan.honest} others",
            f"{_served(heard)}; RSS {before_mb:.0f}, peak {peak_mb:.0f}, then {after_mb:.0f} MB; "
            f"{lives}",
            tuple(each.first_s for each in heard if each is not None and each.first_s is not None),
        )


async def _among(kind: hostile.Kind, port: int, peer: Peer, number: int) -> list[Heard | None]:
    turns = asyncio.Semaphore(_HONEST_AT_ONCE)

    async def ask(i: int) -> Heard | None:
        async with turns:
            return await _heard(port, peer.script.numbered.format(i))

    async with hostile.gang(port, kind):
        await asyncio.sleep(_SETTLE_S)
        asking = [asyncio.create_task(ask(i)) for i in range(number)]
        done, late = await asyncio.wait(asking, timeout=_PATIENCE_S)
        for task in late:
            task.cancel()
        return [task.result() if task in done else None for task in asking]


def parallel_streams(peer: Peer, plan: Plan) -> Iterator[Finding]:
    """Many who begin to listen at the same moment."""

    async def ask(port: int) -> list[Heard | None]:
        text = peer.script.sentences
        return await asyncio.gather(*(_heard(port, text) for _ in range(plan.streams)))

    with _started(peer) as (server, port):
        heard = asyncio.run(ask(port))
        lives = _lives(server, port)
    served = [each for each in heard if each is not None and each.error is None]
    yield Finding(
        f"{plan.streams} begin to listen at once: first audio",
        f"{_served(heard)}; {lives}",
        tuple(each.first_s for each in served if each.first_s is not None),
    )
    ends = [each.total_s for each in served]
    audio_s = statistics.median(each.audio_s for each in served) if served else 0
    yield Finding(
        "... end of their speech", f"{_spread(ends)}, of {audio_s:.0f} s each", tuple(ends)
    )


def odd_answers(peer: Peer, _: Plan) -> Iterator[Finding]:
    """What kind of answer texts get that are none, or too long, or in other scripts."""
    texts = deque(odd_texts(peer.script.letter, peer.script.sentences).items())
    while texts:
        with _started(peer) as (server, port):
            is_usual = True
            while texts and is_usual:
                name, text = texts.popleft()
                answer = asyncio.run(answer_to(port, text, _PATIENCE_S))
                next_one = asyncio.run(_heard(port, peer.script.short))
                lives = _lives(server, port)
                is_usual = next_one is not None and (next_one.first_s or _PATIENCE_S) < _USUAL_S
                after = f"; the next client: {_served([next_one])}; {lives}"
                yield Finding(f"text: {name}", answer + ("" if is_usual else after))


def restarts(peer: Peer, plan: Plan) -> Iterator[Finding]:
    """From the start of the process to the first answers, after it was killed while it spoke."""
    described, spoken = [], []
    for _ in range(plan.restarts):
        with _started(peer) as (server, port), busy_clients(port, 1, peer.script.sentences):
            server.kill()
        process, port = peer.start()
        with process as server:
            asyncio.run(_first_describe(server, port))
            described.append(time.perf_counter() - server.begun)
            asyncio.run(speak(port, peer.script.short, only_first=True))
            spoken.append(time.perf_counter() - server.begun)
    yield Finding("killed and restarted: first describe", _spread(described), (*described,))
    yield Finding("... first audio", _spread(spoken), (*spoken,))


TESTS: Final = (
    describe_under_load,
    killed_client,
    wrong_clients,
    parallel_streams,
    odd_answers,
    restarts,
)


@contextmanager
def _started(peer: Peer) -> Iterator[tuple[ServerProcess, int]]:
    """The server when it has spoken once."""
    process, port = peer.start()
    with process as server:
        asyncio.run(_first_describe(server, port))
        peer.wait_until_loaded(server)
        asyncio.run(speak(port, peer.script.short))
        yield server, port


async def _first_describe(server: ServerProcess, port: int) -> None:
    until = server.begun + _PATIENCE_S
    while server.is_alive() and time.perf_counter() < until:
        try:
            await describe(port)
        except ConnectionError:
            await asyncio.sleep(0.002)
        else:
            return
    raise RuntimeError("the server did not start")


async def _heard(port: int, text: str) -> Heard | None:
    """What a client hears; None if it is not served, or waits too long for anything."""
    try:
        async with asyncio.timeout(_MOST_S):
            return await speak(port, text)
    except (OSError, TimeoutError):
        return None


def _served(heard: Sequence[Heard | None]) -> str:
    spoken = [each for each in heard if each is not None and each.error is None]
    firsts = [each.first_s for each in spoken if each.first_s is not None]
    told = sum(each is not None and each.error is not None for each in heard)
    busy = f", {told} told why not" if told else ""
    return f"{len(firsts)} of {len(heard)} served{busy}" + (
        f", after {_spread(firsts)}" if firsts else ""
    )


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "never"
    if len(seconds) == 1:
        return f"{seconds[0]:.2f} s"
    most = f"{max(seconds):.2f}" if max(seconds) < _PATIENCE_S else f"over {_PATIENCE_S:.0f}"
    return f"{statistics.median(seconds):.2f} s (at most {most})"


def _lives(server: ServerProcess, port: int) -> str:
    """Whether a server still answers."""
    if not server.is_alive():
        return "DEAD"
    try:
        asyncio.run(asyncio.wait_for(describe(port), _PATIENCE_S))
    except (OSError, TimeoutError, RuntimeError):
        return "does NOT answer"
    return "lives"


def main() -> None:
    """Run all tests, and print what was found as a table."""
    arguments = _arguments()
    plan = QUICK if arguments.quick else Plan()
    compared = _compared(arguments)
    machine = [*report.machine(), "compared with " + ", ".join(peer.name for peer in compared[1:])]
    print(*machine, METHOD, "", sep="\n", flush=True)
    found: dict[str, list[Finding]] = {peer.name: [] for peer in compared}
    for number, test in enumerate(TESTS):
        for i in range(len(compared)):
            peer = compared[(number + i) % len(compared)]
            for finding in test(peer, plan):
                found[peer.name].append(finding)
                print(f"{peer.name}: {finding.what}: {finding.measured}", flush=True)
    print("", *table(found), "", sep="\n")
    print(f"load average {report.load_average()} at the end, the benchmark's own included")
    if arguments.json is not None:
        result: dict[str, Any] = {
            "machine": machine,
            "findings": {name: [asdict(each) for each in all_] for name, all_ in found.items()},
        }
        arguments.json.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n")


def _compared(arguments: argparse.Namespace) -> list[Peer]:
    folder: Path = arguments.folder
    compared = [peers.own()]
    if arguments.neural:
        source = arguments.source or f"file://{published_files(folder)}"
        compared.append(peers.own_neural(source, folder / "reliability-cache"))
    if not arguments.alone:
        compared.append(peers.piper(folder))
    return compared


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--folder",
        type=Path,
        default=platformdirs.user_cache_path("hayakoe-benchmark"),
        help="where environments and voices are made and kept",
    )
    parser.add_argument("--neural", action="store_true", help="also ours with a neural voice")
    parser.add_argument("--source", help="another repository for it than one with random weights")
    parser.add_argument("--alone", action="store_true", help="without wyoming-piper")
    parser.add_argument(
        "--quick", action="store_true", help="measure next to nothing: to try the benchmark itself"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all samples there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
