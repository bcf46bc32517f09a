"""What the engine says of itself."""

from __future__ import annotations

import base64
from typing import Final

from aiohttp import web
from pydantic import BaseModel

from wyoming_hayakoe import __version__
from wyoming_hayakoe.http.documented import documented
from wyoming_hayakoe.http.keys import SPEECH
from wyoming_hayakoe.http.voicevox.answers import TAG, StyleQuery, json_answer, nothing, read_query
from wyoming_hayakoe.http.voicevox.pictures import picture_of
from wyoming_hayakoe.http.voicevox.styles import find_style

__all__ = ["routes"]

_NAME: Final = "HayaKoe"
_UUID: Final = "5b1b2d6e-9d0c-5b7e-8a54-3a6d5c0e3f11"
_TERMS: Final = "利用規約は声ごとに異なります。`/speaker_info` の `policy` をご覧ください。"


class Devices(BaseModel):
    """What voices can run on."""

    cpu: bool = True
    cuda: bool = False
    dml: bool = False


class Features(BaseModel):
    """What can be changed in a query."""

    adjust_mora_pitch: bool = True
    adjust_phoneme_length: bool = True
    adjust_speed_scale: bool = True
    adjust_pitch_scale: bool = True
    adjust_intonation_scale: bool = True
    adjust_volume_scale: bool = True
    adjust_pause_length: bool = True
    interrogative_upspeak: bool = True
    synthesis_morphing: bool = False
    sing: bool = False
    manage_library: bool = False
    return_resource_url: bool = True
    apply_katakana_english: bool = True


class Manifest(BaseModel):
    """The engine."""

    manifest_version: str = "0.13.1"
    name: str = _NAME
    brand_name: str = _NAME
    uuid: str = _UUID
    version: str = __version__
    url: str = ""
    icon: str
    default_sampling_rate: int
    frame_rate: float = 100.0
    terms_of_service: str = _TERMS
    update_infos: tuple[()] = ()
    dependency_licenses: tuple[()] = ()
    supported_vvlib_manifest_version: str | None = None
    supported_features: Features = Features()


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return [
        web.get("/version", _version),
        web.get("/core_versions", _core_versions),
        web.get("/supported_devices", _devices),
        web.get("/engine_manifest", _manifest),
        web.post("/initialize_speaker", _initialise),
        web.get("/is_initialized_speaker", _is_initialised),
    ]


@documented("Say the version", tag=TAG, responses={200: "application/json"})
async def _version(request: web.Request) -> web.Response:  # noqa: ARG001 - as handlers are
    return json_answer(__version__)


@documented("Say the version in a list", tag=TAG, responses={200: "application/json"})
async def _core_versions(request: web.Request) -> web.Response:  # noqa: ARG001 - as handlers are
    return json_answer([__version__])


@documented("Say what voices run on", tag=TAG, responses={200: Devices})
async def _devices(request: web.Request) -> web.Response:  # noqa: ARG001 - as handlers are
    return json_answer(Devices())


@documented("Describe the engine", tag=TAG, responses={200: Manifest})
async def _manifest(request: web.Request) -> web.Response:
    rate_hz = request.app[SPEECH].voices.default.speaker.info.sample_rate_hz
    icon = base64.b64encode(picture_of(_NAME)).decode()
    return json_answer(Manifest(icon=icon, default_sampling_rate=rate_hz))


@documented("Do nothing: voices are ready", tag=TAG, query=StyleQuery, responses={204: None})
async def _initialise(request: web.Request) -> web.Response:
    find_style(request.app[SPEECH].voices, read_query(request, StyleQuery).speaker)
    return nothing()


@documented(
    "Say whether a voice is ready",
    tag=TAG,
    query=StyleQuery,
    responses={200: "application/json"},
)
async def _is_initialised(request: web.Request) -> web.Response:
    choice = find_style(request.app[SPEECH].voices, read_query(request, StyleQuery).speaker)
    return json_answer(choice.is_ready)
