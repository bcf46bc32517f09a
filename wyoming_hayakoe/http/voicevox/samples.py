"""How voices sound: sentences that they speak themselves, made when somebody wants to hear them."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from hayakoe_engine.errors import HayakoeError
from hayakoe_engine.lru import LruCache
from hayakoe_engine.scheduler import Priority
from wyoming_hayakoe.http.audio_response import EncodedNarration, Output, narrate
from wyoming_hayakoe.http.errors import AnswerTimeout
from wyoming_hayakoe.http.keys import SPEECH
from wyoming_hayakoe.speech import Request

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from aiohttp import web

    from wyoming_hayakoe.voices import Choice

__all__ = ["TEXTS", "Samples"]

TEXTS: Final = (
    "はじめまして、よろしくお願いします。",
    "今日はどこへ出かけますか？",
    "お風呂が沸きました。",
)
PATIENCE_S: Final = 2.0
"""How long somebody waits who wants to know all of a voice, and did not ask to hear it."""

_LOG = logging.getLogger(__name__)
_KEPT_BYTES: Final = 32 << 20
"""About a hundred styles."""
_RATE_HZ: Final = 24_000
_MOST_S: Final = 60.0


class Samples:
    """Makes samples and keeps them, as WAV."""

    def __init__(self) -> None:
        self._kept: LruCache[bytes] = LruCache(_KEPT_BYTES, len)
        self._making: asyncio.Task[None] | None = None

    def kept(self, choice: Choice) -> list[bytes]:
        """Those of a style that are there."""
        found = (self._kept.get(_key(choice, number)) for number in range(len(TEXTS)))
        return [wave for wave in found if wave is not None]

    async def make(self, request: web.Request, choices: Iterable[Choice]) -> None:
        """Make what is missing of some styles, one sample at a time, as long as patience lasts.

        Nothing is begun while anybody is being spoken to. What is not done in time is done all the
        same, and is there the next time.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S
        for choice in choices:
            for number in range(len(TEXTS)):
                if not await self._make_until(until, request, choice, number):
                    break

    async def one(self, request: web.Request, choice: Choice, number: int) -> bytes:
        """A sample, made now if it is not there.

        Raises:
            HayakoeError: It cannot be spoken, or not in time: the voice is not ready, or there is
                too much to do.
        """
        key = _key(choice, number)
        wave = self._kept.get(key)
        if wave is None:
            try:
                async with asyncio.timeout(_MOST_S):
                    wave = await _spoken(request, choice, TEXTS[number])
            except TimeoutError:
                raise AnswerTimeout(f"a sample of {choice.name} took too long") from None
            self._kept.put(key, wave)
        return wave

    async def _make_until(
        self, until: float, request: web.Request, choice: Choice, number: int
    ) -> bool:
        """Whether the sample is there by then."""
        key = _key(choice, number)
        is_tried = False
        while self._kept.get(key) is None:
            wait_s = until - asyncio.get_running_loop().time()
            if wait_s <= 0 or is_tried:
                return False
            if self._making is None:
                if not choice.is_ready or request.app[SPEECH].active:
                    return False
                is_tried = True
                self._making = asyncio.create_task(self._try(request, choice, number))
            await asyncio.wait({self._making}, timeout=wait_s)
        return True

    async def _try(self, request: web.Request, choice: Choice, number: int) -> None:
        try:
            await self.one(request, choice, number)
        except HayakoeError as error:
            _LOG.debug("no sample of %s: %s", choice.name, error)
        except Exception:  # noqa: BLE001 - nobody waits for it any more
            _LOG.exception("making a sample of %s failed", choice.name)
        finally:
            self._making = None


def _key(choice: Choice, number: int) -> Hashable:
    """What a sample sounds like depends on nothing else."""
    return choice.name, choice.options, choice.speaker.info.version, number


async def _spoken(request: web.Request, choice: Choice, text: str) -> bytes:
    # Only the voice itself can say how it sounds; and everybody else goes first.
    wanted = Request(
        voice=choice.name, priority=Priority.BATCH, may_fall_back=False, interface="voicevox"
    )
    narration = narrate(request, wanted, text)
    try:
        audio = EncodedNarration(narration, Output("wav", _RATE_HZ), is_streamed=False)
        return b"".join([piece async for piece in audio.pieces()])
    finally:
        narration.close()
