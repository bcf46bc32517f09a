"""How a text is read, over REST."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

from aiohttp import web
from pydantic import Field

from wyoming_hayakoe.http.audio_response import check_length
from wyoming_hayakoe.http.body import ApiModel, read_body
from wyoming_hayakoe.http.documented import documented
from wyoming_hayakoe.http.errors import AnswerTimeout
from wyoming_hayakoe.http.keys import SETTINGS, TTS
from wyoming_hayakoe.http.rest_voices import answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hayakoe_engine.text.reading import AccentPhrase, Reading, Word

TAG: Final = "Reading"


class Text(ApiModel):
    """A text to be read."""

    text: Annotated[str, Field(min_length=1)]
    """Plain text."""


class ReadWord(ApiModel):
    """A word as it is spoken."""

    surface: str
    """Its characters in the text; none where several words stand for one notation."""
    start: int
    """Where they begin in the sentence, in characters."""
    end: int
    """Where they end."""
    kana: str
    """How it sounds; nothing if it is not spoken."""
    part_of_speech: str
    is_known: bool
    """Whether the dictionary knows it."""
    rule: str | None
    """What decided its reading, if not the dictionary."""


class ReadPhrase(ApiModel):
    """Moras under one accent."""

    moras: list[str]
    accent: int
    """The mora after which the pitch falls, from 1; 0 if it does not."""
    pause_after: bool
    spans: list[tuple[int, int]]
    """Where each mora comes from: first character in the sentence, and the one behind the last."""


class ReadSentence(ApiModel):
    """One sentence."""

    text: str
    kana: str
    is_question: bool
    words: list[ReadWord]
    accent_phrases: list[ReadPhrase]


class ReadText(ApiModel):
    """How a text is read."""

    kana: str
    """All of it; `、` and `。` are pauses."""
    sentences: list[ReadSentence]


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return [web.post("/read", read)]


@documented(
    "How a text is read",
    tag=TAG,
    description="Words, moras, pitch accents, where each comes from and why; nothing is spoken.",
    body=Text,
    responses={200: ReadText},
)
async def read(request: web.Request) -> web.Response:
    """Read a text."""
    wanted = await read_body(request, Text)
    check_length(request, wanted.text)
    most_s = request.app[SETTINGS].answer_timeout_s
    try:
        async with asyncio.timeout(most_s):
            readings = await asyncio.to_thread(request.app[TTS].read, wanted.text)
    except TimeoutError:
        raise AnswerTimeout(f"reading took longer than {most_s:g} s") from None
    sentences = [_sentence(reading) for reading in readings]
    return answer(ReadText(kana="".join(_kana(readings)), sentences=sentences))


def _kana(readings: list[Reading]) -> Iterator[str]:
    for number, reading in enumerate(readings, 1):
        yield reading.kana
        if number < len(readings) and not reading.is_question:
            yield "。" if reading.ends_sentence else "、"


def _sentence(reading: Reading) -> ReadSentence:
    spans = list(reading.mora_spans)
    phrases = []
    for phrase in reading.accent_phrases:
        count = len(phrase.moras)
        phrases.append(_phrase(phrase, spans[:count]))
        del spans[:count]
    return ReadSentence(
        text=reading.text,
        kana=reading.kana,
        is_question=reading.is_question,
        words=[_word(word) for word in reading.words],
        accent_phrases=phrases,
    )


def _phrase(phrase: AccentPhrase, spans: list[tuple[int, int]]) -> ReadPhrase:
    return ReadPhrase(
        moras=list(phrase.moras),
        accent=phrase.accent,
        pause_after=phrase.pause_after,
        spans=spans,
    )


def _word(word: Word) -> ReadWord:
    return ReadWord(
        surface=word.surface,
        start=word.span[0],
        end=word.span[1],
        kana=word.kana,
        part_of_speech=word.part_of_speech,
        is_known=word.known,
        rule=word.rule,
    )
