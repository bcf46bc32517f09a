"""What neural voices can run on, and what opens them there."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from hayakoe_engine.errors import BadOption, SourceNotFound, SourceOffline
from hayakoe_engine.sources.source import fetch_first, open_source
from hayakoe_engine.voices.sbv2.loader import Sbv2Loader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hayakoe_engine.sources.access import SourceAccess
    from hayakoe_engine.voices.sbv2.loader import PrecisionChoice
    from hayakoe_engine.voices.sbv2.phrase_cache import PhraseCache
    from hayakoe_engine.voices.voice import Voice

_LOG = logging.getLogger(__name__)

_PACKAGES: Final = "pip install 'wyoming-hayakoe[torch]'"
_CHECKPOINT: Final = "*.safetensors"


class NeuralLoader(Protocol):
    """Opens neural voices on one device."""

    language_model_prefixes: ClassVar[Sequence[str]]

    def load(
        self, name: str, voice: Path, bert: Path, tokenizer: Path, *, source: str = ""
    ) -> Voice:
        """Make a voice and open it, installing it if that has not been done yet."""
        ...

    def install(
        self, name: str, voice: Path, bert: Path, tokenizer: Path, *, source: str = ""
    ) -> None:
        """Install a voice if that has not been done yet, so that only opening is left to do."""
        ...


def best_device() -> str:
    """The fastest device that this machine has."""
    if find_spec("torch") is None:
        return "cpu"
    from hayakoe_engine.voices.sbv2.torch.device import why_no_gpu  # noqa: PLC0415

    reason = why_no_gpu()
    if reason is not None:
        _LOG.info("neural voices run on the CPU: torch %s", reason)
    return "cpu" if reason else "cuda"


def open_loader(
    device: str,
    cache: Path,
    *,
    tuned: Path,
    threads: int,
    precision: PrecisionChoice,
    max_bytes: int | None,
    phrases: PhraseCache,
    compiled: bool,
) -> NeuralLoader:
    """What opens voices on a device; torch is imported only where it is needed.

    Args:
        device: "cpu", "cuda" or "torch-cpu".
        cache: Folder for what is made of published files.
        tuned: Folder for what is made of that for this machine.
        threads: Threads that one stage of a sentence may use on the CPU.
        precision: Of all voices.
        max_bytes: Memory for what is open, about; None is no limit.
        phrases: Remembers what the voices say.
        compiled: Whether torch compiles the networks.

    Raises:
        BadOption: The device is not there, or what it needs is not installed.
    """
    if device == "cpu":
        return Sbv2Loader(
            cache,
            tuned=tuned,
            threads=threads,
            precision=precision,
            max_bytes=max_bytes,
            phrases=phrases,
        )
    try:
        from hayakoe_engine.voices.sbv2.torch.loader import TorchLoader  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise BadOption(f"device {device} needs {error.name}", hint=_PACKAGES) from error
    return TorchLoader(
        device,
        cache,
        threads=threads,
        precision=precision,
        max_bytes=max_bytes,
        phrases=phrases,
        is_compiled=compiled,
    )


def fetch_language_model(
    prefixes: Sequence[str], sources: Sequence[str], access: SourceAccess
) -> Path:
    """The folder of a language model that lies at one of these places in a repository.

    What is on this machine already is used; of what is not, the first source that has any, and of
    what it has the kind that comes first.

    Raises:
        SourceError: None can be had.
    """
    *preferred, last = prefixes
    if not preferred:
        return fetch_first(sources, last, access)
    for now in (access,) if access.update else (replace(access, offline=True), access):
        for source in sources:
            for prefix in prefixes:
                with suppress(SourceNotFound, SourceOffline):
                    folder = open_source(source, now).fetch(prefix)
                    if prefix == last or any(folder.glob(_CHECKPOINT)):
                        return folder
    return fetch_first(sources, last, access)
