"""The event loop computes nothing: ``describe`` and everybody else are answered at once."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

from wyoming.client import AsyncTcpClient
from wyoming.event import Event

LONG = "雨が降りそうです。傘を持って行きましょう。" * 200
PIECE = "雨が降りそうです。傘を" * 5
MOST_S = 0.05


async def test_nothing_keeps_the_event_loop_for_long(serve, monkeypatch):
    """Measured as processing time of its thread, so that a busy machine makes no difference."""
    spent_s = []
    genuine = asyncio.Handle._run

    def timed(handle):
        what, begun = repr(handle), time.thread_time()
        genuine(handle)
        spent_s.append((time.thread_time() - begun, what))

    served = await serve("mei")
    async with AsyncExitStack() as stack:
        one, two, three = [
            await stack.enter_async_context(AsyncTcpClient("127.0.0.1", served.port))
            for _ in range(3)
        ]
        monkeypatch.setattr(asyncio.Handle, "_run", timed)
        for client in (one, two):
            await client.write_event(Event("synthesize", {"text": LONG}))
        await three.write_event(Event("synthesize-start"))
        for _ in range(20):
            await three.write_event(Event("synthesize-chunk", {"text": PIECE}))
            await three.write_event(Event("describe"))
        for client in (one, two, three):
            for _ in range(100):
                await client.read_event()
        monkeypatch.undo()
    assert len(spent_s) > 500
    longest_s, what = max(spent_s)
    assert longest_s < MOST_S, what
