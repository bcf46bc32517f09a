"""From what a user enters in Home Assistant to the settings of the server.

A wrong option is told in the log, and its default takes its place: a home that does not speak at
all because of one typing error helps nobody.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hayakoe_addon.baked import LOCAL, read_index
from hayakoe_addon.custom_voices import find_language_model, find_voices
from hayakoe_addon.discovery import PORT
from hayakoe_engine.errors import ConfigError, VoiceError
from hayakoe_engine.tts import EMBEDDED_VOICE
from hayakoe_engine.voices.catalogue import catalogue
from wyoming_hayakoe.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hayakoe_addon.folders import Folders

_LOG = logging.getLogger(__name__)

HTTP_PORT: Final = 10280
INGRESS_PORT: Final = 8099
SUPERVISOR_ADDRESS: Final = "172.30.32.2"
"""Where requests of Home Assistant's own pages come from."""

_SETTING_OF: Final = {
    "speed": "speech.speed",
    "volume": "speech.volume",
    "sentence_pause": "speech.pause_scale",
    "precision": "neural.precision",
    "memory_mb": "neural.memory_mb",
    "cache_mb": "phrase_cache.disk_mb",
    "threads": "threads",
    "offline": "offline",
    "streaming": "wyoming.streaming",
    "hf_token": "hf_token",
    "log_level": "log.level",
    "log_text": "log.text",
}
"""Options that are settings under another name."""

KNOWN: Final = _SETTING_OF.keys() | {
    *("voice", "style", "voices", "dictionary", "http_api", "api_keys"),
}
"""All options."""


@dataclass(frozen=True, slots=True)
class _Voices:
    """What is known before the server has loaded anything.

    Attributes:
        settings: The group ``voices`` of the settings.
        styles: Names of the styles, of voices of which they are known.
    """

    settings: dict[str, dict[str, Any]]
    styles: dict[str, tuple[str, ...]]


def read_options(file: Path) -> dict[str, Any]:
    """What the user has entered.

    Empty fields are left out. A file that cannot be read is told in the log and counts as empty.
    """
    try:
        options = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        _LOG.error("cannot read the options, so the defaults are used: %s", error)
        return {}
    if not isinstance(options, dict):
        _LOG.error("the options are no list of names and values, so the defaults are used")
        return {}
    return {name: value for name, value in options.items() if value not in (None, "")}


def settings_of(options: dict[str, Any], folders: Folders) -> dict[str, Any]:
    """The settings of the server in the add-on, as its configuration file has them."""
    for name in options.keys() - KNOWN:
        _LOG.warning("option %s: there is no such option any more; it is ignored", name)
    settings: dict[str, Any] = {
        "wyoming": {"uri": f"tcp://0.0.0.0:{PORT}"},
        # Multicast does not leave the add-on's network; the Supervisor is told instead.
        "zeroconf": {"enabled": False},
        "cache": str(folders.cache),
        "dictionary": str(folders.dictionary),
        "http": _http_settings(options),
    }
    for name, setting in _SETTING_OF.items():
        if name in options and _is_right(name, setting.split("."), options[name]):
            _put(settings, setting.split("."), options[name])
    voices = _voices(options, folders)
    # What is installed for one language model is not for another, so the image's comes first.
    has_baked = bool(read_index(folders.baked))
    language_model = find_language_model(
        (folders.baked / LOCAL,) if has_baked else folders.custom_voices
    )
    if language_model is not None:
        _put(settings, ("neural", "bert_source"), str(language_model))
    settings["voice"] = _default_voice(options, voices)
    settings["voices"] = voices.settings
    return settings


def baked_settings(folders: Folders) -> dict[str, dict[str, Any]]:
    """The group ``voices`` of the settings for the voices of the image."""
    return {
        name: {"source": voice["source"]}
        | ({"title": voice["title"]} if voice["title"] is not None else {})
        for name, voice in read_index(folders.baked).items()
    }


def words_of(options: dict[str, Any]) -> list[dict[str, Any]]:
    """The words of the user's own that are among the options."""
    return _entries(options, "dictionary")


