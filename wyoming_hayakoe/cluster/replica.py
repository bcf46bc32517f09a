"""An engine that speaks for servers on other machines."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing, closing, contextmanager, suppress
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from ray import serve

from hayakoe_engine.errors import HayakoeError, VoiceNotFound
from hayakoe_engine.scheduler import Scheduler
from hayakoe_engine.tts import TTS
from hayakoe_engine.voices.voice import RememberingVoice, measure
from wyoming_hayakoe import __version__
from wyoming_hayakoe.cluster.sentence import Description, VoiceReference, portions
from wyoming_hayakoe.cluster.signs_of_life import with_signs_of_life

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

    from hayakoe_engine.text.delivery import Delivery
    from hayakoe_engine.voices.voice import Voice
    from hayakoe_engine.window import MadeWindow
    from hayakoe_engine.work_stream import WorkStream
    from wyoming_hayakoe.cluster.sentence import Recipe, Sentence

DRAIN_S: Final = 60.0
"""What is being spoken when a replica or a voice is to go may be spoken to the end for so long."""


class Replica:
    """One engine with its voices, run by Ray Serve.

    Args:
        recipe: What it is made of.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._tts = TTS(**recipe.engine)
        self._scheduler = Scheduler(recipe.engine["threads"], recipe.max_sentences)
        self._open: WeakValueDictionary[str, _OpenVoice] = WeakValueDictionary()

        async def open_voice(key: str) -> _OpenVoice:
            voice = await asyncio.to_thread(_OpenVoice, self._tts, VoiceReference.from_key(key))
            self._open[key] = voice
            return voice

        # So Serve knows which voices are open here, and sends sentences where theirs is.
        self._open_voice = serve.multiplexed(
            open_voice, max_num_models_per_replica=recipe.max_voices
        )

    async def reconfigure(self, wishes: dict[str, list[str]]) -> None:
        """Open these voices before anything is asked for; one that fails is tried again then."""
        for key in wishes["voices"]:
            with suppress(HayakoeError):
                await self._open_voice(key)

    async def fingerprint(self) -> str:
        """Of what it is made of."""
        return self._recipe.fingerprint

    async def describe(self, voice: VoiceReference) -> Description | HayakoeError:
        """Facts about a voice, or why it is not there."""
        try:
            opened: _OpenVoice = await self._open_voice(voice.key)
        except HayakoeError as error:
            return error
        found = opened.voice
        identity = found.identity if isinstance(found, RememberingVoice) else None
        return Description(found.info, identity, __version__)

    async def renew(self, voice: VoiceReference, *, update: bool) -> HayakoeError | None:
        """Make a voice anew if it is open, or tell why it stays as it is."""
        opened = self._open.get(voice.key)
        try:
            if opened is not None:
                await asyncio.to_thread(opened.renew, update=update)
        except HayakoeError as error:
            return error
        return None

    async def speak(self, sentence: Sentence) -> AsyncIterator[MadeWindow | HayakoeError]:
        """Speak a sentence, window by window; an error ends it, and nothing is a sign of life."""
        try:
            async with aclosing(with_signs_of_life(self._speak(sentence))) as windows:
                async for window in windows:
                    yield window
        except HayakoeError as error:
            yield error

    async def _speak(self, sentence: Sentence) -> AsyncGenerator[MadeWindow, None]:
        opened: _OpenVoice = await self._open_voice(sentence.voice.key)
        with opened.in_use() as voice, closing(self._begin(voice, sentence)) as stream:
            async for window in stream:
                for portion in portions(window, voice.info.sample_rate_hz):
                    yield portion

    async def measure(self, sentence: Sentence) -> Delivery | HayakoeError:
        """How a voice would deliver a sentence, or why it cannot be told."""
        try:
            opened: _OpenVoice = await self._open_voice(sentence.voice.key)
            with opened.in_use() as voice:
                return await asyncio.to_thread(_measured, voice, sentence)
        except HayakoeError as error:
            return error

    def _begin(self, voice: Voice, sentence: Sentence) -> WorkStream:
        stream = self._scheduler.open(voice.info.sample_rate_hz, sentence.priority)
        stream.add(lambda: voice.begin(sentence.reading, sentence.options, sentence.rng))
        stream.end()
        return stream


def _measured(voice: Voice, sentence: Sentence) -> Delivery:
    work = measure(voice, sentence.reading, sentence.options, sentence.rng)
    while True:
        try:
            next(work)
        except StopIteration as end:
            delivery: Delivery = end.value
            return delivery


class _OpenVoice:
    """A voice of an engine, for as long as Serve wants it.

    Attributes:
        voice: The voice.

    Raises:
        HayakoeError: It cannot be opened.
    """

    def __init__(self, tts: TTS, reference: VoiceReference) -> None:
        self._reference = reference
        self._tts: TTS | None = tts
        self._users = 0
        self._unused = threading.Condition()
        try:
            self.voice = self._opened(tts, update=False)
        except BaseException:
            self.__del__()
            raise

    def renew(self, *, update: bool) -> None:
        """Make it anew; what it is speaking it speaks to the end.

        Args:
            update: Whether its source is asked for what it has now.

        Raises:
            HayakoeError: It cannot be made; it stays as it is.
        """
        if self._tts is not None:
            self.voice = self._opened(self._tts, update=update)

    def _opened(self, tts: TTS, *, update: bool) -> Voice:
        # It may be another one of the same name that is open.
        name = self._reference.name
        tts.load(name, source=self._reference.source).reload(name, update=update)
        return tts.speakers[name].voice

    @contextmanager
    def in_use(self) -> Iterator[Voice]:
        """The voice, kept open."""
        with self._unused:
            self._users += 1
        try:
            yield self.voice
        finally:
            with self._unused:
                self._users -= 1
                self._unused.notify_all()

    def __del__(self) -> None:
        """Let go of it when nobody uses it any more; Serve calls this itself, in a thread."""
        tts, self._tts = self._tts, None
        if tts is None:
            return
        with self._unused:
            self._unused.wait_for(lambda: not self._users, DRAIN_S)
        with suppress(AttributeError, VoiceNotFound):
            if tts.speakers[self._reference.name].voice is self.voice:
                tts.unload(self._reference.name)
