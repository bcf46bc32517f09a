"""Compare the first sound over HTTP with the first sound over Wyoming.

Starts the server itself, on free ports of the loopback interface, with the embedded voice. Quote
figures only from a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

# The folder of this file would hide packages that are called as its files are.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.support import report, texts
from benchmarks.support.client import speak
from benchmarks.support.report import Figure
from benchmarks.support.server import HOST, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

METHOD: Final = """\
Method: server and client on one machine, over loopback, every request on a connection of its own,
by turns over HTTP and over Wyoming. Times begin before the connection is opened and end when the
client has read the first sound: over HTTP the first piece of POST /synthesize/stream. The server
has spoken each text before."""

_AT_MOST_MS: Final = 5.0
_SETTLE_S: Final = 0.3
"""Within this time the server has given up what it did for a client that has hung up."""


def measure(rounds: int) -> Iterator[Figure]:
    """All figures, as they are found."""
    with Server(with_http=True) as server:
        kinds = {"20 characters": texts.SHORT, "200 characters": texts.SENTENCES}
        for name, text in kinds.items():
            over_http, over_wyoming = [], []
            for round_number in range(1 + rounds):
                http_s = asyncio.run(first_over_http(server.http_port or 0, text))
                time.sleep(_SETTLE_S)
                wyoming_s = asyncio.run(speak(server.port, text, only_first=True)).first_s
                time.sleep(_SETTLE_S)
                if round_number and wyoming_s is not None:
                    over_http.append(http_s)
                    over_wyoming.append(wyoming_s)
            yield report.times(f"first sound over Wyoming, {name}", over_wyoming)
            yield report.times(f"first sound over HTTP, {name}", over_http)
            later_ms = 1000 * (statistics.median(over_http) - statistics.median(over_wyoming))
            yield Figure(
                "... later than over Wyoming by",
                f"{later_ms:.1f} ms",
                later_ms,
                "ms",
                target=f"<= {_AT_MOST_MS:g} ms",
                met=later_ms <= _AT_MOST_MS,
            )


async def first_over_http(port: int, text: str) -> float:
    """Time until the first sound of a text has been read, on a connection of its own."""
    body = json.dumps({"text": text}).encode()
    head = (
        f"POST /synthesize/stream HTTP/1.1\r\nHost: {HOST}:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    begun = time.perf_counter()
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(head.encode() + body)
        status = await reader.readline()
        if b" 200 " not in status:
            raise RuntimeError(f"the server answered {status.decode().strip()}")
        await reader.readuntil(b"\r\n\r\n")
        size = int(await reader.readline(), 16)
        await reader.readexactly(size)
        return time.perf_counter() - begun
    finally:
        writer.transport.abort()


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=40, metavar="N", help="(default: 40)")
    arguments = parser.parse_args()
    print(*report.machine(), METHOD, "", report.header(), sep="\n", flush=True)
    for figure in measure(arguments.rounds):
        print(figure.row(), flush=True)
    print(f"load average {report.load_average()} at the end, the benchmark's own included")


if __name__ == "__main__":
    main()
