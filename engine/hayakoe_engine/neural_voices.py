"""The neural voices of an engine: from a name and a source to a voice that speaks."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, TypeVar

from hayakoe_engine.cpus import available_cpus
from hayakoe_engine.errors import BadOption, BusyError, SourceError
from hayakoe_engine.once import Once
from hayakoe_engine.sources.layout import (
    LANGUAGE_MODEL,
    TOKENIZER,
    TORCH_LANGUAGE_MODEL,
    language_model_sources,
    voice_prefix,
)
from hayakoe_engine.sources.left_out import PublishedLeftOut
from hayakoe_engine.sources.source import fetch_first, open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hayakoe_engine.sources.access import SourceAccess
    from hayakoe_engine.voices.sbv2.devices import NeuralLoader
    from hayakoe_engine.voices.sbv2.loader import PrecisionChoice
    from hayakoe_engine.voices.sbv2.phrase_cache import PhraseCache
    from hayakoe_engine.voices.voice import Voice

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")

DEVICES: Final = ("auto", "cpu", "cuda", "torch-cpu")
PRECISIONS: Final = ("auto", "exact", "balanced", "fast")

_TORCH_DEVICES: Final = ("cuda", "torch-cpu")
_TORCH_LANGUAGE_MODELS: Final = (TORCH_LANGUAGE_MODEL, LANGUAGE_MODEL)
_GPU_THREADS: Final = 16


class NeuralVoices:
    """Fetches, installs and opens voices; what that needs is imported at the first of them.

    Args:
        device: What they run on: one of ``DEVICES`` but "auto".
        access: To their sources.
        bert_source: As for ``TTS``.
        tuned: Folder for copies made for this machine.
        threads: That one stage of a sentence may use.
        precision: Of all voices.
        max_bytes: Memory for what is open, about; None is no limit.
        phrases: Remembers what was said.
        compiled: Whether torch compiles the networks.
    """

    def __init__(
        self,
        device: str,
        access: SourceAccess,
        *,
        bert_source: str | None,
        tuned: Path,
        threads: int,
        precision: PrecisionChoice,
        max_bytes: int | None,
        phrases: PhraseCache,
        compiled: bool,
    ) -> None:
        self._device = device
        self._access = access
        self._bert_source = bert_source
        self._tuned = tuned
        self._threads = threads
        self._precision = precision
        self._max_bytes = max_bytes
        self._phrases = phrases
        self._compiled = compiled
        self._loaders: dict[str, Once[NeuralLoader]] = {}

    def open(self, name: str, source: str, *, update: bool) -> Voice:
        """Make a voice ready to speak.

        Args:
            name: What the voice is called, here and there.
            source: URI of where it comes from.
            update: Whether the source is asked for what it has now.

        Raises:
            SourceError: Its files cannot be had.
            VoiceError: They are not a voice.
            BusyError: The engine was closed meanwhile.
        """
        loader = self._loader(self._device)
        return self._use(partial(loader.load, source=source), loader, name, source, update=update)

    def install(
        self, name: str, source: str, *, device: str | None, update: bool, keep_published: bool
    ) -> None:
        """Do all that is done before a voice is opened; otherwise as ``open``.

        Where torch is missing, files for devices that need it are fetched, and that is all: what is
        found out about a voice on such a device is found out when it is opened there.

        Args:
            name: What the voice is called, here and there.
            source: URI of where it comes from.
            device: What it will run on; None is what it runs on here.
            update: Whether the source is asked for what it has now.
            keep_published: Whether networks stay in the cache as they were published.

        Raises:
            BadOption: They are what the device needs.
            HayakoeError: As for ``open``.
        """
        from hayakoe_engine.voices.sbv2.loader import Sbv2Loader  # noqa: PLC0415

        if not keep_published and (device or self._device) != "cpu":
            raise BadOption(
                "networks must be kept as they were published for what does not run on the CPU"
            )
        if device in _TORCH_DEVICES and find_spec("torch") is None:
            self._fetch(_TORCH_LANGUAGE_MODELS, name, source, update=update)
            return
        loader = self._loader(self._device if device is None else _stand_in(device))
        install = partial(loader.install, source=source)
        self._use(install, loader, name, source, update=update)
        if not keep_published and isinstance(loader, Sbv2Loader):
            folders = self._fetch(loader.language_model_prefixes, name, source)
            loader.leave_out(name, *folders, source=source)

    def close(self) -> None:
        """Let go of what voices share."""
        self._loaders.clear()

    def _use(
        self,
        use: Callable[[str, Path, Path, Path], _T],
        loader: NeuralLoader,
        name: str,
        source: str,
        *,
        update: bool,
    ) -> _T:
        """Do something with the files of a voice; those that were left out come if they must."""
        fetch = partial(self._fetch, loader.language_model_prefixes, name, source)
        try:
            return use(name, *fetch(update=update))
        except PublishedLeftOut as error:
            if self._access.offline:
                raise
            _LOG.warning("%s", error)
            return use(name, *fetch(whole=True))

    def _fetch(
        self,
        language_models: Sequence[str],
        name: str,
        source: str,
        *,
        update: bool = False,
        whole: bool = False,
    ) -> tuple[Path, Path, Path]:
        """The folders of a voice, its language model and the tokenizer."""
        from hayakoe_engine.voices.sbv2.devices import fetch_language_model  # noqa: PLC0415

        access = replace(self._access, update=update, whole=whole)
        sources = language_model_sources(source, self._bert_source)
        try:
            return (
                open_source(source, access).fetch(voice_prefix(name)),
                fetch_language_model(language_models, sources, access),
                fetch_first(sources, TOKENIZER, access),
            )
        except SourceError as error:
            if access.stop.is_set():
                raise BusyError("the engine is closed") from error
            raise

    def _loader(self, device: str) -> NeuralLoader:
        return self._loaders.setdefault(device, Once(partial(self._open_loader, device))).get()

    def _open_loader(self, device: str) -> NeuralLoader:
        from hayakoe_engine.voices.sbv2.devices import open_loader  # noqa: PLC0415

        return open_loader(
            device,
            self._access.cache,
            tuned=self._tuned,
            threads=self._threads,
            precision=self._precision,
            max_bytes=self._max_bytes,
            phrases=self._phrases,
            compiled=self._compiled,
        )


def resolve_device(device: str) -> str:
    """What "auto" means on this machine; another device is itself."""
    if device != "auto":
        return device
    from hayakoe_engine.voices.sbv2.devices import best_device  # noqa: PLC0415

    return best_device()


def default_threads(device: str) -> int:
    """How many workers an engine has if nothing is said.

    On a GPU what is asked for at the same moment is computed at once, so many may ask.
    """
    return max(available_cpus(), _GPU_THREADS) if device == "cuda" else available_cpus()


def _stand_in(device: str) -> str:
    """What gets voices ready for a device: the device itself, where it is there."""
    if device != "cpu" and resolve_device("auto") == "cpu":
        return "torch-cpu" if device != "auto" else "cpu"
    return resolve_device(device)
