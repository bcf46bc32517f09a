"""The page to listen and fix: files that are the same for everybody."""

from __future__ import annotations

import hashlib
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from aiohttp import web

from wyoming_hayakoe.http.access import open_to_all

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from aiohttp.typedefs import Handler

_START: Final = "index.html"
_TYPES: Final = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}


def routes() -> list[web.RouteDef]:
    """The routes of this part: the page, and what it is made of."""
    return [
        web.get("/" if file.name == _START else f"/static/{file.name}", _sender(file))
        for file in sorted(files(__package__).joinpath("static").iterdir(), key=lambda f: f.name)
        if _ending(file.name) in _TYPES
    ]


def _sender(file: Traversable) -> Handler:
    """What sends one file, which is read once; the name of a file never comes from a client."""
    content = file.read_bytes()
    etag = hashlib.sha256(content).hexdigest()[:32]
    return open_to_all(partial(_send, content, _TYPES[_ending(file.name)], etag))


async def _send(
    content: bytes, content_type: str, etag: str, request: web.Request
) -> web.StreamResponse:
    # It is asked each time whether there is a newer one, so that an update is seen at once.
    headers = {"Cache-Control": "no-cache"}
    known = request.if_none_match or ()
    if any(tag.value in (etag, "*") for tag in known):
        response = web.Response(status=304, headers=headers)
    else:
        response = web.Response(
            body=content, content_type=content_type, charset="utf-8", headers=headers
        )
        response.enable_compression()
    response.etag = etag
    return response


def _ending(name: str) -> str:
    return name.rpartition(".")[2]
