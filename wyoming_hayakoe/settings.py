"""All settings, as one typed tree: defaults < configuration file < environment < flags.

This is the only place that reads the environment.
"""

from __future__ import annotations

import difflib
import os
import reprlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from hayakoe_engine.errors import ConfigError
from hayakoe_engine.options import RANGES
from wyoming_hayakoe.address import Address, parse_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic_core import ErrorDetails

ENV_PREFIX = "HAYAKOE_"
CONFIG_VARIABLE = "HAYAKOE_CONFIG"
"""Environment variable that names the configuration file."""

_EXPECTED: Final = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must be a group of settings",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "model_type": "must be a group of settings",
    "string_type": "must be text",
}
"""What pydantic's error types mean to people."""

_SHORT: Final = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 200


def _within(option: str) -> Any:  # noqa: ANN401
    low, high = RANGES[option]
    return Field(ge=low, le=high)


Speed = Annotated[float, _within("speed")]
PitchSemitones = Annotated[float, _within("pitch_semitones")]
Intonation = Annotated[float, _within("intonation_scale")]
Volume = Annotated[float, _within("volume")]
PauseScale = Annotated[float, _within("pause_scale")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


def _check_address(uri: str) -> str:
    try:
        parse_address(uri)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return uri


def _none_as_empty(group: object) -> object:
    """A YAML key below which everything is commented out has the value null."""
    return {} if group is None else group


def _check_characters(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("it has half a character in it") from error
    return text


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    _take_null = model_validator(mode="before")(_none_as_empty)


class SpeechSettings(_Section):
    """How every voice speaks, unless a preset says otherwise."""

    speed: Speed = 1.0
    """Speaking rate; larger is faster."""
    pitch_semitones: PitchSemitones = 0.0
    """Shift of the pitch."""
    intonation_scale: Intonation = 1.0
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
    title: Annotated[str, AfterValidator(_check_characters)] | None = None
    """What people see; the preset's name if absent."""
    speed: Speed | None = None
    """As in `speech`; absent means as there. So for the others."""
    pitch_semitones: PitchSemitones | None = None
    intonation_scale: Intonation | None = None
    volume: Volume | None = None
    pause_scale: PauseScale | None = None


class TextSettings(_Section):
    """What is done with the parts of a text that are no words."""

    urls: Literal["skip", "say"] = "skip"
    """`skip` leaves URLs and mail addresses out, `say` says リンク and メールアドレス."""
    emoji: Literal["skip", "name"] = "skip"
    """`skip` leaves emoji out, `name` says their Japanese names."""


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
    dictionary: Path | None = None
    """File with words of your own; `hayakoe/dictionary.yaml` in the user's configuration folder if
    absent. It need not exist."""
    threads: int | None = Field(None, ge=1, le=256)
    """Threads that synthesise; one per CPU if absent."""
    max_utterances: int = Field(256, ge=1, le=10_000)
    """Utterances in progress at once; one more is told that the server is busy."""
    speech: SpeechSettings = SpeechSettings()
    text: TextSettings = TextSettings()
    presets: Annotated[dict[Name, Preset], BeforeValidator(_none_as_empty)] = {}
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
    file_values = {} if path is None else _read_file(Path(path))
    flag_values = dict(flags or {})
    problems = [
        *_take_unknown(file_values),
        *_take_unknown(flag_values),
        *_check_environment(),
    ]

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
            return init_settings, env_settings, InitSettingsSource(settings_cls, file_values)

    try:
        settings = Sources(**flag_values)
    except ValidationError as error:
        problems += map(_explain, error.errors())
    except SettingsError as error:
        problems.append(f"environment variables of groups of settings hold JSON: {error}")
    if problems:
        raise ConfigError("\n".join(problems))
    return settings


def _read_file(path: Path) -> dict[Any, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            values = yaml.safe_load(file)
    except FileNotFoundError as error:
        raise ConfigError(f"there is no configuration file {path}") from error
    except OSError as error:
        raise ConfigError(
            f"cannot read the configuration file {path}: {error.strerror or error}"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the configuration file {path} is not UTF-8: {error}") from error
    except Exception as error:  # PyYAML raises more than its own errors: a date's month may be 13
        raise ConfigError(f"the configuration file {path} is not YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"the configuration file {path} must hold lines of the form KEY: VALUE")
    return values


def _take_unknown(values: dict[Any, Any]) -> Iterable[str]:
    """Remove what is no setting, which pydantic-settings would take for its own arguments.

    Returns:
        One line for each.
    """
    unknown = [key for key in values if key not in Settings.model_fields]
    for key in unknown:
        del values[key]
    return [_no_such_setting(str(key), Settings.model_fields) for key in unknown]


def _check_environment() -> Iterator[str]:
    """What pydantic-settings would ignore: variables that name no setting."""
    for variable in os.environ:
        if not variable.upper().startswith(ENV_PREFIX) or variable == CONFIG_VARIABLE:
            continue
        name, delimiter, _ = variable[len(ENV_PREFIX) :].lower().partition("__")
        field = Settings.model_fields.get(name)
        if field is None:
            yield f"environment variable {variable}: " + _no_such_setting(
                name, Settings.model_fields
            )
        elif delimiter and not isinstance(field.default, BaseModel | dict):
            yield f"environment variable {variable}: {name} is a single setting"


def _explain(error: ErrorDetails) -> str:
    is_name = error["loc"][-1:] == ("[key]",)
    *parents, name = (str(part) for part in error["loc"] if part != "[key]")
    key = ".".join([*parents, name])
    kind = error["type"]
    if kind == "extra_forbidden":
        return _no_such_setting(name, _fields_of(parents), parents)
    if kind == "missing":
        return f"{key}: this setting is required"
    if kind == "value_error":
        return f"{key}: {error['msg'].removeprefix('Value error, ')}"
    if is_name:
        return (
            f"{key}: a preset's name has 1 to 64 letters a-z, digits, '_', '.' and '-', and "
            "begins with a letter or a digit; a number must be in quotes"
        )
    message = _EXPECTED.get(kind)
    if message is None:
        message = error["msg"].removeprefix("Input ").removeprefix("String ")
        message = message.replace("should", "must", 1)
    return f"{key}: {message}, not {_show(error['input'])}"


def _show(value: object) -> str:
    return "empty" if value is None else _SHORT.repr(value)


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


def _no_such_setting(name: str, fields: Mapping[str, object], parents: Iterable[str] = ()) -> str:
    close = difflib.get_close_matches(name, fields, 1)
    guess = f"did you mean {close[0]!r}? The" if close else "the"
    return (
        f"{'.'.join([*parents, name])}: there is no such setting; {guess} settings here are "
        + ", ".join(fields)
    )
