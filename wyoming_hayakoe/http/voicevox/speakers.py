"""Which voices there are."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from wyoming_hayakoe.http.documented import documented
from wyoming_hayakoe.http.errors import NotFound
from wyoming_hayakoe.http.keys import SPEECH
from wyoming_hayakoe.http.voicevox.answers import TAG, json_answer, read_query
from wyoming_hayakoe.http.voicevox.models import (
    SpeakerInfo,
    SpeakerInfoStyle,
    SpeakerOf,
    Style,
)
from wyoming_hayakoe.http.voicevox.pictures import picture_of
from wyoming_hayakoe.http.voicevox.styles import voice_styles

if TYPE_CHECKING:
    from hayakoe_engine.voices.voice import VoiceInfo

__all__ = ["routes"]

_NO_SINGERS: Final[tuple[()]] = ()


class SpeakerQuery(BaseModel):
    """Which voice; what is not listed is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    speaker_uuid: str = Field(max_length=100)
    """From `/speakers`."""


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return [
        web.get("/speakers", _speakers),
        web.get("/speaker_info", _speaker_info),
        web.get("/singers", _singers),
        web.get("/singer_info", _singer_info),
    ]


@documented("List the voices", tag=TAG, responses={200: SpeakerOf}, is_list=True)
async def _speakers(request: web.Request) -> web.Response:
    return json_answer(
        [
            SpeakerOf(
                name=voice.choice.title,
                speaker_uuid=voice.uuid,
                styles=tuple(Style(name=name, id=style.id) for name, style in voice.styles.items()),
                version=voice.choice.speaker.info.version,
            )
            for voice in voice_styles(request.app[SPEECH].voices)
        ]
    )


@documented(
    "Say who may use a voice for what",
    tag=TAG,
    query=SpeakerQuery,
    responses={200: SpeakerInfo},
    description="The pictures are patterns, and there are no samples.",
)
async def _speaker_info(request: web.Request) -> web.Response:
    wanted = read_query(request, SpeakerQuery).speaker_uuid
    for voice in voice_styles(request.app[SPEECH].voices):
        if voice.uuid != wanted:
            continue
        styles = tuple(
            SpeakerInfoStyle(id=style.id, icon=_picture(style.choice.name))
            for style in voice.styles.values()
        )
        policy = _policy(voice.choice.speaker.info)
        portrait = _picture(voice.choice.name)
        return json_answer(SpeakerInfo(policy=policy, portrait=portrait, style_infos=styles))
    raise NotFound(f"there is no speaker {wanted!r}; /speakers lists them")


@documented("List the voices that sing: none", tag=TAG, responses={200: "application/json"})
async def _singers(request: web.Request) -> web.Response:  # noqa: ARG001 - as handlers are
    return json_answer(_NO_SINGERS)


@documented("There are no voices that sing", tag=TAG, query=SpeakerQuery)
async def _singer_info(request: web.Request) -> web.Response:
    read_query(request, SpeakerQuery)
    raise NotFound("no voice sings here")


def _picture(name: str) -> str:
    return base64.b64encode(picture_of(name)).decode()


def _policy(info: VoiceInfo) -> str:
    lines = [f"# {info.title}", f"- {info.licence}", f"- {info.credit}", f"- {info.url}"]
    return "\n".join(line for line in lines if not line.endswith(" "))
