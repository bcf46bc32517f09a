"""What every request passes before it is answered, and what every answer carries."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Final

from aiohttp import web

from wyoming_hayakoe.http.access import (
    KEYS,
    VISITOR,
    allowed_origin,
    check_key,
    check_name,
    is_open,
    key_of,
    visitor_of,
)
from wyoming_hayakoe.http.connections import CONNECTIONS
from wyoming_hayakoe.http.rate import RateLimit
from wyoming_hayakoe.places import household

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

RATE: Final = web.AppKey("rate", RateLimit)
REQUEST_ID: Final = web.RequestKey("request_id", str)
ORIGIN: Final = web.RequestKey("origin", str)

ALIVE: Final = ("/livez", "/readyz")
"""Whoever watches over the server may ask as often as they like."""

_IDENTIFICATION: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECURITY: Final = {
    "Content-Security-Policy": "default-src 'self'; media-src 'self' blob:; "
    "worker-src 'self' blob:; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_EXPOSED: Final = (
    "Content-Disposition, Retry-After, Server-Timing, X-Audio-Seconds, X-Request-Id, X-Sample-Rate"
)


@web.middleware
async def protect(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in who may."""
    with request.app[CONNECTIONS].serving(request):
        request[VISITOR] = visitor_of(request)
        check_name(request)
        origin = allowed_origin(request)
        if origin is not None:
            request[ORIGIN] = origin
            if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
                return _preflight(request)
        if request.path not in ALIVE:
            request.app[RATE].count(client_of(request))
        if not is_open(request.match_info.handler):
            check_key(request)
        return await handler(request)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add to an answer, also of an error, what all of them have."""
    for name, value in _SECURITY.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "wyoming-hayakoe"
    response.headers["X-Request-Id"] = request_id(request)
    if (origin := request.get(ORIGIN)) is not None:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        response.headers.add("Vary", "Origin")


def _preflight(request: web.Request) -> web.Response:
    headers = {
        "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
        "Access-Control-Allow-Headers": "Authorization, Content-Type, X-API-Key, X-Request-Id",
        "Access-Control-Max-Age": "600",
    }
    if request.headers.get("Access-Control-Request-Private-Network") == "true":
        headers["Access-Control-Allow-Private-Network"] = "true"
    return web.Response(status=204, headers=headers)


def client_of(request: web.Request) -> str:
    """Whose requests are counted together; never to be logged, for it may be a key."""
    key = key_of(request)
    if key is not None and request.app[KEYS].accept(key):
        return f"key {key}"
    address = request[VISITOR].address
    return household(address) or address


def request_id(request: web.Request) -> str:
    """What a request is called in the log and in the header of its answer."""
    known: str | None = request.get(REQUEST_ID)
    if known is not None:
        return known
    wanted = request.headers.get("X-Request-Id", "")
    request[REQUEST_ID] = wanted if _IDENTIFICATION.fullmatch(wanted) else uuid.uuid4().hex
    return request[REQUEST_ID]
