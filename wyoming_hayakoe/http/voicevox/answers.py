"""Requests and answers in the shapes that clients of VOICEVOX know."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wyoming_hayakoe.http import body
from wyoming_hayakoe.http.errors import Invalid

if TYPE_CHECKING:
    from wyoming_hayakoe.http.errors import Problem

__all__ = [
    "TAG",
    "StyleQuery",
    "error_shape",
    "json_answer",
    "nothing",
    "read_json",
    "read_query",
]

TAG: Final = "VOICEVOX"

_M = TypeVar("_M", bound=BaseModel)

_JSON: Final = "application/json"
_NO_CONTENT: Final = 204


class StyleQuery(BaseModel):
    """Which style; what is not listed is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    speaker: int = Field(ge=0, lt=2**31)
    """Number of the style, from `/speakers`."""


def error_shape(problem: Problem) -> object:
    """``{"detail": …}``, with a list of what is wrong where a field is."""
    message = problem.message + (f" ({problem.hint})" if problem.hint else "")
    if problem.code != Invalid.code:
        return {"detail": message}
    place = [int(part) if part.isdecimal() else part for part in (problem.param or "").split(".")]
    return {"detail": [{"type": "value_error", "loc": place, "msg": message}]}


def json_answer(content: object, *, status: int = 200) -> web.Response:
    """Answer with JSON. There are clients that know its type without a charset only."""
    return web.Response(
        body=json.dumps(_plain(content), ensure_ascii=False).encode(),
        content_type=_JSON,
        status=status,
    )


def nothing() -> web.Response:
    """Answer that it is done."""
    return web.Response(status=_NO_CONTENT)


def read_query(request: web.Request, model: type[_M]) -> _M:
    """What stands after the question mark.

    Raises:
        Invalid: It is not what the model says.
    """
    try:
        return body.read_query(request, model)
    except Invalid as error:
        raise Invalid(str(error), param=f"query.{error.param or ''}".rstrip(".")) from None


async def read_json(request: web.Request, model: type[_M]) -> _M:
    """The request's JSON body.

    Many clients do not say that it is JSON.

    Raises:
        Invalid: It is not what the model says.
        RequestError: It is no JSON, or too long.
    """
    try:
        if "Content-Type" in request.headers:
            return await body.read_body(request, model)
        return model.model_validate_json(await body.read_bytes(request) or b"{}")
    except Invalid as error:
        raise Invalid(str(error), param=f"body.{error.param or ''}".rstrip(".")) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, ("body", *first["loc"])))
        raise Invalid(f"{place}: {first['msg']}"[:500], param=place[:200]) from None


def _plain(content: object) -> object:
    if isinstance(content, BaseModel):
        return content.model_dump(by_alias=True)
    if isinstance(content, list | tuple):
        return [_plain(item) for item in content]
    return content
