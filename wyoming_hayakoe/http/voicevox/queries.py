"""From texts to queries: how they are read, and how long the voice speaks each mora."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from wyoming_hayakoe.http.audio_response import check_length
from wyoming_hayakoe.http.documented import documented
from wyoming_hayakoe.http.keys import SPEECH, TTS
from wyoming_hayakoe.http.voicevox.answers import (
    TAG,
    StyleQuery,
    json_answer,
    read_json,
    read_query,
)
from wyoming_hayakoe.http.voicevox.kana import BadKana, parse_kana, written_kana
from wyoming_hayakoe.http.voicevox.models import (
    AccentPhrase,
    AccentPhrases,
    AudioQuery,
    KanaProblem,
    Manners,
)
from wyoming_hayakoe.http.voicevox.phrases import KanaPhrase, bare_phrases, phrases_of
from wyoming_hayakoe.http.voicevox.sentences import check_moras, sentences_of
from wyoming_hayakoe.http.voicevox.styles import find_style

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wyoming_hayakoe.http.voicevox.presets import Presets
    from wyoming_hayakoe.http.voicevox.sentences import RecentReadings
    from wyoming_hayakoe.voices import Choice

__all__ = ["Queries"]

_BAD_REQUEST = 400


class TextQuery(StyleQuery):
    """A text and a style."""

    text: str
    """What is to be spoken."""


class PhrasesQuery(TextQuery):
    """A text or a reading, and a style."""

    is_kana: bool = False
    """Whether it is a reading, such as `アシタ'ワ/ハレデ'_ス`."""


class PresetQuery(BaseModel):
    """A text and a preset; what is not listed is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    text: str
    """What is to be spoken."""
    preset_id: int = Field(ge=-(2**31), lt=2**31)
    """From `/presets`."""


