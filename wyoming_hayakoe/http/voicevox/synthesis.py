"""From queries to audio."""

from __future__ import annotations

import asyncio
import io
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from aiohttp import web

from hayakoe_engine.errors import TextTooLong
from hayakoe_engine.options import RANGES
from wyoming_hayakoe.http.audio_response import EncodedNarration, Output, respond
from wyoming_hayakoe.http.documented import documented
from wyoming_hayakoe.http.errors import AnswerTimeout, Invalid
from wyoming_hayakoe.http.keys import SETTINGS, SPEECH, TTS
from wyoming_hayakoe.http.protection import client_of, request_id
from wyoming_hayakoe.http.voicevox.answers import TAG, StyleQuery, read_json, read_query
from wyoming_hayakoe.http.voicevox.models import AudioQueries, AudioQuery
from wyoming_hayakoe.http.voicevox.phrases import delivery_of
from wyoming_hayakoe.http.voicevox.sentences import check_moras, sentences_of
from wyoming_hayakoe.http.voicevox.styles import find_style
from wyoming_hayakoe.speech import Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hayakoe_engine.text.reading import Reading
    from wyoming_hayakoe.http.voicevox.models import AccentPhrase
    from wyoming_hayakoe.http.voicevox.sentences import RecentReadings, Sentence
    from wyoming_hayakoe.speech import Narration
    from wyoming_hayakoe.voices import Choice

__all__ = ["Synthesis"]

OCTAVES: Final = 5.5
"""What a pitchScale of 1 is: so much that one of 0.1 does what clients expect of it."""
MAX_RATE_HZ: Final = 48_000
MAX_SENTENCE_S: Final = 60.0
MAX_AUDIO_S: Final = 600.0


class SynthesisQuery(StyleQuery):
    """A style, and what becomes of questions."""

    enable_interrogative_upspeak: bool = True
    """Whether a question sounds as one."""


class Synthesis:
    """The handlers.

    Args:
        recent: Texts that queries were made of.
    """

    def __init__(self, recent: RecentReadings) -> None:
        self._recent = recent

    def routes(self) -> list[web.RouteDef]:
        """The routes of this part."""
        return [
            web.post("/synthesis", self._synthesis),
            web.post("/cancellable_synthesis", self._cancellable),
            web.post("/multi_synthesis", self._multi),
        ]

    @documented(
        "Speak a query",
        tag=TAG,
        query=SynthesisQuery,
        body=AudioQuery,
        responses={200: "audio/wav"},
    )
    async def _synthesis(self, request: web.Request) -> web.StreamResponse:
        return await self._spoken(request)

    @documented(
        "Speak a query; whoever hangs up stops it, as everywhere here",
        tag=TAG,
        query=SynthesisQuery,
        body=AudioQuery,
        responses={200: "audio/wav"},
    )
    async def _cancellable(self, request: web.Request) -> web.StreamResponse:
        return await self._spoken(request)

    @documented(
        "Speak queries into a zip of WAV files",
        tag=TAG,
        query=SynthesisQuery,
        body=AudioQueries,
        responses={200: "application/zip"},
    )
    async def _multi(self, request: web.Request) -> web.StreamResponse:
        wanted = read_query(request, SynthesisQuery)
        choice = find_style(request.app[SPEECH].voices, wanted.speaker)
        queries = (await read_json(request, AudioQueries)).root
        settings = request.app[SETTINGS]
        if len(queries) > settings.max_batch_texts:
            raise TextTooLong(
                f"there are {len(queries)} queries; at most {settings.max_batch_texts} are spoken"
            )
        check_moras(request, [phrase for query in queries for phrase in query.accent_phrases])
        _check_lengths(queries)
        try:
            async with asyncio.timeout(settings.answer_timeout_s):
                waves = [await self._wave(request, choice, one, wanted) for one in queries]
        except TimeoutError:
            raise AnswerTimeout(
                f"speaking took longer than {settings.answer_timeout_s:g} s", hint="ask for less"
            ) from None
        return web.Response(
            body=await asyncio.to_thread(_zipped, waves), content_type="application/zip"
        )

    async def _spoken(self, request: web.Request) -> web.StreamResponse:
        wanted = read_query(request, SynthesisQuery)
        choice = find_style(request.app[SPEECH].voices, wanted.speaker)
        query = await read_json(request, AudioQuery)
        check_moras(request, query.accent_phrases)
        _check_lengths([query])
        narration = await self._begin(request, choice, query, wanted)
        return await respond(request, narration, _output(query), is_streamed=False)

    async def _wave(
        self, request: web.Request, choice: Choice, query: AudioQuery, wanted: SynthesisQuery
    ) -> bytes:
        narration = await self._begin(request, choice, query, wanted)
        try:
            audio = EncodedNarration(narration, _output(query), is_streamed=False)
            return b"".join([piece async for piece in audio.pieces()])
        finally:
            narration.close()

    async def _begin(
        self, request: web.Request, choice: Choice, query: AudioQuery, wanted: SynthesisQuery
    ) -> Narration:
        sentences = await asyncio.to_thread(
            sentences_of,
            query.accent_phrases,
            self._recent,
            request.app[TTS],
            may_ask=wanted.enable_interrogative_upspeak,
        )
        options = _options(query, choice)
        speed = options["speed"]
        narration = request.app[SPEECH].begin(
            Request(
                voice=choice.name,
                options=options,
                interface="voicevox",
                identification=request_id(request),
                client=client_of(request),
            )
        )
        try:
            narration.pause(query.pre_phoneme_length / speed)
            for reading in _readings(query, sentences, choice, speed):
                narration.say(reading)
            if not sentences:
                narration.pause(query.post_phoneme_length / speed)
            narration.finish()
        except BaseException:
            narration.close()
            raise
        return narration


