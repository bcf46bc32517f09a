"""Text in and audio out over one WebSocket: who may connect."""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress
from dataclasses import replace
from typing import Final

from aiohttp import WSCloseCode, web

from wyoming_hayakoe.http.access import KEYS, may_enter, open_to_all
from wyoming_hayakoe.http.audio_response import abort
from wyoming_hayakoe.http.errors import Unauthorized
from wyoming_hayakoe.http.keys import SETTINGS, SPEECH, STOPPING
from wyoming_hayakoe.http.protection import client_of
from wyoming_hayakoe.http.websocket_limits import WebSocketLimits
from wyoming_hayakoe.http.websocket_session import Session

LIMITS: Final = WebSocketLimits()
"""Those that no setting changes."""

PROTOCOL: Final = "hayakoe"
"""Subprotocol of clients that name one, as those do that have their key in another."""
KEY_PROTOCOL: Final = "hayakoe.key."
"""Before a key in URL-safe base64, without padding. Pages cannot send headers, but subprotocols."""

_FAREWELL_S: Final = 2.0


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return [web.get("/ws/synthesize", synthesize, allow_head=False)]


@open_to_all
async def synthesize(request: web.Request) -> web.StreamResponse:
    """Speak what the client sends, while it sends it."""
    is_known = _is_known(request)
    settings = request.app[SETTINGS]
    limits = replace(
        LIMITS,
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
        socket,
        request.app[SPEECH],
        limits,
        client=client_of(request),
        is_right_key=None if is_known else request.app[KEYS].accept,
        abort=lambda: abort(request),
        stopping=request.app[STOPPING],
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


def _is_known(request: web.Request) -> bool:
    """Whether the request itself shows that it may; else its first message must.

    Raises:
        Unauthorized: It has a key that is not right.
    """
    if may_enter(request):
        return True
    offered = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
    for protocol in map(str.strip, offered):
        if protocol.startswith(KEY_PROTOCOL):
            encoded = protocol.removeprefix(KEY_PROTOCOL)
            with suppress(binascii.Error, ValueError):
                key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True)
                if request.app[KEYS].accept(key.decode()):
                    return True
            raise Unauthorized("this key is not known")
    if "Authorization" in request.headers or "X-API-Key" in request.headers:
        raise Unauthorized("this key is not known")
    return False
