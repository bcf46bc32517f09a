"""The page to listen and fix."""

from __future__ import annotations

from aiohttp import web


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return []
