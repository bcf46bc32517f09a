"""Speaking over REST: whole, streamed, and many texts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from aiohttp import web
from pydantic import Field

from hayakoe_engine.encoding import MAX_RATE_HZ, MIN_RATE_HZ
from hayakoe_engine.scheduler import Priority
from wyoming_hayakoe.http.audio_formats import AudioFormat  # noqa: TC001 - pydantic evaluates it
from wyoming_hayakoe.http.audio_response import Output, narrate, respond
from wyoming_hayakoe.http.body import ApiModel, read_body, read_query
from wyoming_hayakoe.http.documented import documented
from wyoming_hayakoe.setting_types import (  # noqa: TC001 - pydantic evaluates them
    Deadline,
    Intonation,
    Noise,
    NoiseW,
    PauseScale,
    PitchScale,
    SdpRatio,
    SpeakerId,
    Speed,
    StyleWeight,
    Volume,
)
from wyoming_hayakoe.speech import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

TAG: Final = "Speech"
MAX_NAME_CHARS: Final = 256

PriorityName = Literal["alarm", "interactive", "announcement", "batch"]
NameField = Annotated[str, Field(max_length=MAX_NAME_CHARS)]
SampleRate = Annotated[int, Field(ge=MIN_RATE_HZ, le=MAX_RATE_HZ)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]

_OPTIONS: Final[Mapping[str, str]] = {
    "speed": "speed",
    "pitch": "pitch_scale",
    "intonation": "intonation_scale",
    "volume": "volume",
    "pause": "pause_scale",
    "style_weight": "style_weight",
    "sdp_ratio": "sdp_ratio",
    "noise": "noise",
    "noise_w": "noise_w",
    "speaker_id": "speaker_id",
    "seed": "seed",
}
"""The fields that are options of the engine, with what it calls them."""


class Expression(ApiModel):
    """Who speaks, and how."""

    voice: NameField | None = None
    """A voice, a `voice:Style` or a preset, as `/voices` names them; the default one if absent."""
    style: NameField | None = None
    """One of the voice's styles, or a mix: `Happy*0.7+Sad*0.3`; its own if absent."""
    speed: Speed | None = None
    """Speaking rate; 2 is twice as fast. What is absent is as in the settings."""
    pitch: PitchScale | None = None
    """Factor of the pitch."""
    intonation: Intonation | None = None
    """Scale of the pitch movement; 0 is monotone."""
    volume: Volume | None = None
    """Linear gain."""
    pause: PauseScale | None = None
    """Scale of the pauses."""
    style_weight: StyleWeight | None = None
    """How strong the style is."""
    sdp_ratio: SdpRatio | None = None
    """Liveliness of a neural voice's rhythm."""
    noise: Noise | None = None
    """Liveliness of a neural voice's sound."""
    noise_w: NoiseW | None = None
    """Liveliness of what `sdp_ratio` mixes in."""
    speaker_id: SpeakerId | None = None
    """Number of the speaker, in voices that have several."""
    seed: Seed | None = None
    """The same text, options and seed give the same sound."""
    markup: Literal["ssml"] | None = None
    """What the text is, other than plain."""

    @property
    def chosen(self) -> dict[str, object]:
        """Options of the engine that are not to be as in the settings."""
        values = {option: getattr(self, field) for field, option in _OPTIONS.items()}
        return {name: value for name, value in values.items() if value is not None}


