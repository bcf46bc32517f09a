"""All settings, as one typed tree: defaults < configuration file < environment < flags.

This is the only place that reads the environment.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from hayakoe_engine.errors import ConfigError
from hayakoe_engine.sources.source import DEFAULT_SOURCE
from wyoming_hayakoe.address import Address, parse_address
from wyoming_hayakoe.cluster_settings import ClusterSettings
from wyoming_hayakoe.complaints import explain, no_such_setting
from wyoming_hayakoe.http_settings import HttpSettings
from wyoming_hayakoe.setting_types import (
    Deadline,
    Intonation,
    Name,
    Noise,
    NoiseW,
    PauseScale,
    PitchScale,
    SdpRatio,
    Section,
    Source,
    SpeakerId,
    Speed,
    StyleWeight,
    Title,
    Token,
    VoiceName,
    Volume,
    check_address,
    expand_home,
    none_as_empty,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ENV_PREFIX = "HAYAKOE_"
CONFIG_VARIABLE = "HAYAKOE_CONFIG"
"""Environment variable that names the configuration file."""


class SpeechSettings(Section):
    """How every voice speaks, unless a preset says otherwise."""

    speed: Speed = 1.0
    """Speaking rate; larger is faster."""
    pitch_scale: PitchScale = 1.0
    """Factor of the pitch."""
    intonation_scale: Intonation = 1.0
    """Scale of the pitch movement, where the voice can."""
    volume: Volume = 1.0
    """Linear gain."""
    pause_scale: PauseScale = 1.0
    """Scale of the pauses between phrases and sentences."""
    style_weight: StyleWeight = 1.0
    """How strong a style is: 0 is the voice's mean, 1 the style itself."""
    sdp_ratio: SdpRatio = 0.2
    """Liveliness of a neural voice's rhythm."""
    noise: Noise = 0.6
    """Liveliness of a neural voice's sound."""
    noise_w: NoiseW = 0.8
    """Liveliness of what `sdp_ratio` mixes in."""
    speaker_id: SpeakerId = 0
    """Number of the speaker, in voices that have so many; others speak with their first."""


class NeuralVoice(Section):
    """A neural voice, beside the embedded one."""

    source: Source = DEFAULT_SOURCE
    """Where its files are: `hf://USER/REPO`, `s3://BUCKET/PREFIX`, `file:///PATH` or a path."""
    title: Title | None = None
    """What people see; what the voice calls itself if absent."""


class NeuralSettings(Section):
    """What all neural voices have in common."""

    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """What they run on: `cuda` needs a GPU and the extra `torch`; `auto` takes it if there is
    one."""
    precision: Literal["auto", "exact", "balanced", "fast"] = "auto"
    """Of their numbers; `auto` is what was found good enough for each when it was installed."""
    compiled: bool = False
    """Whether torch compiles them for the GPU when they are made ready, which takes minutes."""
    bert_source: Source | None = None
    """Where their language model is; where the voice is, or the official voices are, if absent."""
    memory_mb: int | None = Field(None, ge=1, le=1_048_576)
    """Memory that they may take, about; there is no limit if absent."""


class Preset(Section):
    """A named combination that is a voice of its own in every interface."""

    voice: str
    """The voice that speaks."""
    style: str | None = None
    """One of the voice's styles; its own if absent."""
    title: Title | None = None
    """What people see; the preset's name if absent."""
    speed: Speed | None = None
    """As in `speech`; absent means as there. So for the others."""
    pitch_scale: PitchScale | None = None
    intonation_scale: Intonation | None = None
    volume: Volume | None = None
    pause_scale: PauseScale | None = None
    style_weight: StyleWeight | None = None
    sdp_ratio: SdpRatio | None = None
    noise: Noise | None = None
    noise_w: NoiseW | None = None
    speaker_id: SpeakerId | None = None


class TextSettings(Section):
    """What is done with the parts of a text that are no words."""

    urls: Literal["skip", "say"] = "skip"
    """`skip` leaves URLs and mail addresses out, `say` says リンク and メールアドレス."""
    emoji: Literal["skip", "name"] = "skip"
    """`skip` leaves emoji out, `name` says their Japanese names."""


