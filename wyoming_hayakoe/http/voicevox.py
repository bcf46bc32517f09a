"""What clients of VOICEVOX ask for."""

from __future__ import annotations

from aiohttp import web


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return []