class Manner(Expression):
    """How a text is spoken, and as what it comes back."""

    format: AudioFormat = "wav"
    """`pcm` is signed 16 bit, little-endian, one channel; `ogg` and `opus` are Opus in Ogg; `aac`
    is in ADTS, and refused where there is no ffmpeg."""
    sample_rate: SampleRate | None = None
    """In Hz; the voice's own if absent. Opus, MP3 and AAC exist at some rates only: it is the next
    higher one then, and `X-Sample-Rate` says which."""
    priority: PriorityName | None = None
    """Who goes first when there is much to do: `alarm` before `interactive`, which is usual,
    before `announcement` before `batch`."""
    deadline_s: Deadline | None = None
    """The embedded voice says a sentence of which nothing is heard for so many seconds. As in the
    settings if absent, and none for `batch`."""

    def request(self, priority: Priority | None = None) -> Request:
        """What is asked of the voice.

        Args:
            priority: If none is asked for.
        """
        return Request(
            voice=self.voice,
            style=self.style,
            options=self.chosen,
            markup=self.markup,
            priority=priority if self.priority is None else Priority[self.priority.upper()],
            deadline_s=self.deadline_s,
            interface="rest",
        )

    @property
    def output(self) -> Output:
        """What the audio is to be."""
        return Output(self.format, self.sample_rate)


class Synthesis(Manner):
    """A text to be spoken."""

    text: Annotated[str, Field(min_length=1)]
    """What to say; plain text, or SSML if `markup` says so."""


class SpokenQuery(ApiModel):
    """A text to be spoken, in an address."""

    text: Annotated[str, Field(min_length=1)]
    """What to say."""
    speaker_name: NameField | None = None
    """A voice, a `voice:Style` or a preset; the default one if absent."""
    style: NameField | None = None
    """One of the voice's styles."""
    speed: Speed | None = None
    """Speaking rate."""
    pitch: PitchScale | None = None
    """Factor of the pitch."""
    volume: Volume | None = None
    """Linear gain."""
    seed: Seed | None = None
    """The same text, options and seed give the same sound."""
    format: AudioFormat = "wav"
    """As what it comes back."""
    sample_rate: SampleRate | None = None
    """In Hz; the voice's own if absent."""
    priority: PriorityName | None = None
    """Who goes first when there is much to do."""
    deadline_s: Deadline | None = None
    """The embedded voice says a sentence of which nothing is heard for so many seconds."""

    @property
    def synthesis(self) -> Synthesis:
        """The same as a body."""
        values = self.model_dump(exclude={"speaker_name"})
        return Synthesis(**values, voice=self.speaker_name)


def routes() -> list[web.RouteDef]:
    """The routes of this part."""
    return [
        web.post("/synthesize", synthesize),
        web.post("/synthesize/stream", synthesize_stream),
        web.get("/api/tts", speak, allow_head=False),
        web.get("/api/tts/stream", speak_stream, allow_head=False),
    ]


@documented("Speak a text", tag=TAG, body=Synthesis, responses={200: "audio/*"})
async def synthesize(request: web.Request) -> web.StreamResponse:
    """Answer with the whole sound."""
    return await _answer(request, await read_body(request, Synthesis), is_streamed=False)


@documented(
    "Speak a text, from the first sound on",
    tag=TAG,
    description="One valid stream: a WAV's header says that its length is not known.",
    body=Synthesis,
    responses={200: "audio/*"},
)
async def synthesize_stream(request: web.Request) -> web.StreamResponse:
    """Answer while it is made."""
    return await _answer(request, await read_body(request, Synthesis), is_streamed=True)


@documented("Speak the text of an address", tag=TAG, query=SpokenQuery, responses={200: "audio/*"})
async def speak(request: web.Request) -> web.StreamResponse:
    """Answer with the whole sound."""
    return await _answer(request, read_query(request, SpokenQuery).synthesis, is_streamed=False)


@documented(
    "Speak the text of an address, from the first sound on",
    tag=TAG,
    query=SpokenQuery,
    responses={200: "audio/*"},
)
async def speak_stream(request: web.Request) -> web.StreamResponse:
    """Answer while it is made."""
    return await _answer(request, read_query(request, SpokenQuery).synthesis, is_streamed=True)


async def _answer(
    request: web.Request, wanted: Synthesis, *, is_streamed: bool
) -> web.StreamResponse:
    narration = narrate(request, wanted.request(), wanted.text)
    return await respond(request, narration, wanted.output, is_streamed=is_streamed)
