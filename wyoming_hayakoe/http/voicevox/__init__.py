"""What clients of VOICEVOX ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wyoming_hayakoe.http.voicevox import dictionary, engine
from wyoming_hayakoe.http.voicevox import waves as joining
from wyoming_hayakoe.http.voicevox.answers import error_shape
from wyoming_hayakoe.http.voicevox.presets import Presets
from wyoming_hayakoe.http.voicevox.queries import Queries
from wyoming_hayakoe.http.voicevox.sentences import RecentReadings
from wyoming_hayakoe.http.voicevox.speakers import Speakers
from wyoming_hayakoe.http.voicevox.synthesis import Synthesis

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["error_shape", "routes"]


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    recent, presets = RecentReadings(), Presets()
    return [
        *engine.routes(),
        *Speakers().routes(),
        *Queries(recent, presets).routes(),
        *Synthesis(recent).routes(),
        *joining.routes(),
        *presets.routes(),
        *dictionary.routes(),
    ]
