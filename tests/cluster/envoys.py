"""Processes that talk to a cluster that is not there; run with what they are to do, and a socket.

Each appends a line to the file BEGUN when it is begun.
"""

from __future__ import annotations

import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from hayakoe_engine.errors import SourceUnreachable
from hayakoe_engine.voices.voice import VoiceInfo
from hayakoe_engine.window import MadeWindow
from wyoming_hayakoe.cluster.link import Call, Failed, Result, Running
from wyoming_hayakoe.cluster.sentence import Description

INFO = VoiceInfo(
    name="hana",
    title="花",
    sample_rate_hz=16_000,
    licence="",
    credit="",
    url="",
    version="1",
    styles=("Neutral",),
)


def main() -> None:
    """Do what the fate says that is next: the last one for ever."""
    fates, begun, descriptor = sys.argv[1].split(","), Path(sys.argv[2]), int(sys.argv[3])
    with begun.open("a") as file:
        file.write(".")
    number = len(begun.read_text())
    connection = Connection(descriptor)
    plan = connection.recv()
    fate = fates[min(number, len(fates)) - 1]
    if fate == "nobody":
        connection.send(Failed(SourceUnreachable("cannot join the Ray cluster: nobody")))
        return
    if fate == "hang":
        time.sleep(3600)
    connection.send(Running(dict.fromkeys(plan.pools, 1)))
    while True:
        try:
            order = connection.recv()
        except EOFError:
            return
        if not isinstance(order, Call):
            continue
        if order.method == "describe":
            connection.send(Result(order.number, Description(INFO, None, "1")))
        elif order.method == "speak":
            if fate == "silent":
                continue
            speak(connection, order, fate)
        connection.send(Result(order.number, None, is_last=True))


def speak(connection: Connection, order: Call, fate: str) -> None:
    """Speak half a second, or as much of it as the fate lets."""
    samples = np.full(8000, 0.1, np.float32)
    given = {"die": 0, "die-halfway": 3000}.get(fate, len(samples))
    if given:
        connection.send(Result(order.number, MadeWindow(samples[:given])))
    if given < len(samples):
        sys.exit(1)


if __name__ == "__main__":
    main()
