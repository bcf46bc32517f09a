"""What a request sends, checked by a model."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from hayakoe_engine.errors import RequestError
from wyoming_hayakoe.http.errors import Invalid, ReadTimeout, TooLarge, UnsupportedMediaType
from wyoming_hayakoe.http.keys import SETTINGS

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

JSON: Final = "application/json"
_SHOWN: Final = 5

_M = TypeVar("_M", bound=BaseModel)


class ApiModel(BaseModel):
    """What a request sends or gets: strict, and what it does not know it refuses."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


async def read_body(request: web.Request, model: type[_M]) -> _M:
    """The request's JSON body.

    Raises:
        UnsupportedMediaType: It is said to be something else. Web pages elsewhere can send
            anything but JSON without being asked first whether they may.
        TooLarge: It is longer than the limit.
        ReadTimeout: It does not come.
        RequestError: It is no JSON.
        Invalid: It is not what the model says.
    """
    check_content_type(request, JSON)
    content = await read_bytes(request)
    try:
        return model.model_validate_json(content or b"{}")
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        if details[0]["type"] == "json_invalid":
            reason = details[0]["msg"].removeprefix("Invalid JSON: ")
            raise RequestError(f"the body is no JSON: {reason}") from None
        raise _invalid(details) from None


def read_query(request: web.Request, model: type[_M]) -> _M:
    """What stands after the question mark.

    Raises:
        Invalid: It is not what the model says.
    """
    query: dict[str, str] = {}
    for name, value in request.query.items():
        if name in query:
            raise Invalid(f"{name:.100}: is there twice", param=name)
        query[name] = value
    try:
        return model.model_validate_strings(query)
    except ValidationError as error:
        raise _invalid(error.errors(include_url=False, include_context=False)) from None


async def read_bytes(request: web.Request) -> bytes:
    """The request's body as it is.

    Raises:
        TooLarge: It is longer than the limit.
        ReadTimeout: It does not come.
    """
    settings = request.app[SETTINGS]
    try:
        async with asyncio.timeout(settings.read_timeout_s):
            return await request.read()
    except TimeoutError:
        raise ReadTimeout(f"the body did not come within {settings.read_timeout_s:g} s") from None
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge(f"the body is longer than {settings.max_body_bytes} bytes") from None
    except web.RequestPayloadError:
        raise RequestError("the body is not what its headers say") from None


def check_content_type(request: web.Request, *allowed: str) -> None:
    """Refuse other types of body.

    Raises:
        UnsupportedMediaType: It is none of them.
    """
    if request.content_type not in allowed:
        raise UnsupportedMediaType(
            f"the body is {request.content_type!r:.100}; it must be {' or '.join(allowed)}",
            hint=f"send the header Content-Type: {allowed[0]}",
        )


def _invalid(details: list[ErrorDetails]) -> Invalid:
    lines = [f"{_place(one) or 'the body'}: {_complaint(one)}" for one in details[:_SHOWN]]
    if len(details) > _SHOWN:
        lines.append("and so on")
    return Invalid("; ".join(lines), param=_place(details[0]) if len(details) == 1 else None)


def _place(detail: ErrorDetails) -> str:
    return ".".join(str(part) for part in detail["loc"])[:200]


def _complaint(detail: ErrorDetails) -> str:
    if detail["type"] == "extra_forbidden":
        return "there is no such field"
    if detail["type"] == "missing":
        return "is required"
    if detail["type"] == "value_error":
        return detail["msg"].removeprefix("Value error, ")
    return detail["msg"].removeprefix("Input ").replace("should", "must", 1)
