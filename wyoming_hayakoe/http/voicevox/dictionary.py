"""The user dictionary as clients of VOICEVOX know it: words by identifier."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Final, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from hayakoe_engine.text.dictionary.entry import normal_surface
from wyoming_hayakoe.http.body import read_bytes
from wyoming_hayakoe.http.documented import documented
from wyoming_hayakoe.http.errors import NotFound
from wyoming_hayakoe.http.keys import TTS
from wyoming_hayakoe.http.voicevox.answers import TAG, json_answer, nothing, read_query
from wyoming_hayakoe.http.voicevox.models import UserDictWord

if TYPE_CHECKING:
    from hayakoe_engine.text.dictionary.entry import Entry
    from hayakoe_engine.text.dictionary.user_dictionary import UserDictionary

__all__ = ["routes"]

_NAMESPACE: Final = uuid.UUID("0d6a3a52-93f4-5d8e-a1b5-6f0c7c1f9d27")
_MAX_CHARS: Final = 1000


class WordQuery(BaseModel):
    """A word; what is not listed is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    surface: str = Field(max_length=_MAX_CHARS)
    """The word as it is written."""
    pronunciation: str = Field(max_length=_MAX_CHARS)
    """Katakana."""
    accent_type: int
    """The mora after which the pitch falls, from 1; 0 if it does not."""
    word_type: Literal["PROPER_NOUN", "COMMON_NOUN", "VERB", "ADJECTIVE", "SUFFIX"] | None = None
    """Changes nothing here: words are found as they are written."""
    priority: int = Field(5, ge=0, le=10)
    """Larger wins over longer words of the built-in dictionary."""


class ImportQuery(BaseModel):
    """How words are imported; what is not listed is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    override: bool = False
    """Whether they take the place of those that are there."""


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return [
        web.get("/user_dict", _words),
        web.post("/user_dict_word", _add),
        web.put("/user_dict_word/{word_uuid}", _change),
        web.delete("/user_dict_word/{word_uuid}", _delete),
        web.post("/import_user_dict", _import),
    ]


@documented("List the words of the user dictionary", tag=TAG, responses={200: "application/json"})
async def _words(request: web.Request) -> web.Response:
    entries = request.app[TTS].dictionary.entries()
    return json_answer({_id_of(entry): _word(entry).model_dump() for entry in entries})


@documented("Add a word", tag=TAG, query=WordQuery, responses={200: "application/json"})
async def _add(request: web.Request) -> web.Response:
    wanted = read_query(request, WordQuery)
    dictionary = request.app[TTS].dictionary
    await asyncio.to_thread(
        dictionary.add,
        wanted.surface,
        wanted.pronunciation,
        accent=wanted.accent_type,
        priority=wanted.priority,
    )
    return json_answer(_id_of(dictionary.get(wanted.surface)))


@documented("Change a word", tag=TAG, query=WordQuery, responses={204: None})
async def _change(request: web.Request) -> web.Response:
    wanted = read_query(request, WordQuery)
    dictionary = request.app[TTS].dictionary
    entry = _entry(dictionary, request)
    changes = {
        "surface": wanted.surface,
        "reading": wanted.pronunciation,
        "accent": wanted.accent_type,
        "priority": wanted.priority,
    }
    await asyncio.to_thread(dictionary.update, entry.surface, changes)
    return nothing()


@documented("Remove a word", tag=TAG, responses={204: None})
async def _delete(request: web.Request) -> web.Response:
    dictionary = request.app[TTS].dictionary
    entry = _entry(dictionary, request)
    await asyncio.to_thread(dictionary.delete, entry.surface)
    return nothing()


@documented(
    "Import words",
    tag=TAG,
    query=ImportQuery,
    body="application/json",
    responses={204: None},
    description="An object with a word of `/user_dict` for each identifier.",
)
async def _import(request: web.Request) -> web.Response:
    override = read_query(request, ImportQuery).override
    content = await read_bytes(request)
    await asyncio.to_thread(_imported, request.app[TTS].dictionary, content, override=override)
    return nothing()


def _imported(dictionary: UserDictionary, content: bytes, *, override: bool) -> None:
    if not override:
        content = _without_known(content, {entry.surface for entry in dictionary.entries()})
    dictionary.import_words(content, "voicevox")


def _without_known(content: bytes, known: set[str]) -> bytes:
    """The same list without words that are there; anything else is left to whoever reads it."""
    try:
        words = json.loads(content)
    except (ValueError, RecursionError):
        return content
    if not isinstance(words, dict):
        return content
    return json.dumps(
        {key: word for key, word in words.items() if not _is_in(word, known)}
    ).encode()


def _is_in(word: object, known: set[str]) -> bool:
    surface = word.get("surface") if isinstance(word, dict) else None
    return isinstance(surface, str) and normal_surface(surface[:_MAX_CHARS]) in known


def _entry(dictionary: UserDictionary, request: web.Request) -> Entry:
    wanted = request.match_info["word_uuid"]
    for entry in dictionary.entries():
        if _id_of(entry) == wanted:
            return entry
    raise NotFound(f"there is no word {wanted!r:.60}; /user_dict lists them")


def _id_of(entry: Entry) -> str:
    """Made of the surface, so it is known wherever the word comes from."""
    return str(uuid.uuid5(_NAMESPACE, "\0".join(entry.key)))


def _word(entry: Entry) -> UserDictWord:
    return UserDictWord(
        surface=entry.surface,
        priority=entry.priority,
        yomi=entry.reading,
        pronunciation=entry.reading,
        accent_type=entry.spoken_accent,
        mora_count=len(entry.moras),
    )
