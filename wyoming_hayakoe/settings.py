"""All settings, as one typed tree: defaults < configuration file < environment < flags.

This is the only place that reads the environment.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)
from yaml import YAMLError

from hayakoe_engine.errors import ConfigError
from hayakoe_engine.options import RANGES
from wyoming_hayakoe.address import Address, parse_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

ENV_PREFIX = "HAYAKOE_"
CONFIG_VARIABLE = "HAYAKOE_CONFIG"
"""Environment variable that names the configuration file."""


def _within(option: str) -> Any:  # noqa: ANN401
    low, high = RANGES[option]
    return Field(ge=low, le=high)


Speed = Annotated[float, _within("speed")]
PitchSemitones = Annotated[float, _within("pitch_semitones")]
Intonation = Annotated[float, _within("intonation")]
Volume = Annotated[float, _within("volume")]
PauseScale = Annotated[float, _within("pause_scale")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


def _check_address(uri: str) -> str:
    try:
        parse_address(uri)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return uri


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class SpeechSettings(_Section):
    """How every voice speaks, unless a preset says otherwise."""

    speed: Speed = 1.0
    """Speaking rate; larger is faster."""
    pitch_semitones: PitchSemitones = 0.0
    """Shift of the pitch."""
    intonation: Intonation = 1.0
    """Scale of the pitch movement, where the voice can."""
    volume: Volume = 1.0
    """Linear gain."""
    pause_scale: PauseScale = 1.0
    """Scale of the pauses between phrases and sentences."""


class Preset(_Section):
    """A named combination that is a voice of its own in every interface."""

    voice: str
    """The voice that speaks."""
    style: str | None = None
    """One of the voice's styles; its own if absent."""
    title: str | None = None
    """What people see; the preset's name if absent."""
    speed: Speed | None = None
    """As in `speech`; absent means as there. So for the others."""
    pitch_semitones: PitchSemitones | None = None
    intonation: Intonation | None = None
    volume: Volume | None = None
    pause_scale: PauseScale | None = None


class WyomingSettings(_Section):
    """The Wyoming server."""

    uri: Annotated[str, AfterValidator(_check_address)] = "tcp://0.0.0.0:10200"
    """Where to listen: `tcp://HOST:PORT` (`[::]` is IPv6 and IPv4), `unix:///PATH` or `stdio://`."""
    max_connections: int = Field(256, ge=1, le=10_000)
    """Connections at once; one more is told that the server is busy."""
    max_text_chars: int = Field(20_000, ge=1, le=1_000_000)
    """Characters of one utterance, also of one whose text is streamed."""
    max_data_bytes: int = Field(1_048_576, ge=1024, le=67_108_864)
    """Size of one event's data and of one event's payload."""
    idle_flush_s: float = Field(1.0, gt=0, le=60)
    """A text stream that pauses this long is spoken as far as it has come."""
    idle_close_s: float = Field(90.0, gt=0, le=86_400)
    """A connection on which nothing happens this long is closed."""
    write_stall_s: float = Field(60.0, gt=0, le=3600)
    """A client that takes no audio for this long is given up."""
    shutdown_s: float = Field(5.0, ge=0, le=300)
    """On a stop signal, what is being spoken may take this long to end."""

    @property
    def address(self) -> Address:
        """The parsed `uri`."""
        return parse_address(self.uri)


class ZeroconfSettings(_Section):
    """The announcement by which Home Assistant finds the server."""

    enabled: bool = True
    """Whether to announce a TCP server on the local network."""
    name: str | None = Field(None, min_length=1, max_length=63)
    """Instance name; one that is unique to this machine if absent."""


class LogSettings(_Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity."""
    format: Literal["text", "json"] = "text"
    """`json` is one object a line."""
    text: bool = False
    """Whether the spoken text itself may appear; it is private, so it does not."""


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    voice: str = "mei"
    """The default voice: a voice, a `voice:Style` or a preset."""
    threads: int | None = Field(None, ge=1, le=256)
    """Threads that synthesise; one per CPU if absent."""
    max_utterances: int = Field(64, ge=1, le=10_000)
    """Utterances in progress at once; one more is told that the server is busy."""
    speech: SpeechSettings = SpeechSettings()
    presets: dict[Name, Preset] = {}
    """Voices of your own making."""
    wyoming: WyomingSettings = WyomingSettings()
    zeroconf: ZeroconfSettings = ZeroconfSettings()
    log: LogSettings = LogSettings()


def load_settings(
    config: str | Path | None = None, flags: Mapping[str, Any] | None = None
) -> Settings:
    """Read all sources.

    Args:
        config: YAML file; None is the file that ``HAYAKOE_CONFIG`` names, if it does.
        flags: Nested values that win over everything.

    Raises:
        ConfigError: Something is unknown or wrong; the message has one line for each.
    """
    path = config or os.environ.get(CONFIG_VARIABLE) or None
    if path is not None and not Path(path).is_file():
        raise ConfigError(f"there is no configuration file {path}")
    _check_environment()

    class Sources(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            sources: list[PydanticBaseSettingsSource] = [init_settings, env_settings]
            if path is not None:
                sources.append(YamlConfigSettingsSource(settings_cls, yaml_file=path))
            return tuple(sources)

    try:
        return Sources(**(flags or {}))
    except ValidationError as error:
        raise ConfigError("\n".join(map(_explain, error.errors()))) from error
    except (OSError, UnicodeDecodeError, YAMLError, TypeError, ValueError) as error:
        # pydantic-settings lets a file that is no mapping through as TypeError or ValueError.
        raise ConfigError(f"cannot read the configuration file {path}: {error}") from error


def _check_environment() -> None:
    for variable in os.environ:
        if not variable.startswith(ENV_PREFIX) or variable == CONFIG_VARIABLE:
            continue
        name = variable.removeprefix(ENV_PREFIX).lower().split("__")[0]
        if name not in Settings.model_fields:
            raise ConfigError(
                f"environment variable {variable}: there is no setting {name!r}; "
                + _allowed(name, Settings.model_fields)
            )


def _explain(error: ErrorDetails) -> str:
    key = ".".join(str(part) for part in error["loc"] if part != "[key]")
    if error["type"] == "extra_forbidden":
        *parents, name = (str(part) for part in error["loc"])
        return f"{key}: there is no such setting; {_allowed(name, _fields_of(parents))}"
    if error["type"] == "missing":
        return f"{key}: this setting is required"
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{key}: {message}, not {error['input']!r}"


def _fields_of(parents: list[str]) -> Mapping[str, object]:
    model: type[BaseModel] = Settings
    for parent in parents:
        field = model.model_fields.get(parent)
        if field is None:
            return Preset.model_fields
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            continue
        model = field.annotation
    return model.model_fields


def _allowed(name: str, fields: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, fields, 1)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"{guess}The settings here are {', '.join(fields)}"
