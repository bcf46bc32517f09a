"""What is said over the WebSocket: the client's messages, checked, and how timings are told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from hayakoe_engine.errors import RequestError
from wyoming_hayakoe.http.audio_formats import AudioFormat  # noqa: TC001 - pydantic evaluates it
from wyoming_hayakoe.http.body import ApiModel
from wyoming_hayakoe.http.rest_speech import Manner

if TYPE_CHECKING:
    from hayakoe_engine.audio import Audio
    from wyoming_hayakoe.speech import Request

_SHOWN: Final = 3


class BadMessage(RequestError):
    """It is none of the messages that there are."""

    code = "bad-message"


class Config(Manner):
    """How everything that follows is to be spoken."""

    type: Literal["config"]
    format: AudioFormat = "pcm"
    """`pcm` is signed 16 bit, little-endian, one channel."""
    encoding: Literal["base64", "binary"] = "base64"
    """Audio in messages of JSON, or as binary messages."""
    timings: bool = False
    """Whether to say when each phone sounds, where the voice knows."""
    api_key: str | None = Field(None, max_length=1024, repr=False)
    """For clients that can send no headers."""

    @property
    def narration(self) -> Request:
        """What is asked of the voice."""
        return replace(self.request(), interface="websocket")


class Text(ApiModel):
    """A piece of text; sentences are spoken as they become complete."""

    type: Literal["text"]
    text: str


class Flush(ApiModel):
    """Speak what has come although its sentence is not complete."""

    type: Literal["flush"]


class EndOfStream(ApiModel):
    """All text of this utterance has come."""

    type: Literal["end_of_stream"]


class Cancel(ApiModel):
    """Be silent at once."""

    type: Literal["cancel"]


class Ping(ApiModel):
    """Is anybody there?"""

    type: Literal["ping"]


Message: TypeAlias = Config | Text | Flush | EndOfStream | Cancel | Ping

_MESSAGES: Final[TypeAdapter[Message]] = TypeAdapter(
    Annotated[Message, Field(discriminator="type")]
)
_TYPES: Final = "config, text, flush, end_of_stream, cancel or ping"


def parse_message(text: str) -> Message:
    """The message that a client sent.

    Raises:
        BadMessage: It is none; the message says what is wrong.
    """
    try:
        return _MESSAGES.validate_json(text)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise BadMessage("; ".join(map(_complaint, details[:_SHOWN]))) from None


def timings_message(utterance: int, audio: Audio, begun_s: float) -> dict[str, object]:
    """When the phones of this audio sound, which begins so far into the utterance."""
    phones = [
        {
            "phone": timing.phone,
            "start_s": round(begun_s + timing.start_s, 4),
            "duration_s": round(timing.duration_s, 4),
        }
        for timing in audio.timings
    ]
    return {"type": "timings", "utterance": utterance, "phones": phones}


def _complaint(detail: Any) -> str:  # noqa: ANN401 - pydantic's own type is private
    kind = detail["type"]
    if kind == "json_invalid":
        return "the message is no JSON"
    if kind.startswith("union_tag") or not detail["loc"]:
        return f"a message is an object whose type is {_TYPES}"
    place = ".".join(map(str, detail["loc"]))[:200]
    if kind == "extra_forbidden":
        return f"{place}: there is no such field"
    return f"{place}: {detail['msg'].removeprefix('Input ').replace('should', 'must', 1)}"
