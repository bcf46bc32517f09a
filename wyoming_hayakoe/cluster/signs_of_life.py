"""How those who wait for a replica know that it has not died."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.window import MadeWindow

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

SIGN_OF_LIFE_S: Final = 2.0
"""Whoever waits for a sentence whose turn has not come hears so often that it will."""
_NOTHING: Final = MadeWindow(np.zeros(0, np.float32))


async def with_signs_of_life(
    windows: AsyncGenerator[MadeWindow, None], every_s: float = SIGN_OF_LIFE_S
) -> AsyncGenerator[MadeWindow, None]:
    """The windows, and in between nothing, for as long as they are waited for.

    Closing it closes them.
    """
    async with aclosing(windows):
        while True:
            following = asyncio.ensure_future(anext(windows, None))
            try:
                while not (await asyncio.wait({following}, timeout=every_s))[0]:
                    yield _NOTHING
                window = await following
            finally:
                following.cancel()
                await asyncio.wait({following})
            if window is None:
                return
            yield window
