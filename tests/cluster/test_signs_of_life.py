"""Who waits for a replica hears of it. Needs no Ray."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import numpy as np
import pytest

from hayakoe_engine.errors import InferenceFailed
from hayakoe_engine.window import MadeWindow
from wyoming_hayakoe.cluster.signs_of_life import with_signs_of_life

WINDOWS = [MadeWindow(np.full(length, 0.5, np.float32)) for length in (3, 2, 1)]


async def windows_when(allowed, *, error=None):
    for window in WINDOWS:
        await allowed.wait()
        yield window
    if error is not None:
        raise error


async def test_windows_come_as_they_are():
    allowed = asyncio.Event()
    allowed.set()
    heard = [window async for window in with_signs_of_life(windows_when(allowed))]
    assert heard == WINDOWS


async def test_who_waits_hears_that_it_goes_on():
    allowed = asyncio.Event()
    heard = []
    async for window in with_signs_of_life(windows_when(allowed), every_s=0.01):
        heard.append(len(window.samples))
        if len(heard) == 3:
            allowed.set()
    assert heard[:3] == [0, 0, 0]
    assert [length for length in heard if length] == [3, 2, 1]


async def test_an_error_comes_through():
    allowed = asyncio.Event()
    allowed.set()
    windows = with_signs_of_life(windows_when(allowed, error=InferenceFailed("broken")))
    with pytest.raises(InferenceFailed, match="broken"):
        _ = [window async for window in windows]


async def test_closing_ends_what_is_waited_for():
    ended = asyncio.Event()

    async def forever():
        try:
            await asyncio.Event().wait()
            yield WINDOWS[0]
        finally:
            ended.set()

    async with aclosing(with_signs_of_life(forever(), every_s=0.01)) as windows:
        assert not len((await anext(windows)).samples)
    assert ended.is_set()