def _readings(
    query: AudioQuery, sentences: list[Sentence], choice: Choice, speed: float
) -> Iterator[Reading]:
    """The sentences of a query as it wants them to be spoken.

    Raises:
        Invalid: One is too long: its pitch is changed as a whole.
    """
    liveliness = 1.0
    if "intonation_scale" in choice.speaker.info.ignored_options:
        liveliness = query.intonation_scale
    for sentence in sentences:
        phrases = query.accent_phrases[sentence.start : sentence.stop]
        if _length_s(query, phrases) > MAX_SENTENCE_S:
            raise Invalid(
                f"a sentence lasts longer than {MAX_SENTENCE_S:g} s",
                param=f"body.accent_phrases.{sentence.start}",
            )
        pauses_s = [_pause_s(query, phrase) for phrase in phrases]
        is_last = sentence.stop == len(query.accent_phrases)
        end_s = query.post_phoneme_length if is_last else pauses_s[-1] * choice.options.pause_scale
        within = (
            seconds
            for seconds, phrase in zip(pauses_s[:-1], phrases, strict=False)
            if phrase.pause_mora is not None
        )
        yield replace(
            sentence.reading,
            end_pause_s=end_s / speed,
            delivery=delivery_of(sentence.reading, phrases, within, liveliness),
        )


def _pause_s(query: AudioQuery, phrase: AccentPhrase) -> float:
    if phrase.pause_mora is None:
        return 0.0
    own_s = phrase.pause_mora.vowel_length
    seconds = own_s if query.pause_length is None else query.pause_length
    return min(seconds * query.pause_length_scale, MAX_SENTENCE_S)


def _options(query: AudioQuery, choice: Choice) -> dict[str, float]:
    """What the query asks for, on top of what the voice or preset has anyway."""
    own = choice.options
    return {
        "speed": _within("speed", own.speed * query.speed_scale),
        "pitch_scale": _within("pitch_scale", own.pitch_scale * 2 ** (OCTAVES * query.pitch_scale)),
        "intonation_scale": _within(
            "intonation_scale", own.intonation_scale * query.intonation_scale
        ),
        "volume": _within("volume", own.volume * query.volume_scale),
    }


def _within(option: str, value: float) -> float:
    low, high = RANGES[option]
    return min(max(value, low), high)


def _output(query: AudioQuery) -> Output:
    rate_hz = min(query.output_sampling_rate, MAX_RATE_HZ)
    return Output("wav", rate_hz, channels=2 if query.output_stereo else 1)


def _check_lengths(queries: Sequence[AudioQuery]) -> None:
    """Refuse what would fill the memory.

    Raises:
        Invalid: It is too long.
    """
    total_s = sum(
        query.pre_phoneme_length
        + query.post_phoneme_length
        + _length_s(query, query.accent_phrases)
        for query in queries
    )
    if total_s > MAX_AUDIO_S:
        raise Invalid(
            f"this is {total_s:.0f} s of audio; at most {MAX_AUDIO_S:g} s are made at once",
            param="body",
        )


def _length_s(query: AudioQuery, phrases: Sequence[AccentPhrase]) -> float:
    """How long it is spoken."""
    natural_s = sum(
        _pause_s(query, phrase)
        + sum(mora.vowel_length + (mora.consonant_length or 0.0) for mora in phrase.moras)
        for phrase in phrases
    )
    return natural_s / _within("speed", query.speed_scale)


def _zipped(waves: list[bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, wave in enumerate(waves, 1):
            archive.writestr(f"{number:03}.wav", wave)
    return buffer.getvalue()
