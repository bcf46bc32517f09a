"""Which voices there are."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Final, Literal, Protocol

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from wyoming_hayakoe.http.access import VISITOR
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
from wyoming_hayakoe.http.voicevox.samples import TEXTS, Samples
from wyoming_hayakoe.http.voicevox.styles import FoundStyle, find_style, style_id_of, voice_styles

if TYPE_CHECKING:
    from hayakoe_engine.voices.voice import VoiceInfo
    from wyoming_hayakoe.http.voicevox.styles import VoiceStyles
    from wyoming_hayakoe.voices import Choice

__all__ = ["Speakers"]

_MAX_DIGITS: Final = 10
_NO_SINGERS: Final[tuple[()]] = ()


class SpeakerQuery(BaseModel):
    """Which voice; what is not listed is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    speaker_uuid: str = Field(max_length=100)
    """From `/speakers`."""


class SpeakerInfoQuery(SpeakerQuery):
    """Which voice, and in what shape its pictures and samples are wanted."""

    resource_format: Literal["base64", "url"] = "base64"
    """In the answer itself, or as addresses where they are; samples are made when they are asked
    for there."""


class Speakers:
    """The handlers."""

    def __init__(self) -> None:
        self._samples = Samples()

    def routes(self) -> list[web.RouteDef]:
        """The routes of this part."""
        return [
            web.get("/speakers", _speakers),
            web.get("/speaker_info", self._info),
            web.get("/_resources/{id}/picture.png", _picture),
            web.get("/_resources/{id}/sample-{number}.wav", self._sample),
            web.get("/singers", _singers),
            web.get("/singer_info", _singer_info),
        ]

    @documented(
        "Say who may use a voice for what, and let it be heard",
        tag=TAG,
        query=SpeakerInfoQuery,
        responses={200: SpeakerInfo},
        description="The pictures are patterns. In base64 there are as many samples as can be made "
        "soon; the others are there the next time.",
    )
    async def _info(self, request: web.Request) -> web.Response:
        wanted = read_query(request, SpeakerInfoQuery)
        for voice in voice_styles(request.app[SPEECH].voices):
            if voice.uuid == wanted.speaker_uuid:
                break
        else:
            raise NotFound(f"there is no speaker {wanted.speaker_uuid!r}; /speakers lists them")
        if wanted.resource_format == "url":
            return json_answer(_info_of(voice, _Addresses(request)))
        await self._samples.make(request, [style.choice for style in voice.styles.values()])
        # Of a voice with many styles it is megabytes.
        return await asyncio.to_thread(
            lambda: json_answer(_info_of(voice, _Contents(self._samples)))
        )

    @documented(
        "Hear how a voice sounds",
        tag=TAG,
        responses={200: "audio/wav"},
        description="What `/speaker_info` names with `resource_format=url`.",
    )
    async def _sample(self, request: web.Request) -> web.Response:
        choice = _find_resource(request)
        number = _number(request.match_info["number"])
        if not 1 <= number <= len(TEXTS):
            raise NotFound(f"there is no sample {number}; they are 1 to {len(TEXTS)}")
        wave = await self._samples.one(request, choice, number - 1)
        return web.Response(body=wave, content_type="audio/wav")


class _Resources(Protocol):
    """Where pictures and samples are."""

    def picture(self, style: FoundStyle) -> str: ...

    def samples(self, style: FoundStyle) -> tuple[str, ...]: ...


class _Contents:
    """They are in the answer, in base64."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def picture(self, style: FoundStyle) -> str:
        return base64.b64encode(picture_of(style.choice.name)).decode()

    def samples(self, style: FoundStyle) -> tuple[str, ...]:
        return tuple(base64.b64encode(wave).decode() for wave in self._samples.kept(style.choice))


class _Addresses:
    """They are behind other addresses of this server."""

    def __init__(self, request: web.Request) -> None:
        self._base = f"http://{request[VISITOR].host}/_resources"

    def picture(self, style: FoundStyle) -> str:
        return f"{self._base}/{style.id}/picture.png"

    def samples(self, style: FoundStyle) -> tuple[str, ...]:
        numbers = range(1, len(TEXTS) + 1) if style.choice.is_ready else ()
        return tuple(f"{self._base}/{style.id}/sample-{number}.wav" for number in numbers)


def _info_of(voice: VoiceStyles, resources: _Resources) -> SpeakerInfo:
    styles = voice.styles.values()
    own = FoundStyle(style_id_of(voice.choice.name), voice.choice)
    return SpeakerInfo(
        policy=_policy(voice.choice.speaker.info),
        portrait=resources.picture(own),
        style_infos=tuple(
            SpeakerInfoStyle(
                id=style.id, icon=resources.picture(style), voice_samples=resources.samples(style)
            )
            for style in styles
        ),
    )


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
    "Show the picture of a voice",
    tag=TAG,
    responses={200: "image/png"},
    description="What `/speaker_info` names with `resource_format=url`.",
)
async def _picture(request: web.Request) -> web.Response:
    picture = picture_of(_find_resource(request).name)
    return web.Response(body=picture, content_type="image/png")


@documented("List the voices that sing: none", tag=TAG, responses={200: "application/json"})
async def _singers(request: web.Request) -> web.Response:  # noqa: ARG001 - as handlers are
    return json_answer(_NO_SINGERS)


@documented("There are no voices that sing", tag=TAG, query=SpeakerQuery)
async def _singer_info(request: web.Request) -> web.Response:
    read_query(request, SpeakerQuery)
    raise NotFound("no voice sings here")


def _find_resource(request: web.Request) -> Choice:
    return find_style(request.app[SPEECH].voices, _number(request.match_info["id"]))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS):
        raise NotFound(f"{text!r:.50} is no number; /speaker_info says what there is")
    return int(text)


def _policy(info: VoiceInfo) -> str:
    lines = [f"# {info.title}", f"- {info.licence}", f"- {info.credit}", f"- {info.url}"]
    return "\n".join(line for line in lines if not line.endswith(" "))
