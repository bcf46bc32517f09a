"""For whoever keeps the server running: is it there, is it well, what has it done."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from aiohttp import web

from hayakoe_engine.scheduler import MAX_STREAMS
from wyoming_hayakoe import __version__
from wyoming_hayakoe.http.body import ApiModel
from wyoming_hayakoe.http.documented import documented
from wyoming_hayakoe.http.errors import NotFound
from wyoming_hayakoe.http.keys import METRICS, SPEECH, STOPPING, TTS
from wyoming_hayakoe.http.rest_voices import NeuralStatus, answer, status_model, statuses_of
from wyoming_hayakoe.metrics import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

TAG: Final = "Operation"
"""Of what whoever operates the server asks for."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What does not change while the server runs.

    Attributes:
        device: What neural voices run on.
        max_utterances: Utterances in progress at once.
        started: By the monotonic clock.
    """

    device: str = "cpu"
    max_utterances: int = MAX_STREAMS
    started: float = field(default_factory=time.monotonic)


FACTS: Final = web.AppKey("facts", ServerFacts)


class Alive(ApiModel):
    """That the server answers."""

    status: Literal["alive"] = "alive"


class Readiness(ApiModel):
    """Whether the server would speak now."""

    is_ready: bool
    reasons: list[str]
    """Why not."""


class Health(ApiModel):
    """How the server is."""

    status: Literal["ok", "degraded", "unready"]
    """`degraded` if a voice is not there, `unready` if it would not speak now."""
    reasons: list[str]
    version: str
    device: str
    """What neural voices run on."""
    uptime_s: float
    default_voice: str
    voices_loaded: list[str]
    """Voices that can speak."""
    neural_voices: list[NeuralStatus]
    queue: int
    """Utterances in progress."""
    queue_limit: int


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return [
        web.get("/livez", livez),
        web.get("/readyz", readyz),
        web.get("/health", health),
        web.get("/metrics", metrics),
    ]


@documented("Does the server answer?", tag=TAG, responses={200: Alive}, is_open=True)
async def livez(_: web.Request) -> web.Response:
    """Answer."""
    return answer(Alive())


@documented(
    "Would the server speak now?",
    tag=TAG,
    description="Not while the default voice is being made ready, nor while there is too much to "
    "do, nor while it is stopping.",
    responses={200: Readiness, 503: Readiness},
    is_open=True,
)
async def readyz(request: web.Request) -> web.Response:
    """Say whether it is ready."""
    reasons = list(_obstacles(request))
    return answer(Readiness(is_ready=not reasons, reasons=reasons), status=503 if reasons else 200)


@documented("How is the server?", tag=TAG, responses={200: Health})
async def health(request: web.Request) -> web.Response:
    """Tell what is going on."""
    speech, facts = request.app[SPEECH], request.app[FACTS]
    statuses = statuses_of(request)
    obstacles = list(_obstacles(request))
    failures = [f"voice {status.name}: {status.failure}" for status in statuses if status.failure]
    return answer(
        Health(
            status="unready" if obstacles else "degraded" if failures else "ok",
            reasons=obstacles + failures,
            version=__version__,
            device=facts.device,
            uptime_s=round(time.monotonic() - facts.started, 1),
            default_voice=speech.voices.default.name,
            voices_loaded=sorted(request.app[TTS].speakers),
            neural_voices=[status_model(status) for status in statuses],
            queue=speech.active,
            queue_limit=facts.max_utterances,
        )
    )


@documented("Figures for Prometheus", tag=TAG, responses={200: "text/plain"})
async def metrics(request: web.Request) -> web.Response:
    """Give all figures."""
    measured = request.app.get(METRICS)
    if measured is None:
        raise NotFound("nothing is measured here")
    return web.Response(
        body=measured.exposition(),
        headers={"Content-Type": CONTENT_TYPE},
    )


def _obstacles(request: web.Request) -> Iterator[str]:
    speech = request.app[SPEECH]
    if request.app[STOPPING].is_set():
        yield "the server is stopping"
    default = speech.voices.default
    if not default.is_ready:
        yield f"the default voice {default.name} is being made ready"
    if speech.active >= request.app[FACTS].max_utterances:
        yield f"{speech.active} utterances are in progress"
