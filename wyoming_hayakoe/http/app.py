"""Puts the parts of the HTTP side together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web

from wyoming_hayakoe.http import (
    docs_page,
    openai,
    openapi,
    operation,
    page,
    rest_batch,
    rest_dictionary,
    rest_prerender,
    rest_reading,
    rest_speech,
    rest_voices,
    voicevox,
    websocket,
)
from wyoming_hayakoe.http.access import INGRESS, KEYS, Ingress, Keys
from wyoming_hayakoe.http.connections import CONNECTIONS, Connections
from wyoming_hayakoe.http.errors import Shape, Shapes, answer_errors
from wyoming_hayakoe.http.keys import LIBRARY, METRICS, SETTINGS, SPEECH, STOPPING, TTS
from wyoming_hayakoe.http.operation import FACTS, ServerFacts
from wyoming_hayakoe.http.protection import RATE, add_headers, protect
from wyoming_hayakoe.http.rate import RateLimit

if TYPE_CHECKING:
    from types import ModuleType

    from hayakoe_engine import tts
    from wyoming_hayakoe.http_settings import HttpSettings
    from wyoming_hayakoe.metrics import Metrics
    from wyoming_hayakoe.speech import Speech
    from wyoming_hayakoe.voice_library import VoiceLibrary

_PARTS: Final[tuple[ModuleType, ...]] = (
    rest_speech,
    rest_batch,
    rest_prerender,
    rest_voices,
    rest_reading,
    rest_dictionary,
    operation,
    openai,
    voicevox,
    websocket,
    page,
    openapi,
    docs_page,
)
"""Each has ``routes()``, and ``error_shape`` if its errors look otherwise than ours."""


def build_app(
    speech: Speech,
    engine: tts.TTS,
    settings: HttpSettings,
    *,
    library: VoiceLibrary | None = None,
    metrics: Metrics | None = None,
    facts: ServerFacts | None = None,
) -> web.Application:
    """The application; nothing listens yet.

    Args:
        speech: Who speaks.
        engine: For readings and the dictionary.
        settings: Limits and who may ask.
        library: Voices that come and go, if they do.
        metrics: What is measured, if anything is.
        facts: What `/health` tells.

    Raises:
        ConfigError: A setting does not fit the machine.
    """
    app = web.Application(
        middlewares=[answer_errors, protect], client_max_size=settings.max_body_bytes
    )
    app[SPEECH] = speech
    app[TTS] = engine
    app[SETTINGS] = settings
    if library is not None:
        app[LIBRARY] = library
    if metrics is not None:
        app[METRICS] = metrics
    app[FACTS] = facts or ServerFacts()
    app[KEYS] = Keys.of(settings)
    app[INGRESS] = Ingress()
    app[STOPPING] = asyncio.Event()
    app[CONNECTIONS] = Connections(
        settings.max_connections, settings.read_timeout_s, settings.write_stall_s
    )
    app[RATE] = RateLimit(settings.requests_per_minute)
    app.on_response_prepare.append(add_headers)
    shapes: dict[str, Shape] = {}
    for part in _PARTS:
        routes: list[web.RouteDef] = part.routes()
        app.add_routes(routes)
        shape = getattr(part, "error_shape", None)
        if shape is not None:
            shapes.update((route.path, shape) for route in routes)
    app[Shapes.KEY] = Shapes(shapes)
    app[openapi.DOCUMENT] = openapi.ApiDocument(app)
    return app
