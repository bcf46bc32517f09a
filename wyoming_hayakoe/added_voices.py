"""The voices that were added while a server ran, kept for its next start."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import yaml
from pydantic import TypeAdapter, ValidationError

from hayakoe_engine.disk import write_whole
from hayakoe_engine.errors import ConfigError
from wyoming_hayakoe.complaints import explain
from wyoming_hayakoe.setting_types import VoiceName
from wyoming_hayakoe.settings import NeuralVoice, Settings

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 1 << 20
_HEADER: Final = "# Voices added while the server ran; edit it only while it does not.\n"
_VOICES: Final = TypeAdapter(dict[VoiceName, NeuralVoice])


class AddedVoices:
    """A file with voices by name. May be used from many threads at once.

    Args:
        path: The file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def load(self) -> dict[str, NeuralVoice]:
        """The voices.

        Raises:
            ConfigError: The file cannot be read, or is not what was written there.
        """
        try:
            if self._path.stat().st_size > MAX_BYTES:
                raise ConfigError(f"{self._path} is larger than {MAX_BYTES} bytes")
            values = yaml.safe_load(self._path.read_text("utf-8"))
            return _VOICES.validate_python(values or {})
        except FileNotFoundError:
            return {}
        except ValidationError as error:
            problems = "; ".join(explain(one, Settings) for one in error.errors())
            raise ConfigError(f"{self._path}: {problems}") from error
        except (OSError, UnicodeDecodeError, ValueError, yaml.YAMLError) as error:
            raise ConfigError(f"cannot read {self._path}: {error}") from error

    def put(self, name: str, voice: NeuralVoice | None) -> None:
        """Add a voice, or take it away.

        Raises:
            ConfigError: The file cannot be read.
            OSError: It cannot be written; it is as before.
        """
        with self._lock:
            voices = self.load()
            voices.pop(name, None)
            if voice is not None:
                voices[name] = voice
            values = {name: one.model_dump(exclude_none=True) for name, one in voices.items()}
            self._path.parent.mkdir(parents=True, exist_ok=True)
            text = _HEADER + yaml.safe_dump(values, allow_unicode=True, sort_keys=True)
            write_whole(self._path, text.encode())
