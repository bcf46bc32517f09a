"""Presets: styles with their manners, kept in a file beside the user dictionary."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import threading
from typing import TYPE_CHECKING, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hayakoe_engine.disk import locked, write_whole
from hayakoe_engine.text.dictionary.errors import DictionaryUnavailable
from wyoming_hayakoe.http.documented import documented
from wyoming_hayakoe.http.errors import Conflict, NotFound
from wyoming_hayakoe.http.keys import SPEECH, TTS
from wyoming_hayakoe.http.voicevox.answers import TAG, json_answer, nothing, read_json, read_query
from wyoming_hayakoe.http.voicevox.models import Preset
from wyoming_hayakoe.http.voicevox.styles import find_style

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Presets"]

_LOG = logging.getLogger(__name__)

FILE_NAME: Final = "voicevox_presets.json"
MAX_PRESETS: Final = 1000
MAX_FILE_BYTES: Final = 1 << 20


class PresetId(BaseModel):
    """Which preset; what is not listed is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    id: int = Field(ge=-(2**31), lt=2**31)
    """Its number."""


class Presets:
    """The handlers, and the presets.

    A change is written before anybody sees it. Without a user dictionary in a file they are kept
    in memory only.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[int, Preset] = {}

    def routes(self) -> list[web.RouteDef]:
        """The routes of this part."""
        return [
            web.get("/presets", self._list),
            web.post("/add_preset", self._add),
            web.post("/update_preset", self._update),
            web.post("/delete_preset", self._delete),
        ]

    async def get(self, request: web.Request, number: int) -> Preset:
        """One preset.

        Raises:
            NotFound: There is none of this number.
        """
        presets = await asyncio.to_thread(self._load, _file(request))
        return _found(presets, number)

    @documented("List the presets", tag=TAG, responses={200: Preset}, is_list=True)
    async def _list(self, request: web.Request) -> web.Response:
        presets = await asyncio.to_thread(self._load, _file(request))
        return json_answer(list(presets.values()))

    @documented("Add a preset", tag=TAG, body=Preset, responses={200: "application/json"})
    async def _add(self, request: web.Request) -> web.Response:
        preset = await read_json(request, Preset)
        find_style(request.app[SPEECH].voices, preset.style_id)

        def add(presets: dict[int, Preset]) -> int:
            if len(presets) >= MAX_PRESETS:
                raise Conflict(f"there are {MAX_PRESETS} presets already")
            number = preset.id
            if number < 0 or number in presets:
                number = next(free for free in itertools.count() if free not in presets)
            presets[number] = preset.model_copy(update={"id": number})
            return number

        return json_answer(await self._change(request, add))

    @documented("Change a preset", tag=TAG, body=Preset, responses={200: "application/json"})
    async def _update(self, request: web.Request) -> web.Response:
        preset = await read_json(request, Preset)
        find_style(request.app[SPEECH].voices, preset.style_id)

        def update(presets: dict[int, Preset]) -> int:
            _found(presets, preset.id)
            presets[preset.id] = preset
            return preset.id

        return json_answer(await self._change(request, update))

    @documented("Remove a preset", tag=TAG, query=PresetId, responses={204: None})
    async def _delete(self, request: web.Request) -> web.Response:
        number = read_query(request, PresetId).id

        def delete(presets: dict[int, Preset]) -> int:
            _found(presets, number)
            return presets.pop(number).id

        await self._change(request, delete)
        return nothing()

    async def _change(self, request: web.Request, edit: Callable[[dict[int, Preset]], int]) -> int:
        return await asyncio.to_thread(self._changed, _file(request), edit)

    def _changed(self, file: Path | None, edit: Callable[[dict[int, Preset]], int]) -> int:
        with self._lock:
            if file is None:
                presets = dict(self._kept)
                result = edit(presets)
                self._kept = presets
                return result
            try:
                with locked(file.with_name(f".{file.name}.lock")):
                    presets = _read(file)
                    result = edit(presets)
                    content = _written(presets)
                    if len(content) > MAX_FILE_BYTES:  # it could not be read again
                        raise Conflict(f"the presets would be larger than {MAX_FILE_BYTES} bytes")
                    write_whole(file, content)
            except OSError as error:
                raise DictionaryUnavailable(f"the presets cannot be saved: {error}") from error
            return result

    def _load(self, file: Path | None) -> dict[int, Preset]:
        return self._kept if file is None else _read(file)


def _file(request: web.Request) -> Path | None:
    dictionary = request.app[TTS].dictionary.path
    return None if dictionary is None else dictionary.with_name(FILE_NAME)


def _found(presets: dict[int, Preset], number: int) -> Preset:
    try:
        return presets[number]
    except KeyError:
        raise NotFound(f"there is no preset {number}") from None


def _read(file: Path) -> dict[int, Preset]:
    """What the file holds.

    Raises:
        DictionaryUnavailable: It is damaged; it stays as it is for whoever may mend it.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
        presets = [Preset.model_validate(item) for item in json.loads(content)]
        return {preset.id: preset for preset in presets[:MAX_PRESETS]}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, RecursionError, ValidationError) as error:
        _LOG.warning("the presets in %s cannot be used: %.200s", file, error)
        raise DictionaryUnavailable(
            f"the presets cannot be read; see the log ({file.name})"
        ) from None


def _written(presets: dict[int, Preset]) -> bytes:
    items = [preset.model_dump(by_alias=True) for preset in presets.values()]
    return json.dumps(items, ensure_ascii=False, indent=1).encode()
