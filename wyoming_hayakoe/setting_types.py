"""What the values of settings may be, and what a group of settings is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from hayakoe_engine.errors import ConfigError, SourceError
from hayakoe_engine.options import RANGES
from hayakoe_engine.sources.source import open_source
from hayakoe_engine.tts import EMBEDDED_VOICE
from wyoming_hayakoe.address import parse_address

if TYPE_CHECKING:
    from pathlib import Path


MIN_DEADLINE_S: Final = 0.1
MAX_DEADLINE_S: Final = 600.0
"""Of a sentence, until the embedded voice says it."""


def _within(option: str) -> Any:  # noqa: ANN401
    low, high = RANGES[option]
    return Field(ge=low, le=high)


Speed = Annotated[float, _within("speed")]
PitchScale = Annotated[float, _within("pitch_scale")]
Intonation = Annotated[float, _within("intonation_scale")]
Volume = Annotated[float, _within("volume")]
PauseScale = Annotated[float, _within("pause_scale")]
StyleWeight = Annotated[float, _within("style_weight")]
SdpRatio = Annotated[float, _within("sdp_ratio")]
Noise = Annotated[float, _within("noise")]
NoiseW = Annotated[float, _within("noise_w")]
SpeakerId = Annotated[int, _within("speaker_id")]
Deadline = Annotated[float, Field(ge=MIN_DEADLINE_S, le=MAX_DEADLINE_S)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


def check_address(uri: str) -> str:
    """Refuse what is no address to listen on."""
    try:
        parse_address(uri)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return uri


def none_as_empty(group: object) -> object:
    """A YAML key below which everything is commented out has the value null."""
    return {} if group is None else group


def _check_characters(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("it has half a character in it") from error
    return text


def _check_name(name: str) -> str:
    if name == EMBEDDED_VOICE:
        raise ValueError("the embedded voice has this name; choose another one")
    return name


def _check_source(uri: str) -> str:
    try:
        open_source(uri)
    except (SourceError, RuntimeError) as error:  # a home folder that nobody has
        raise ValueError(str(error)) from error
    return uri


def _check_token(token: object) -> object:
    """What is wrong with it is said without showing it."""
    if not isinstance(token, str) or not (token.isascii() and token.isprintable()) or " " in token:
        raise ValueError("must be a token: text without spaces")
    return token


def expand_home(path: Path) -> Path:
    """``~`` is the user's home folder."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(str(error)) from error


VoiceName = Annotated[Name, AfterValidator(_check_name)]
Title = Annotated[str, AfterValidator(_check_characters)]
Token = Annotated[SecretStr, BeforeValidator(_check_token)]
Source = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_check_source)]


class Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    _take_null = model_validator(mode="before")(none_as_empty)
