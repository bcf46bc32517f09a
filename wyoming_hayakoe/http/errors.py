"""What went wrong, as an answer: one table of statuses and one middleware."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from aiohttp import web

from hayakoe_engine.errors import HayakoeError, RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler

_LOG = logging.getLogger(__name__)

STATUSES: Final[Mapping[str, int]] = {
    "bad-request": 400,
    "unauthorized": 401,
    "source-unauthorized": 403,
    "forbidden": 403,
    "not-found": 404,
    "voice-not-found": 404,
    "word-not-found": 404,
    "source-not-found": 404,
    "method-not-allowed": 405,
    "read-timeout": 408,
    "conflict": 409,
    "source-offline": 409,
    "text-too-long": 413,
    "too-large": 413,
    "unsupported-media-type": 415,
    "invalid": 422,
    "empty-text": 422,
    "bad-option": 422,
    "bad-markup": 422,
    "style-not-found": 422,
    "bad-dictionary-entry": 422,
    "bad-dictionary-file": 422,
    "bad-voice-files": 422,
    "too-many-requests": 429,
    "source-failed": 502,
    "source-unreachable": 502,
    "source-checksum-mismatch": 502,
    "busy": 503,
    "shutting-down": 503,
    "dictionary-unavailable": 503,
    "answer-timeout": 504,
}
"""The status of each code; every other code is 500."""

_CODES: Final = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
}
_PHRASES: Final = {
    404: ("there is nothing at this address", "/openapi.json says what there is"),
    405: ("this address is there for other methods; the header Allow names them", None),
}
_BUSY_RETRY_S: Final = 2
_CLIENT_GONE: Final = 499
"""Nobody gets it."""


class Unauthorized(RequestError):
    """A key is needed, and the request has none that is right."""

    code = "unauthorized"


class Forbidden(RequestError):
    """Whoever asks may not."""

    code = "forbidden"


class NotFound(RequestError):
    """There is nothing of this name."""

    code = "not-found"


class Conflict(RequestError):
    """It cannot be done in the state that things are in."""

    code = "conflict"


class TooLarge(RequestError):
    """The request sends too much."""

    code = "too-large"


class UnsupportedMediaType(RequestError):
    """What the request sends is of another type than is asked for."""

    code = "unsupported-media-type"


class ReadTimeout(RequestError):
    """The client took too long to send its request."""

    code = "read-timeout"


class AnswerTimeout(HayakoeError):
    """The answer took too long."""

    code = "answer-timeout"


class TooManyRequests(RequestError):
    """One client asks too often.

    Attributes:
        retry_after_s: When it may ask again.
    """

    code = "too-many-requests"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Invalid(RequestError):
    """A field of the request is wrong.

    Attributes:
        param: The field, with dots; None where it is not one only.
    """

    code = "invalid"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True, slots=True)
class Problem:
    """A failure on its way to a client.

    Attributes:
        status: Of the answer.
        code: Stable name of the kind.
        message: For people.
        hint: What to do about it.
        param: The field of the request that is wrong, if it is one.
        headers: More of the answer.
    """

    status: int
    code: str
    message: str
    hint: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Shape: TypeAlias = Callable[[Problem], object]
"""Makes the JSON body of a problem."""


def plain_shape(problem: Problem) -> object:
    """``{"error": {"code", "message", "hint"}}``."""
    return {
        "error": {"code": problem.code, "message": problem.message, "hint": problem.hint},
    }


class Shapes:
    """Which shape the errors of a path have.

    Args:
        by_path: Of paths as they are registered; all others have the plain one.
    """

    KEY: ClassVar[web.AppKey[Shapes]]

    def __init__(self, by_path: Mapping[str, Shape]) -> None:
        self._by_path = by_path

    def of(self, request: web.Request) -> Shape:
        """The shape for this request."""
        resource = request.match_info.route.resource
        path = request.path if resource is None else resource.canonical
        return self._by_path.get(path, plain_shape)


Shapes.KEY = web.AppKey("error_shapes", Shapes)


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into an answer."""
    try:
        return await handler(request)
    except (web.HTTPSuccessful, web.HTTPRedirection):
        raise
    except ConnectionError as error:
        _LOG.debug("client gone: %s", error)
        return web.Response(status=_CLIENT_GONE)
    except Exception as error:  # noqa: BLE001 - that is what it is for
        problem = problem_of(error)
        if problem.status == 500:
            _LOG.error("%s failed", request.path, exc_info=error)
    body = request.app[Shapes.KEY].of(request)(problem)
    return web.json_response(body, status=problem.status, headers=problem.headers)


def problem_of(error: Exception) -> Problem:
    """What to say of an error."""
    if isinstance(error, HayakoeError):
        headers = {}
        status = STATUSES.get(error.code, 500)
        if isinstance(error, TooManyRequests):
            headers["Retry-After"] = str(error.retry_after_s)
        elif isinstance(error, Unauthorized):
            headers["WWW-Authenticate"] = "Bearer"
        elif status == 503:
            headers["Retry-After"] = str(_BUSY_RETRY_S)
        param = error.param if isinstance(error, Invalid) else None
        return Problem(status, error.code, str(error), error.hint, param, headers)
    if isinstance(error, web.HTTPException):
        code = _CODES.get(error.status, "bad-request" if error.status < 500 else "error")
        message, hint = _PHRASES.get(error.status, (error.reason, None))
        allow = error.headers.get("Allow")
        return Problem(error.status, code, message, hint, headers={"Allow": allow} if allow else {})
    # What it is stays in the log: it may tell of files and addresses.
    return Problem(500, "error", "something went wrong in the server; its log says what")
