"""Sentences made ahead, to start at once when they are to be spoken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

from aiohttp import web
from pydantic import Field

from hayakoe_engine.errors import BusyError, HayakoeError
from wyoming_hayakoe.http.audio_response import send_all
from wyoming_hayakoe.http.body import read_body
from wyoming_hayakoe.http.documented import documented
from wyoming_hayakoe.http.errors import Conflict, problem_of
from wyoming_hayakoe.http.keys import SPEECH
from wyoming_hayakoe.http.rest_batch import check_texts
from wyoming_hayakoe.http.rest_speech import TAG, Expression

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from wyoming_hayakoe.voices import Choice


class Ahead(Expression):
    """Texts that will be spoken one day."""

    texts: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    """What will be said."""


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return [web.post("/prerender", prerender)]


@documented(
    "Make sentences ahead",
    tag=TAG,
    description="So that they start at once when they are spoken with the same voice and options. "
    "Everybody else goes first. A line of JSON comes for each text when it is there, with the "
    "seconds of its sound and where it is kept: `disk`, `memory` or `nowhere`.",
    body=Ahead,
    responses={200: "application/x-ndjson"},
)
async def prerender(request: web.Request) -> web.StreamResponse:
    """Answer with a line for each text."""
    ahead = await read_body(request, Ahead)
    check_texts(request, ahead.texts)
    choice = request.app[SPEECH].find(ahead.voice, ahead.style)
    if not choice.is_ready:
        raise BusyError(f"voice {choice.name} is being made ready", hint="try again in a minute")
    if "remember" in choice.speaker.info.ignored_options:
        raise Conflict(f"voice {choice.name} keeps nothing: it is as fast the first time")
    response = web.StreamResponse(headers={"Cache-Control": "no-store"})
    response.content_type = "application/x-ndjson"
    return await send_all(request, response, _lines(choice, ahead))


async def _lines(choice: Choice, ahead: Ahead) -> AsyncGenerator[bytes, None]:
    options = choice.options.changed(**ahead.chosen)
    for index, text in enumerate(ahead.texts):
        line: dict[str, object] = {"index": index, "text": text}
        try:
            made = await choice.speaker.aprerender(text, options, markup=ahead.markup)
            line |= {"seconds": round(made.audio_s, 3), "kept": made.kept}
        except HayakoeError as error:
            problem = problem_of(error)
            line["error"] = {"code": problem.code, "message": problem.message}
        yield json.dumps(line, ensure_ascii=False).encode() + b"\n"