class WyomingSettings(Section):
    """The Wyoming server."""

    uri: Annotated[str, AfterValidator(check_address)] = "tcp://0.0.0.0:10200"
    """Where to listen: `tcp://HOST:PORT` (`[::]` is IPv6 and IPv4), `unix:///PATH` or `stdio://`."""
    streaming: bool = True
    """Whether clients are told that they may send text as it comes, such as an assistant's."""
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


class ZeroconfSettings(Section):
    """The announcement by which Home Assistant finds the server."""

    enabled: bool = True
    """Whether to announce a TCP server on the local network."""
    name: str | None = Field(None, min_length=1, max_length=63)
    """Instance name; one that is unique to this machine if absent."""


class LogSettings(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity."""
    format: Literal["text", "json"] = "text"
    """`json` is one object a line."""
    text: bool = False
    """Whether the spoken text itself may appear; it is private, so it does not."""


class FallbackSettings(Section):
    """The embedded voice in place of one that cannot speak."""

    enabled: bool = True
    """Whether it steps in, sentence by sentence; otherwise such a request fails."""
    deadline_s: Deadline = 1.5
    """It also does when nothing has been heard of a sentence for so long."""


class PhraseCacheSettings(Section):
    """Sentences that neural voices have said, kept to be said again at once."""

    memory_mb: int = Field(16, ge=0, le=65_536)
    """Most of them in memory."""
    disk_mb: int = Field(256, ge=0, le=1_048_576)
    """Most of them in the cache folder, where they survive a restart; 0 keeps none there."""


class PacingSettings(Section):
    """Machines on which a voice takes longer to make a sentence than to say it."""

    start_limit_s: float = Field(1.5, ge=0, le=60)
    """The first sound is held back until so long after the text has come, at most, so that the rest
    does not stutter."""


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
    cache: Annotated[Path, AfterValidator(expand_home)] | None = None
    """Folder for what is downloaded and made of neural voices; `hayakoe` in the user's cache
    folder if absent."""
    machine_cache: Annotated[Path, AfterValidator(expand_home)] | None = None
    """Folder for what is made on this machine for itself: copies of neural voices tuned to its CPU,
    and sentences they have said. In `cache` if absent; for a `cache` that cannot be written."""
    offline: bool = False
    """Whether the network must not be used for voices that are not on this machine."""
    hf_token: Token | None = None
    """Token for private repositories of the Hugging Face hub; `HF_TOKEN` if absent."""
    threads: int | None = Field(None, ge=1, le=256)
    """Threads that synthesise; one per CPU if absent."""
    max_utterances: int = Field(256, ge=1, le=10_000)
    """Utterances in progress at once; one more is told that the server is busy."""
    speech: SpeechSettings = SpeechSettings()
    text: TextSettings = TextSettings()
    voices: Annotated[dict[VoiceName, NeuralVoice], BeforeValidator(none_as_empty)] = {}
    """Neural voices by name: what clients call them, and their publisher."""
    neural: NeuralSettings = NeuralSettings()
    cluster: ClusterSettings = ClusterSettings()
    fallback: FallbackSettings = FallbackSettings()
    phrase_cache: PhraseCacheSettings = PhraseCacheSettings()
    pacing: PacingSettings = PacingSettings()
    presets: Annotated[dict[Name, Preset], BeforeValidator(none_as_empty)] = {}
    """Voices of your own making."""
    wyoming: WyomingSettings = WyomingSettings()
    http: HttpSettings = HttpSettings()
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
        problems += (explain(one, Settings) for one in error.errors())
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
    return [no_such_setting(str(key), Settings.model_fields) for key in unknown]


def _check_environment() -> Iterator[str]:
    """What pydantic-settings would ignore: variables that name no setting."""
    for variable in os.environ:
        if not variable.upper().startswith(ENV_PREFIX) or variable == CONFIG_VARIABLE:
            continue
        name, delimiter, _ = variable[len(ENV_PREFIX) :].lower().partition("__")
        field = Settings.model_fields.get(name)
        if field is None:
            yield f"environment variable {variable}: " + no_such_setting(
                name, Settings.model_fields
            )
        elif delimiter and not isinstance(field.default, BaseModel | dict):
            yield f"environment variable {variable}: {name} is a single setting"
