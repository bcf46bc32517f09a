"""Voices over REST: which there are, how they sound, and those that come and go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final, Literal

from aiohttp import web
from pydantic import AfterValidator, Field

from hayakoe_engine.scheduler import Priority
from hayakoe_engine.voices.catalogue import catalogue
from wyoming_hayakoe.http.audio_formats import AudioFormat  # noqa: TC001 - pydantic evaluates it
from wyoming_hayakoe.http.audio_response import narrate, respond
from wyoming_hayakoe.http.body import ApiModel, read_body, read_query
from wyoming_hayakoe.http.documented import documented
from wyoming_hayakoe.http.errors import Conflict, NotFound
from wyoming_hayakoe.http.keys import LIBRARY, SPEECH
from wyoming_hayakoe.http.rest_speech import Manner
from wyoming_hayakoe.setting_types import Title, VoiceName  # noqa: TC001 - pydantic evaluates them
from wyoming_hayakoe.settings import NeuralVoice

if TYPE_CHECKING:
    from wyoming_hayakoe.voice_library import VoiceLibrary, VoiceStatus
    from wyoming_hayakoe.voices import Choice

_TAG: Final = "Voices"
_SAMPLE: Final = "こんにちは。今日はいい天気ですね。"

_HUB_SOURCE: Final = re.compile(
    r"hf://[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}(@[\w.-]{1,100})?", re.ASCII
)


def _check_source(uri: str) -> str:
    """A client must not make the server read its own files, or ask machines in its network."""
    if not _HUB_SOURCE.fullmatch(uri):
        raise ValueError("must be a repository of the Hugging Face hub: hf://USER/REPO")
    return uri


HubSource = Annotated[str, Field(max_length=300), AfterValidator(_check_source)]


class Options(ApiModel):
    """How a voice speaks where a request does not say otherwise."""

    speed: float
    pitch: float
    intonation: float
    volume: float
    pause: float


class Voice(ApiModel):
    """What may be asked for: a voice, one of its styles, or a preset."""

    name: str
    """What requests call it."""
    title: str
    """What people call it."""
    is_default: bool
    """Whether it speaks where no voice is asked for."""
    is_ready: bool
    """Whether it speaks itself; until then the embedded voice does."""
    voice: str
    """The voice behind it."""
    styles: list[str]
    """The voice's styles, its own first; none if it has one only."""
    languages: list[str]
    licence: str
    credit: str
    """What must be said when its audio is published."""
    url: str
    """Where it comes from, with its terms."""
    version: str
    sample_rate: int
    """In Hz."""
    speakers: int
    precision: str | None
    """How exactly a neural voice computes."""
    ignored_options: list[str]
    """Options of the engine that change nothing."""
    options: Options


class Voices(ApiModel):
    """All that may be asked for."""

    voices: list[Voice]


class NeuralStatus(ApiModel):
    """How it is with a neural voice."""

    name: str
    title: str | None
    source: str
    state: Literal["ready", "loading", "failed"]
    failure: str | None
    """Why it is not there."""
    is_added: bool
    """Whether it was added while the server ran; then it can be removed."""
    fetched_bytes: int
    total_bytes: int
    """Size of its files; 0 if nothing is being fetched."""


class AvailableVoice(ApiModel):
    """A voice that is known to be published."""

    name: str
    title: str
    languages: list[str]
    styles: list[str]
    licence: str
    credit: str
    terms: str
    """Web page with its terms, which alone are binding."""
    source: str
    state: Literal["available", "ready", "loading", "failed"]
    fetched_bytes: int
    total_bytes: int
    failure: str | None


class AvailableVoices(ApiModel):
    """The catalogue."""

    voices: list[AvailableVoice]


class NeuralStatuses(ApiModel):
    """All neural voices."""

    voices: list[NeuralStatus]


class NewVoice(ApiModel):
    """A neural voice to be added."""

    name: VoiceName
    """What its publisher calls it, and clients from now on."""
    source: HubSource
    """A repository of the Hugging Face hub: `hf://USER/REPO`."""
    title: Annotated[Title, Field(max_length=100)] | None = None
    """What people see."""


class SampleQuery(ApiModel):
    """As what the sample comes back."""

    format: AudioFormat = "wav"


class ReloadQuery(ApiModel):
    """How a voice is made anew."""

    update: bool = False
    """Whether its source is asked for what it has now."""


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return [
        web.get("/voices", voices),
        web.post("/voices", add_voice),
        web.get("/voices/available", available_voices),
        web.get("/voices/status", voice_statuses),
        web.get("/voices/{name}", voice),
        web.delete("/voices/{name}", remove_voice),
        web.get("/voices/{name}/sample", sample, allow_head=False),
        web.post("/voices/{name}/reload", reload_voice),
    ]


@documented("Which voices there are", tag=_TAG, responses={200: Voices})
async def voices(request: web.Request) -> web.Response:
    """List voices, styles and presets, the default one first."""
    book = request.app[SPEECH].voices
    listed = [_described(choice, is_default=choice is book.default) for choice in book]
    return answer(Voices(voices=listed))


