"""The user dictionary over REST."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final, Literal

from aiohttp import web
from pydantic import Field

from wyoming_hayakoe.http.body import (
    JSON,
    ApiModel,
    check_content_type,
    read_body,
    read_bytes,
    read_query,
)
from wyoming_hayakoe.http.documented import documented
from wyoming_hayakoe.http.errors import Invalid
from wyoming_hayakoe.http.keys import TTS
from wyoming_hayakoe.http.rest_voices import answer

if TYPE_CHECKING:
    from hayakoe_engine.text.dictionary.user_dictionary import Entry, UserDictionary

_TAG: Final = "Dictionary"
_YAML: Final = "application/yaml"
_CSV: Final = "text/csv"
_MEDIA_TYPES: Final = {"yaml": _YAML, "csv": _CSV}


class NewWord(ApiModel):
    """A word and how it is read."""

    surface: Annotated[str, Field(min_length=1, max_length=1000)]
    """The word as it is written."""
    reading: Annotated[str, Field(min_length=1, max_length=2000)]
    """How it sounds, in kana."""
    accent: Annotated[int, Field(ge=0, le=200)] | None = None
    """The mora after which the pitch falls, from 1; 0 if it does not."""
    priority: Annotated[int, Field(ge=0, le=10)] = 8
    """Higher wins over longer words of the built-in dictionary."""
    match_case: bool = False
    """Whether only this case of Latin letters is meant."""


class WordChanges(ApiModel):
    """What is to be different with a word; what is absent stays."""

    surface: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    reading: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    accent: Annotated[int, Field(ge=0, le=200)] | None = None
    """Null forgets it."""
    priority: Annotated[int, Field(ge=0, le=10)] | None = None
    match_case: bool | None = None


class DictionaryWord(ApiModel):
    """A word of the dictionary."""

    surface: str
    reading: str
    accent: int | None
    priority: int
    match_case: bool
    moras: list[str]
    """The reading, mora by mora."""


class Words(ApiModel):
    """The whole dictionary."""

    words: list[DictionaryWord]
    problems: list[str]
    """What is wrong with its file."""


class ImportQuery(ApiModel):
    """How a list of words is taken."""

    format: Literal["yaml", "csv", "voicevox"] = "yaml"
    """`voicevox` is what that program exports."""
    skip_wrong: bool = False
    """Whether wrong words are left out, rather than all refused."""


class ExportQuery(ApiModel):
    """How the words are written."""

    format: Literal["yaml", "csv"] = "yaml"


class Imported(ApiModel):
    """What became of a list of words."""

    added: int
    replaced: int
    refused: list[str]
    """What was wrong with the others."""


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return [
        web.get("/dictionary", words),
        web.post("/dictionary", add_word),
        web.get("/dictionary/export", export_words),
        web.post("/dictionary/import", import_words),
        web.get("/dictionary/{surface}", word),
        web.patch("/dictionary/{surface}", change_word),
        web.delete("/dictionary/{surface}", remove_word),
    ]


@documented("All words", tag=_TAG, responses={200: Words})
async def words(request: web.Request) -> web.Response:
    """List the words in the order in which they were added."""
    dictionary = await _dictionary(request)
    return answer(
        Words(
            words=[_word(entry) for entry in dictionary.entries()],
            problems=[str(problem) for problem in dictionary.problems],
        )
    )


@documented("One word", tag=_TAG, responses={200: DictionaryWord})
async def word(request: web.Request) -> web.Response:
    """Look a word up."""
    dictionary = await _dictionary(request)
    return answer(_word(dictionary.get(request.match_info["surface"])))


@documented(
    "Add a word, or replace it",
    tag=_TAG,
    description="It counts from the next sentence on.",
    body=NewWord,
    responses={200: DictionaryWord, 201: DictionaryWord},
)
async def add_word(request: web.Request) -> web.Response:
    """Put a word into the dictionary."""
    new = await read_body(request, NewWord)
    dictionary = await _dictionary(request)
    is_replaced = await asyncio.to_thread(
        dictionary.add,
        new.surface,
        new.reading,
        accent=new.accent,
        priority=new.priority,
        match_case=new.match_case,
    )
    return answer(_word(dictionary.get(new.surface)), status=200 if is_replaced else 201)


@documented("Change a word", tag=_TAG, body=WordChanges, responses={200: DictionaryWord})
async def change_word(request: web.Request) -> web.Response:
    """Change fields of a word."""
    wanted = await read_body(request, WordChanges)
    changes = wanted.model_dump(exclude_unset=True)
    for name, value in changes.items():
        if value is None and name != "accent":
            raise Invalid(f"{name}: must not be null", param=name)
    dictionary = await _dictionary(request)
    changed = await asyncio.to_thread(dictionary.update, request.match_info["surface"], changes)
    return answer(_word(changed))


@documented("Remove a word", tag=_TAG, responses={204: None})
async def remove_word(request: web.Request) -> web.Response:
    """Take a word out of the dictionary."""
    dictionary = await _dictionary(request)
    await asyncio.to_thread(dictionary.delete, request.match_info["surface"])
    return web.Response(status=204)


@documented(
    "Add a list of words",
    tag=_TAG,
    description="At most 5 MiB. They replace those that are there.",
    body=f"{_YAML}, {_CSV}, {JSON}",
    query=ImportQuery,
    responses={200: Imported},
)
async def import_words(request: web.Request) -> web.Response:
    """Add many words in one step."""
    wanted = read_query(request, ImportQuery)
    # Not what a form of any web page may send.
    check_content_type(request, _YAML, "text/yaml", _CSV, JSON, "application/octet-stream")
    content = await read_bytes(request)
    dictionary = await _dictionary(request)
    imported = await asyncio.to_thread(
        dictionary.import_words, content, wanted.format, skip_wrong=wanted.skip_wrong
    )
    return answer(
        Imported(
            added=imported.added,
            replaced=imported.replaced,
            refused=[str(problem) for problem in imported.refused],
        )
    )


@documented("All words as a file", tag=_TAG, query=ExportQuery, responses={200: f"{_YAML}, {_CSV}"})
async def export_words(request: web.Request) -> web.Response:
    """Write all words."""
    wanted = read_query(request, ExportQuery)
    dictionary = await _dictionary(request)
    text = await asyncio.to_thread(dictionary.export_words, wanted.format)
    return web.Response(
        text=text,
        content_type=_MEDIA_TYPES[wanted.format],
        headers={"Content-Disposition": f'attachment; filename="dictionary.{wanted.format}"'},
    )


async def _dictionary(request: web.Request) -> UserDictionary:
    tts = request.app[TTS]
    return await asyncio.to_thread(lambda: tts.dictionary)  # the first time it is read


def _word(entry: Entry) -> DictionaryWord:
    return DictionaryWord(
        surface=entry.surface,
        reading=entry.reading,
        accent=entry.accent,
        priority=entry.priority,
        match_case=entry.match_case,
        moras=list(entry.moras),
    )