def _voices(options: dict[str, Any], folders: Folders) -> _Voices:
    """Those of the image, those in the user's folders, those of the options; the last one wins."""
    styles = {voice.name: voice.styles for voice in catalogue()}
    styles |= {name: tuple(v["styles"]) for name, v in read_index(folders.baked).items()}
    voices = _Voices(baked_settings(folders), styles)
    for name, path in find_voices(folders.custom_voices).items():
        if _is_right(str(path), ("voices", name, "source"), str(path)):
            voices.settings[name] = {"source": str(path)}
            styles.pop(name, None)
            styles.update(_styles_of(name, path))
    for number, entry in enumerate(_entries(options, "voices"), 1):
        values = dict(entry)
        chosen = values.pop("name", None)
        if not isinstance(chosen, str):
            _LOG.error("option voices, entry %d: it has no name; it is ignored", number)
        elif _is_right(f"voices, entry {number}", ("voices", chosen), values):
            voices.settings[chosen] = voices.settings.get(chosen, {}) | values
            if "source" in values:
                styles.pop(chosen, None)
    return voices


def _default_voice(options: dict[str, Any], voices: _Voices) -> str:
    """The voice's name with its style, as the server's setting has it."""
    wanted = str(options.get("voice", EMBEDDED_VOICE)).strip()
    name, _, style = wanted.partition(":")
    style = str(options.get("style", style)).strip()
    if name == EMBEDDED_VOICE:
        if style:
            _LOG.warning("option style: voice %s has no styles; it is ignored", EMBEDDED_VOICE)
        return EMBEDDED_VOICE
    if name not in voices.settings:
        if name not in (voice.name for voice in catalogue()):
            _LOG.error(
                "option voice: there is no voice %r, so %s speaks; there are %s, and to be "
                "downloaded %s",
                name,
                EMBEDDED_VOICE,
                ", ".join([EMBEDDED_VOICE, *voices.settings]),
                ", ".join(voice.name for voice in catalogue()),
            )
            return EMBEDDED_VOICE
        voices.settings[name] = {}
    styles = voices.styles.get(name)
    if not style or (styles is not None and len(styles) == 1 and style in styles):
        return name
    if styles is not None and style not in styles:
        _LOG.error(
            "option style: voice %s has no style %r, so it speaks in its own; there are %s",
            name,
            style,
            ", ".join(styles),
        )
        return name
    return f"{name}:{style}"


def _styles_of(name: str, path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The styles of a voice in the user's folder; nothing if it is damaged, as the server says."""
    from hayakoe_engine.sources.layout import voice_prefix  # noqa: PLC0415
    from hayakoe_engine.voices.sbv2.files import VoiceFiles  # noqa: PLC0415

    below = path / voice_prefix(name)
    try:
        files = VoiceFiles.open(below if below.is_dir() else path)
    except VoiceError:
        return
    yield name, tuple(files.config.styles)


def _entries(options: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of groups of fields; empty fields are left out."""
    entries = options.get(name, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        _LOG.error("option %s: it is no list of entries with fields; it is ignored", name)
        return []
    return [
        {field: value for field, value in entry.items() if value not in (None, "")}
        for entry in entries
    ]


def _is_right(option: str, setting: Sequence[str], value: object) -> bool:
    """Whether the server would take it; if not, that is in the log."""
    try:
        load_settings(flags=_put({}, setting, value))
    except ConfigError as error:
        for line in str(error).splitlines():
            problem = line.removeprefix(f"{'.'.join(setting)}: ")
            _LOG.error("option %s: %s; it is ignored", option, problem)
        return False
    return True


def _put(settings: dict[str, Any], setting: Sequence[str], value: object) -> dict[str, Any]:
    """Set a setting by the keys of its groups and its own; returns the settings."""
    *groups, name = setting
    group = settings
    for key in groups:
        group = group.setdefault(key, {})
    group[name] = value
    return settings


def _http_settings(options: dict[str, Any]) -> dict[str, Any]:
    """The page is for the Supervisor alone, which has asked who it is; the rest needs a key."""
    settings: dict[str, Any] = {
        "ingress_port": INGRESS_PORT,
        "trusted_proxies": [SUPERVISOR_ADDRESS],
        "port": HTTP_PORT,
    }
    if options.get("http_api") is not True:
        return settings
    keys = options.get("api_keys")
    if not keys:
        _LOG.error("option http_api: it needs at least one key in api_keys; it is off")
    elif _is_right("api_keys", ("http", "api_keys"), keys):
        settings |= {"host": "0.0.0.0", "api_keys": keys}  # noqa: S104 - as the user wants
    else:
        _LOG.error("option http_api: it is off, because of the keys")
    return settings