@documented("One voice", tag=_TAG, responses={200: Voice})
async def voice(request: web.Request) -> web.Response:
    """Describe a voice."""
    book = request.app[SPEECH].voices
    choice = book.find(request.match_info["name"])
    return answer(_described(choice, is_default=choice is book.default))


@documented("How a voice sounds", tag=_TAG, query=SampleQuery, responses={200: "audio/*"})
async def sample(request: web.Request) -> web.StreamResponse:
    """Speak a sentence."""
    wanted = read_query(request, SampleQuery)
    manner = Manner(voice=request.match_info["name"], format=wanted.format)
    narration = narrate(request, manner.request(Priority.ANNOUNCEMENT), _SAMPLE)
    return await respond(request, narration, manner.output, is_streamed=False)


@documented(
    "Which voices are published",
    tag=_TAG,
    description="Those that are known; `POST /voices` adds one.",
    responses={200: AvailableVoices},
)
async def available_voices(request: web.Request) -> web.Response:
    """List the catalogue."""
    statuses = {status.name: status for status in statuses_of(request)}
    listed = []
    for known in catalogue():
        status = statuses.get(known.name)
        listed.append(
            AvailableVoice(
                name=known.name,
                title=known.title,
                languages=list(known.languages),
                styles=list(known.styles),
                licence=known.licence,
                credit=known.credit,
                terms=known.terms,
                source=known.source,
                state=status.state if status else "available",
                fetched_bytes=status.fetched_bytes if status else 0,
                total_bytes=status.total_bytes if status else 0,
                failure=status.failure if status else None,
            )
        )
    return answer(AvailableVoices(voices=listed))


@documented(
    "How it is with the neural voices",
    tag=_TAG,
    description="While files come, `fetched_bytes` and `total_bytes` say how far they are.",
    responses={200: NeuralStatuses},
)
async def voice_statuses(request: web.Request) -> web.Response:
    """List neural voices, also those that are not ready."""
    statuses = statuses_of(request)
    return answer(NeuralStatuses(voices=[status_model(status) for status in statuses]))


@documented(
    "Add a neural voice",
    tag=_TAG,
    description="It is fetched and made ready in the background; `/voices/status` says how far it "
    "is. It is there again when the server is started anew.",
    body=NewVoice,
    responses={202: NeuralStatus},
)
async def add_voice(request: web.Request) -> web.Response:
    """Begin to fetch a voice."""
    new = await read_body(request, NewVoice)
    await _library(request).add(new.name, NeuralVoice(source=new.source, title=new.title))
    return answer(status_model(_status_of(request, new.name)), status=202)


@documented(
    "Remove a voice that was added",
    tag=_TAG,
    description="What it is speaking it speaks to the end. Its files stay in the cache.",
    responses={204: None},
)
async def remove_voice(request: web.Request) -> web.Response:
    """Let go of a voice."""
    await _library(request).remove(request.match_info["name"])
    return web.Response(status=204)


@documented(
    "Make a neural voice anew",
    tag=_TAG,
    description="Until that is done, the one that is there speaks.",
    query=ReloadQuery,
    responses={202: NeuralStatus},
)
async def reload_voice(request: web.Request) -> web.Response:
    """Begin to make a voice anew."""
    wanted = read_query(request, ReloadQuery)
    name = request.match_info["name"]
    await _library(request).reload(name, update=wanted.update)
    return answer(status_model(_status_of(request, name)), status=202)


def answer(model: ApiModel, *, status: int = 200) -> web.Response:
    """A model as JSON."""
    return web.Response(
        text=model.model_dump_json(), status=status, content_type="application/json"
    )


def _described(choice: Choice, *, is_default: bool) -> Voice:
    info, options = choice.speaker.info, choice.options
    return Voice(
        name=choice.name,
        title=choice.title,
        is_default=is_default,
        is_ready=choice.is_ready,
        voice=info.name,
        styles=list(info.styles),
        languages=list(info.languages),
        licence=info.licence,
        credit=info.credit,
        url=info.url,
        version=info.version,
        sample_rate=info.sample_rate_hz,
        speakers=info.speakers,
        precision=info.precision,
        ignored_options=sorted(info.ignored_options),
        options=Options(
            speed=options.speed,
            pitch=options.pitch_scale,
            intonation=options.intonation_scale,
            volume=options.volume,
            pause=options.pause_scale,
        ),
    )


def statuses_of(request: web.Request) -> list[VoiceStatus]:
    """How it is with every neural voice."""
    library = request.app.get(LIBRARY)
    return [] if library is None else library.statuses()


def _library(request: web.Request) -> VoiceLibrary:
    library = request.app.get(LIBRARY)
    if library is None:
        raise Conflict("the voices of this server are fixed")
    return library


def _status_of(request: web.Request, name: str) -> VoiceStatus:
    for status in statuses_of(request):
        if status.name == name:
            return status
    raise NotFound(f"the voice {name!r} has been removed meanwhile")


def status_model(status: VoiceStatus) -> NeuralStatus:
    """How it is with a neural voice, for clients."""
    return NeuralStatus(
        name=status.name,
        title=status.title,
        source=status.source,
        state=status.state,
        failure=status.failure,
        is_added=status.is_added,
        fetched_bytes=status.fetched_bytes,
        total_bytes=status.total_bytes,
    )
