"""Text in and audio out over one WebSocket: who may connect."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, web

from wyoming_hayakoe.http.audio_response import abort
from wyoming_hayakoe.http.errors import Forbidden
from wyoming_hayakoe.http.keys import SETTINGS, SPEECH
from wyoming_hayakoe.http.websocket_session import Session, WebSocketLimits

LIMITS: Final = web.AppKey("websocket_limits", WebSocketLimits)
"""Absent for the usual ones."""

PROTOCOL: Final = "hayakoe"
"""Subprotocol of clients that name one, as those do that send their key in another."""

_FAREWELL_S: Final = 2.0


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return [web.get("/ws/synthesize", synthesize, allow_head=False)]


async def synthesize(request: web.Request) -> web.StreamResponse:
    """Speak what the client sends, while it sends it."""
    _check_origin(request)
    settings = request.app[SETTINGS]
    limits = replace(
        request.app.get(LIMITS, WebSocketLimits()),
        write_stall_s=settings.write_stall_s,
        idle_close_s=settings.idle_close_s,
    )
    socket = web.WebSocketResponse(
        timeout=_FAREWELL_S,
        heartbeat=limits.heartbeat_s,
        max_msg_size=limits.max_message_bytes,
        protocols=[PROTOCOL],
        compress=False,
    )
    await socket.prepare(request)
    session = Session(
        socket, request.app[SPEECH], limits, is_right_key=None, abort=lambda: abort(request)
    )
    try:
        await session.run()
    finally:
        with suppress(ConnectionError):
            await socket.close(code=WSCloseCode.GOING_AWAY)
        transport = request.transport
        if transport is not None and transport.get_write_buffer_size():
            abort(request)  # else it would wait for a client that takes nothing
    return socket


def _check_origin(request: web.Request) -> None:
    """Refuse pages of other sites: browsers let them open WebSockets anywhere.

    Raises:
        Forbidden: It is none that may.
    """
    origin = request.headers.get("Origin")
    if origin is None or origin in request.app[SETTINGS].cors_origins:
        return
    if urlsplit(origin).netloc != request.host:
        raise Forbidden(
            f"pages of {origin!r:.300} may not connect",
            hint="http.cors_origins names pages elsewhere that may",
        )
