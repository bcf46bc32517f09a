"""What clients of OpenAI's speech API ask for."""

from __future__ import annotations

import base64
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from hayakoe_engine.errors import HayakoeError, RequestError, VoiceNotFound
from hayakoe_engine.options import RANGES
from wyoming_hayakoe.http.audio_formats import OpenAIFormat  # noqa: TC001 - pydantic evaluates it
from wyoming_hayakoe.http.audio_response import (
    EncodedNarration,
    Output,
    abort,
    narrate,
    respond,
    send,
)
from wyoming_hayakoe.http.body import read_body
from wyoming_hayakoe.http.documented import documented
from wyoming_hayakoe.http.errors import Invalid, problem_of
from wyoming_hayakoe.http.keys import SPEECH
from wyoming_hayakoe.speech import Request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hayakoe_engine.voices.voice import VoiceInfo
    from wyoming_hayakoe.http.errors import Problem
    from wyoming_hayakoe.speech import Narration

TAG: Final = "OpenAI"

MODELS: Final = ("hayakoe", "tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""All are the same; dated names that begin with one of them are taken as well."""

OPENAI_VOICES: Final = frozenset(
    (
        *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable"),
        *("marin", "nova", "onyx", "sage", "shimmer", "verse"),
    )
)
"""Names that the default voice answers to, unless a voice or preset has the name."""

PCM_RATE_HZ: Final = 24_000
"""Clients take headerless audio to have this rate."""

_UNASKED: Final = {"not-found", "bad-option", "empty-text", "invalid", "style-not-found"}
_MAX_NAME_CHARS: Final = 256
_DELTA_BYTES: Final = 12_288


class BadSpeechRequest(Invalid):
    """A request that OpenAI's API would not take either."""

    code = "bad-request"


class ModelNotFound(RequestError):
    """There is no model of this name."""

    code = "not-found"


def _name_of(voice: object) -> object:
    """A voice may also be an object with an identifier."""
    return voice.get("id") if isinstance(voice, dict) else voice


class SpeechRequest(BaseModel):
    """What is to be spoken. Fields that are not listed here are ignored."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    input: str = Field(min_length=1)
    """The text."""
    model: str = Field("hayakoe", max_length=_MAX_NAME_CHARS)
    """`hayakoe`, or one of OpenAI's: all are the same."""
    voice: Annotated[
        Annotated[str, Field(max_length=_MAX_NAME_CHARS)] | None, BeforeValidator(_name_of)
    ] = None
    """A voice of `/v1/audio/voices`; one of OpenAI's is the default voice."""
    instructions: str | None = Field(None, max_length=10_000)
    """A style of the voice whose name occurs in it is spoken; else it changes nothing."""
    response_format: OpenAIFormat = "mp3"
    """`pcm` is 24 kHz, 16 bit, little-endian, without a header; `aac` is refused where there is no
    ffmpeg."""
    speed: float = Field(1.0, ge=0.25, le=4.0)
    """Larger is faster."""
    stream_format: Literal["audio", "sse"] = "audio"
    """Bytes of the audio, or events with pieces of it in base64."""


class Model(BaseModel):
    """A model."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "wyoming-hayakoe"


class ModelList(BaseModel):
    """The models."""

    object: Literal["list"] = "list"
    data: list[Model]


class ListedVoice(BaseModel):
    """A voice, a style of one, or a preset."""

    id: str
    name: str


class VoiceList(BaseModel):
    """The voices, the default one first."""

    voices: list[ListedVoice]


def error_shape(problem: Problem) -> object:
    """``{"error": {"message", "type", "param", "code"}}``."""
    kind = "invalid_request_error" if problem.status < 500 else "server_error"
    message = problem.message + (f" ({problem.hint})" if problem.hint else "")
    return {
        "error": {
            "message": message,
            "type": kind,
            "param": problem.param,
            "code": problem.code.replace("-", "_"),
        }
    }


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return [
        web.post("/v1/audio/speech", _speak),
        web.get("/v1/audio/voices", _list_voices),
        web.get("/v1/models", _list_models),
        web.get("/v1/models/{model}", _show_model),
    ]


@documented("Speak a text", tag=TAG, body=SpeechRequest, responses={200: "audio/*"})
async def _speak(request: web.Request) -> web.StreamResponse:
    try:
        wanted = await read_body(request, SpeechRequest)
        _check_model(wanted.model)
        output = Output(
            wanted.response_format, PCM_RATE_HZ if wanted.response_format == "pcm" else None
        )
        narration = narrate(request, _spoken_by(request, wanted), wanted.input)
    except VoiceNotFound as error:
        raise BadSpeechRequest(str(error), param="voice") from None
    except RequestError as error:
        if error.code not in _UNASKED or isinstance(error, ModelNotFound):
            raise
        raise BadSpeechRequest(str(error), param=getattr(error, "param", None)) from None
    if wanted.stream_format == "sse":
        return await _send_events(request, narration, output, len(wanted.input))
    return await respond(request, narration, output, is_streamed=True)


@documented("List the voices", tag=TAG, responses={200: VoiceList})
async def _list_voices(request: web.Request) -> web.Response:
    voices = [
        ListedVoice(id=choice.name, name=choice.title) for choice in request.app[SPEECH].voices
    ]
    return web.json_response(VoiceList(voices=voices).model_dump())


@documented("List the models", tag=TAG, responses={200: ModelList})
async def _list_models(request: web.Request) -> web.Response:  # noqa: ARG001 - as handlers are
    return web.json_response(ModelList(data=[Model(id=name) for name in MODELS]).model_dump())


@documented("Show a model", tag=TAG, responses={200: Model})
async def _show_model(request: web.Request) -> web.Response:
    name = request.match_info["model"]
    _check_model(name)
    return web.json_response(Model(id=name).model_dump())


def _check_model(name: str) -> None:
    if not name.startswith(MODELS):
        raise ModelNotFound(f"there is no model {name!r:.80}; the models are {', '.join(MODELS)}")


def _spoken_by(request: web.Request, wanted: SpeechRequest) -> Request:
    voices = request.app[SPEECH].voices
    names = {choice.name for choice in voices}
    name = None if wanted.voice in OPENAI_VOICES - names else wanted.voice
    # A name may end with a priority, such as @alarm.
    plain = name if name in names or name is None else name.partition("@")[0]
    choice = voices.find(plain or None)
    style = None
    if wanted.instructions and choice.options.style is None:
        style = _style_in(wanted.instructions, choice.speaker.info)
    low, high = RANGES["speed"]
    speed = min(max(choice.options.speed * wanted.speed, low), high)
    return Request(voice=name, style=style, options={"speed": speed}, interface="openai")


def _style_in(instructions: str, info: VoiceInfo) -> str | None:
    """The style that is named first."""
    text = instructions.casefold()
    named = [(text.find(style.casefold()), style) for style in info.styles]
    return min(((place, style) for place, style in named if place >= 0), default=(0, None))[1]


async def _send_events(
    request: web.Request, narration: Narration, output: Output, characters: int
) -> web.StreamResponse:
    """Answer with server-sent events, and close the narration."""
    response: web.StreamResponse | None = None
    try:
        audio = EncodedNarration(narration, output)
        async with aclosing(audio.pieces()) as pieces:
            async for piece in pieces:
                if response is None:
                    response = web.StreamResponse(headers=audio.headers())
                    response.content_type = "text/event-stream"
                    await response.prepare(request)
                await send(response, b"".join(_deltas(piece)))
        # Nothing is cut into tokens here: what goes in is counted in characters.
        usage = {"input_tokens": characters, "output_tokens": 0, "total_tokens": characters}
        last = _event({"type": "speech.audio.done", "usage": usage})
    except HayakoeError as error:
        if response is None:
            raise
        shaped = error_shape(problem_of(error))
        last = _event({"type": "error", **(shaped if isinstance(shaped, dict) else {})})
    except Exception:
        if response is not None:
            abort(request)  # the status is sent already
        raise
    finally:
        narration.close()
    if response is None:
        raise RuntimeError("a narration without any audio")
    await send(response, last)
    await response.write_eof()
    return response


def _deltas(piece: bytes) -> Iterable[bytes]:
    for start in range(0, len(piece), _DELTA_BYTES):
        audio = base64.b64encode(piece[start : start + _DELTA_BYTES]).decode()
        yield _event({"type": "speech.audio.delta", "audio": audio})


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"