class KanaQuery(BaseModel):
    """A reading."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    text: str
    """Such as `アシタ'ワ/ハレデ'_ス`."""


class Queries:
    """The handlers.

    Args:
        recent: Where texts are kept for ``/synthesis``.
        presets: Of whoever asks for a query with one.
    """

    def __init__(self, recent: RecentReadings, presets: Presets) -> None:
        self._recent = recent
        self._presets = presets

    def routes(self) -> list[web.RouteDef]:
        """The routes of this part."""
        return [
            web.post("/audio_query", self._query),
            web.post("/audio_query_from_preset", self._query_from_preset),
            web.post("/accent_phrases", self._phrases),
            web.post("/mora_data", self._mora_data),
            web.post("/mora_length", self._mora_length),
            web.post("/mora_pitch", self._mora_pitch),
            web.post("/validate_kana", _validate_kana),
        ]

    @documented("Make a query of a text", tag=TAG, query=TextQuery, responses={200: AudioQuery})
    async def _query(self, request: web.Request) -> web.Response:
        wanted = read_query(request, TextQuery)
        choice = find_style(request.app[SPEECH].voices, wanted.speaker)
        return json_answer(await self._query_of(request, wanted.text, choice, Manners()))

    @documented(
        "Make a query of a text and a preset",
        tag=TAG,
        query=PresetQuery,
        responses={200: AudioQuery},
    )
    async def _query_from_preset(self, request: web.Request) -> web.Response:
        wanted = read_query(request, PresetQuery)
        preset = await self._presets.get(request, wanted.preset_id)
        choice = find_style(request.app[SPEECH].voices, preset.style_id)
        return json_answer(await self._query_of(request, wanted.text, choice, preset))

    @documented(
        "Read a text, or take its reading in kana",
        tag=TAG,
        query=PhrasesQuery,
        responses={200: AccentPhrase},
        is_list=True,
    )
    async def _phrases(self, request: web.Request) -> web.Response:
        wanted = read_query(request, PhrasesQuery)
        choice = find_style(request.app[SPEECH].voices, wanted.speaker)
        if not wanted.is_kana:
            return json_answer(await self._read(request, wanted.text, choice))
        check_length(request, wanted.text)
        try:
            bare = bare_phrases(parse_kana(wanted.text))
        except BadKana as error:
            return _kana_answer(error)
        check_moras(request, bare)
        return json_answer(await self._measured(request, bare, choice))

    @documented(
        "Give accent phrases the lengths and the pitch of a voice",
        tag=TAG,
        query=StyleQuery,
        body=AccentPhrases,
        responses={200: AccentPhrase},
        is_list=True,
    )
    async def _mora_data(self, request: web.Request) -> web.Response:
        return await self._mora_answer(request, lambda _, natural: natural)

    @documented(
        "Give accent phrases the lengths of a voice",
        tag=TAG,
        query=StyleQuery,
        body=AccentPhrases,
        responses={200: AccentPhrase},
        is_list=True,
    )
    async def _mora_length(self, request: web.Request) -> web.Response:
        return await self._mora_answer(request, _with_pitch_of)

    @documented(
        "Give accent phrases the pitch of a voice",
        tag=TAG,
        query=StyleQuery,
        body=AccentPhrases,
        responses={200: AccentPhrase},
        is_list=True,
    )
    async def _mora_pitch(self, request: web.Request) -> web.Response:
        return await self._mora_answer(request, lambda sent, natural: _with_pitch_of(natural, sent))

    async def _mora_answer(
        self,
        request: web.Request,
        choose: Callable[[AccentPhrase, AccentPhrase], AccentPhrase],
    ) -> web.Response:
        choice = find_style(request.app[SPEECH].voices, read_query(request, StyleQuery).speaker)
        sent = (await read_json(request, AccentPhrases)).root
        check_moras(request, sent)
        natural = await self._measured(request, sent, choice)
        return json_answer([choose(*pair) for pair in zip(sent, natural, strict=True)])

    async def _query_of(
        self, request: web.Request, text: str, choice: Choice, manners: Manners
    ) -> AudioQuery:
        phrases = await self._read(request, text, choice)
        return AudioQuery(
            **{name: getattr(manners, name) for name in Manners.model_fields},
            accent_phrases=phrases,
            output_sampling_rate=choice.speaker.info.sample_rate_hz,
            kana=written_kana(KanaPhrase.of(phrase, place) for place, phrase in enumerate(phrases)),
        )

    async def _read(
        self, request: web.Request, text: str, choice: Choice
    ) -> tuple[AccentPhrase, ...]:
        check_length(request, text)
        readings = await asyncio.to_thread(request.app[TTS].read, text)
        deliveries = await choice.speaker.ameasure(readings, choice.options)
        for reading in readings:
            self._recent.remember(reading)
        return phrases_of(zip(readings, deliveries, strict=True))

    async def _measured(
        self, request: web.Request, sent: Sequence[AccentPhrase], choice: Choice
    ) -> list[AccentPhrase]:
        """The same accent phrases as the voice speaks them."""
        sentences = await asyncio.to_thread(sentences_of, sent, self._recent, request.app[TTS])
        readings = [sentence.reading for sentence in sentences]
        deliveries = await choice.speaker.ameasure(readings, choice.options)
        natural = phrases_of(zip(readings, deliveries, strict=True))
        # Pauses and questions stay where the client has them.
        return [
            phrase.model_copy(
                update={
                    "is_interrogative": one.is_interrogative,
                    "pause_mora": one.pause_mora and (phrase.pause_mora or one.pause_mora),
                }
            )
            for one, phrase in zip(sent, natural, strict=True)
        ]


@documented(
    "Say whether a reading in kana is written as it must be",
    tag=TAG,
    query=KanaQuery,
    responses={200: "application/json"},
)
async def _validate_kana(request: web.Request) -> web.Response:
    text = read_query(request, KanaQuery).text
    check_length(request, text)
    try:
        parse_kana(text)
    except BadKana as error:
        return _kana_answer(error)
    return json_answer(content=True)


def _kana_answer(error: BadKana) -> web.Response:
    problem = KanaProblem(text=str(error), error_name=error.name, error_args={"text": error.text})
    return json_answer({"detail": problem.model_dump()}, status=_BAD_REQUEST)


def _with_pitch_of(source: AccentPhrase, target: AccentPhrase) -> AccentPhrase:
    """The second, with the pitch of the first."""
    moras = (
        mora.model_copy(update={"pitch": other.pitch})
        for mora, other in zip(target.moras, source.moras, strict=True)
    )
    return target.model_copy(update={"moras": tuple(moras)})
