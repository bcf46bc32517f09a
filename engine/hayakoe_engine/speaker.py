"""A prepared voice."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hayakoe_engine.audio import Audio, streaming_wav_header
from hayakoe_engine.errors import BadOption, BusyError, VoiceNotFound
from hayakoe_engine.options import SynthesisOptions
from hayakoe_engine.scheduler import Priority
from hayakoe_engine.utterance import Markup, Utterance
from hayakoe_engine.voices.style_mix import style_shares
from hayakoe_engine.voices.voice import measure

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Iterator, Sequence

    from numpy.typing import NDArray

    from hayakoe_engine.scheduler import Scheduler
    from hayakoe_engine.shelf import Held, Shelf
    from hayakoe_engine.text.delivery import Delivery
    from hayakoe_engine.text.reading import Reader, Reading
    from hayakoe_engine.text.text_options import TextOptions
    from hayakoe_engine.voices.sbv2.phrase_cache import PhraseCache, Place
    from hayakoe_engine.voices.voice import Voice, VoiceInfo


@dataclass(frozen=True, slots=True)
class Prerendered:
    """Audio that was made ahead.

    Attributes:
        audio_s: How long it is, in seconds.
        kept: Where it lies: on the disk, in memory, which is until the engine is closed, or
            nowhere, as with the embedded voice, which is always as fast.
    """

    audio_s: float
    kept: Place


class Speaker:
    """A voice that speaks; made by ``TTS``. Use it from as many threads and tasks as you like.

    It stays the same object when its voice is reloaded.

    Every method takes ``SynthesisOptions``, single options by name, or both: the names win. With
    ``markup="ssml"`` the text is an SSML document.
    """

    def __init__(
        self,
        name: str,
        shelf: Shelf,
        reader: Reader,
        scheduler: Scheduler,
        text_options: TextOptions,
        phrases: PhraseCache,
    ) -> None:
        self._name = name
        self._shelf = shelf
        self._reader = reader
        self._scheduler = scheduler
        self._text_options = text_options
        self._phrases = phrases
        self._info = self._held().voice.info

    @property
    def name(self) -> str:
        """What the voice is called in this engine."""
        return self._name

    @property
    def info(self) -> VoiceInfo:
        """Facts about the voice; when it has been unloaded, what they were."""
        with suppress(VoiceNotFound, BusyError):
            self._info = self._held().voice.info
        return self._info

    @property
    def styles(self) -> tuple[str, ...]:
        """Names of the voice's styles, its own first; empty if it has one only."""
        return self.info.styles

    @property
    def sample_rate_hz(self) -> int:
        """Rate of the voice's audio."""
        return self.info.sample_rate_hz

    @property
    def voice(self) -> Voice:
        """The voice itself.

        Raises:
            VoiceNotFound: It has been unloaded.
        """
        return self._held().voice

    def open(
        self,
        options: SynthesisOptions | None = None,
        *,
        priority: Priority = Priority.INTERACTIVE,
        markup: Markup | None = None,
        stand_in: Speaker | None = None,
        deadline_s: float | None = None,
        **changes: Any,  # noqa: ANN401
    ) -> Utterance:
        """Begin an utterance whose text is still to come.

        Args:
            options: How it is spoken.
            priority: Who goes first where not everybody can be served at once.
            markup: What the text is, if it is not plain.
            stand_in: Says sentences that this voice fails at, or that come too late.
            deadline_s: Time after which a sentence of which nothing has been heard is too late;
                None is never.
            **changes: Single options.

        Raises:
            BadOption: An option is unknown or out of range, or the voice has no such speaker.
            StyleNotFound: The voice has no such style.
            BusyError: Too many utterances at once.
            VoiceNotFound: The voice has been unloaded.
        """
        chosen = (options or SynthesisOptions()).changed(**changes)
        held = self._held()
        info = held.voice.info
        if chosen.style is not None:
            style_shares(chosen.style, info)
        if chosen.speaker_id >= info.speakers:
            raise BadOption(
                f"voice {info.name} has {info.speakers} speakers, so speaker_id must be from 0 to "
                f"{info.speakers - 1}, not {chosen.speaker_id}"
            )
        substitute = None if stand_in is None else stand_in._held()  # noqa: SLF001 - one of us
        stream = self._scheduler.open(info.sample_rate_hz, priority, deadline_s=deadline_s)
        for lent in (held, substitute):
            if lent is not None:
                self._shelf.lend(lent, stream)
        return Utterance(
            held.voice,
            self._reader,
            chosen,
            stream,
            markup,
            self._text_options,
            self._shelf.lent_to(stream),
            None if substitute is None else substitute.voice,
        )

    def stream(
        self,
        text: str,
        options: SynthesisOptions | None = None,
        *,
        markup: Markup | None = None,
        **changes: Any,  # noqa: ANN401
    ) -> Iterator[Audio]:
        """Speak a text, window by window.

        The first window comes long before a sentence is done. Closing the iterator cancels.

        Raises:
            EmptyText: There is nothing to speak in the text.
            BadMarkup: It is not the SSML that it was said to be.
            RequestError: As for ``open``.
            VoiceError: The voice failed.
        """
        utterance = self.open(options, markup=markup, **changes)
        return _windows(utterance, text)

    def stream_wav(
        self,
        text: str,
        options: SynthesisOptions | None = None,
        *,
        markup: Markup | None = None,
        **changes: Any,  # noqa: ANN401
    ) -> Iterator[bytes]:
        """As ``stream``, in the pieces of one WAV file whose length is not known at its beginning.

        The header comes with the first audio.

        Raises:
            HayakoeError: As for ``stream``.
        """
        windows = self.stream(text, options, markup=markup, **changes)
        return (_wav_piece(audio, is_first=not number) for number, audio in enumerate(windows))

    async def astream_wav(
        self,
        text: str | AsyncIterable[str],
        options: SynthesisOptions | None = None,
        *,
        markup: Markup | None = None,
        **changes: Any,  # noqa: ANN401
    ) -> AsyncGenerator[bytes, None]:
        """As ``stream_wav``, without blocking the event loop; the text as for ``astream``.

        Raises:
            HayakoeError: As for ``stream``.
        """
        is_first = True
        async with aclosing(self.astream(text, options, markup=markup, **changes)) as windows:
            async for audio in windows:
                yield _wav_piece(audio, is_first=is_first)
                is_first = False

    def generate(
        self,
        text: str,
        options: SynthesisOptions | None = None,
        *,
        markup: Markup | None = None,
        **changes: Any,  # noqa: ANN401
    ) -> Audio:
        """Speak a text: the concatenation of ``stream``, sample for sample.

        Raises:
            HayakoeError: As for ``stream``.
        """
        return Audio.concatenate(
            self.stream(text, options, markup=markup, **changes), self.info.sample_rate_hz
        )

    async def astream(
        self,
        text: str | AsyncIterable[str],
        options: SynthesisOptions | None = None,
        *,
        markup: Markup | None = None,
        **changes: Any,  # noqa: ANN401
    ) -> AsyncGenerator[Audio, None]:
        """As ``stream``; the text may also come piece by piece, as from a language model.

        Raises:
            HayakoeError: As for ``stream``.
        """
        with self.open(options, markup=markup, **changes) as utterance:
            feeder = asyncio.ensure_future(_feed(utterance, text))
            try:
                async for audio in utterance:
                    yield audio
                await feeder
            finally:
                feeder.cancel()
                with suppress(asyncio.CancelledError):
                    await feeder

    async def agenerate(
        self,
        text: str,
        options: SynthesisOptions | None = None,
        *,
        markup: Markup | None = None,
        **changes: Any,  # noqa: ANN401
    ) -> Audio:
        """As ``generate``, without blocking the event loop.

        Raises:
            HayakoeError: As for ``stream``.
        """
        parts = [audio async for audio in self.astream(text, options, markup=markup, **changes)]
        return Audio.concatenate(parts, self.info.sample_rate_hz)

    def prerender(
        self,
        text: str,
        options: SynthesisOptions | None = None,
        *,
        markup: Markup | None = None,
        **changes: Any,  # noqa: ANN401
    ) -> Prerendered:
        """Make the audio of a text ahead, so that it starts at once when it is to be spoken.

        Everybody else goes first. It is kept at least until it has been spoken once with the same
        options, as far as there is place. Whoever waits for it may wait for the disk.

        Raises:
            HayakoeError: As for ``stream``.
        """
        audio_s = 0.0
        with self._ahead(text, options, markup, changes) as utterance:
            for audio in utterance:
                audio_s += audio.duration_s
                self._phrases.flush()
        return self._prerendered(audio_s)

    async def aprerender(
        self,
        text: str,
        options: SynthesisOptions | None = None,
        *,
        markup: Markup | None = None,
        **changes: Any,  # noqa: ANN401
    ) -> Prerendered:
        """As ``prerender``, without blocking the event loop.

        Raises:
            HayakoeError: As for ``stream``.
        """
        audio_s = 0.0
        with self._ahead(text, options, markup, changes) as utterance:
            async for audio in utterance:
                audio_s += audio.duration_s
                await asyncio.to_thread(self._phrases.flush)
        return self._prerendered(audio_s)

    def _ahead(
        self,
        text: str,
        options: SynthesisOptions | None,
        markup: Markup | None,
        changes: dict[str, Any],
    ) -> Utterance:
        kept = {**changes, "remember": "until-spoken"}
        utterance = self.open(options, priority=Priority.BATCH, markup=markup, **kept)
        utterance.push(text)
        utterance.finish()
        return utterance

    def _prerendered(self, audio_s: float) -> Prerendered:
        forgets = "remember" in self.info.ignored_options
        return Prerendered(audio_s, "nowhere" if forgets else self._phrases.place)

    async def ameasure(
        self,
        readings: Sequence[Reading],
        options: SynthesisOptions | None = None,
        **changes: Any,  # noqa: ANN401
    ) -> list[Delivery]:
        """How the voice would deliver sentences at normal speed, without speaking them.

        With these deliveries, changed or not, they can be spoken by ``Utterance.say``.

        Raises:
            HayakoeError: As for ``stream``.
        """
        chosen = (options or SynthesisOptions()).changed(**changes)
        held = self._held()
        if chosen.style is not None:
            style_shares(chosen.style, held.voice.info)
        found: list[Delivery] = []
        stream = self._scheduler.open(held.voice.info.sample_rate_hz, Priority.INTERACTIVE)
        self._shelf.lend(held, stream)
        try:
            stream.add(lambda: _measured(held.voice, readings, chosen, found))
            stream.end()
            async for _ in stream:
                pass
        finally:
            stream.close()
        return found

    def _held(self) -> Held:
        held = self._shelf.get(self._name)
        if self._shelf.is_closed:
            raise BusyError("the engine is closed")
        if held is None:
            raise VoiceNotFound(f"voice {self._name} has been unloaded")
        return held


def _windows(utterance: Utterance, text: str) -> Iterator[Audio]:
    with utterance:
        utterance.push(text)
        utterance.finish()
        yield from utterance


def _measured(
    voice: Voice, readings: Sequence[Reading], options: SynthesisOptions, found: list[Delivery]
) -> Iterator[NDArray[np.float32]]:
    for reading in readings:
        delivery = yield from measure(voice, reading, options, np.random.default_rng(options.seed))
        found.append(delivery)


def _wav_piece(audio: Audio, *, is_first: bool) -> bytes:
    return (streaming_wav_header(audio.sample_rate_hz) if is_first else b"") + audio.pcm_bytes()


async def _feed(utterance: Utterance, text: str | AsyncIterable[str]) -> None:
    try:
        if isinstance(text, str):
            utterance.push(text)
        else:
            async for piece in text:
                utterance.push(piece)
    finally:
        utterance.finish()
