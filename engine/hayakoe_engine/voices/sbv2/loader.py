"""From published files to voices that speak: installed once, opened when they are needed."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from hayakoe_engine.sources.layout import LANGUAGE_MODEL as LANGUAGE_MODEL_PREFIX
from hayakoe_engine.voices.residency import Residency, Resident
from hayakoe_engine.voices.sbv2.artifacts import ArtifactStore
from hayakoe_engine.voices.sbv2.bert import Bert
from hayakoe_engine.voices.sbv2.files import BertFiles, VoiceFiles
from hayakoe_engine.voices.sbv2.installed import (
    LANGUAGE_MODEL,
    NotInstallable,
    Precision,
    VoiceManifest,
)
from hayakoe_engine.voices.sbv2.language_model import LanguageModel
from hayakoe_engine.voices.sbv2.onnx import OnnxBackend, graphs_of
from hayakoe_engine.voices.sbv2.phrase_cache import PhraseCache
from hayakoe_engine.voices.sbv2.published import PublishedVoice, open_bert, open_synthesizer
from hayakoe_engine.voices.sbv2.sessions import SessionOpener
from hayakoe_engine.voices.sbv2.voice import Sbv2Voice
from hayakoe_engine.voices.sbv2.voice_info import voice_info

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hayakoe_engine.voices.voice import Voice, VoiceInfo

_LOG = logging.getLogger(__name__)

PrecisionChoice: TypeAlias = Precision | Literal["auto"]


class Sbv2Loader:
    """Makes the neural voices of one engine, which share the language model and the memory.

    Args:
        cache: Folder for what is installed and for copies made for this machine.
        threads: Threads that one stage of a sentence may use.
        precision: Of all voices; ``auto`` is what the install step found good enough for each.
        max_bytes: Memory for what is open, about; None is no limit.
    """

    language_model_prefixes: ClassVar[Sequence[str]] = (LANGUAGE_MODEL_PREFIX,)
    """Where language models lie in repositories, the preferred one first."""

    def __init__(
        self, cache: Path, *, threads: int, precision: PrecisionChoice, max_bytes: int | None
    ) -> None:
        self._store = ArtifactStore(cache / "installed")
        self._opener = SessionOpener(cache / "tuned")
        self._threads = threads
        self._precision = precision
        self._residency = Residency(max_bytes)
        self._phrases = PhraseCache()
        self._lock = threading.Lock()
        self._language_models: dict[tuple[Path, Path], LanguageModel] = {}

    def load(
        self, name: str, voice: Path, bert: Path, tokenizer: Path, *, source: str = ""
    ) -> Voice:
        """Make a voice and open it, installing it if that has not been done yet.

        Args:
            name: What programs call it.
            voice: Folder of the published voice, or its AIVMX file.
            bert: Folder of the published language model.
            tokenizer: Folder of its vocabulary.
            source: URI that the voice comes from, by which its licence may be known.

        Raises:
            BadVoiceFiles: A file is missing, damaged or foreign, or nothing can be installed.
        """
        files = VoiceFiles.open(voice)
        info = voice_info(name, source, files.config, files.facts)
        language_model = self._language_model(bert, tokenizer)
        try:
            folder = self._install(files, info, language_model)
        except NotInstallable as error:
            _LOG.warning("voice %s runs as it was published, slower: %s", name, error)
            session = Resident(
                self._residency,
                files.synthesizer.stat().st_size,
                partial(open_synthesizer, files.synthesizer, self._threads),
            )
            session.get()
            return PublishedVoice(info, files, session, language_model)
        manifest = VoiceManifest.read(folder)
        precision = manifest.best if self._precision == "auto" else self._precision
        backend = Resident(
            self._residency,
            sum(graph.stat().st_size for graph in graphs_of(folder, precision)),
            lambda: OnnxBackend(
                folder, self._opener, manifest, precision=precision, threads=self._threads
            ),
        )
        backend.get()
        return Sbv2Voice(
            replace(info, precision=precision),
            files.config,
            files.styles,
            gain=manifest.gain,
            backend=backend,
            language_model=language_model,
            phrases=self._phrases,
            identity=f"{folder.name} {precision}",
        )

    def _language_model(self, bert: Path, tokenizer: Path) -> LanguageModel:
        with self._lock:
            known = self._language_models.get((bert, tokenizer))
            if known is None:
                known = self._open_language_model(BertFiles.open(bert, tokenizer))
                self._language_models[bert, tokenizer] = known
            return known

    def _open_language_model(self, files: BertFiles) -> LanguageModel:
        def make(folder: Path) -> None:
            with _installing("the language model"):
                from hayakoe_engine.voices.sbv2.install.language_model import (  # noqa: PLC0415
                    make_language_model,
                )

                make_language_model(files, folder)

        try:
            graph = self._store.obtain("bert", [files.model], make) / LANGUAGE_MODEL
        except NotInstallable as error:
            _LOG.warning("the language model runs as it was published, slower: %s", error)
            published = Resident(
                self._residency,
                files.model.stat().st_size,
                partial(open_bert, files.model, self._threads),
            )
            published.get()
            return LanguageModel(files.tokenizer, published)
        bert = Resident(
            self._residency,
            graph.stat().st_size,
            lambda: Bert(self._opener.open(graph, threads=self._threads)),
        )
        bert.get()
        return LanguageModel(files.tokenizer, bert)

    def _install(self, files: VoiceFiles, info: VoiceInfo, language_model: LanguageModel) -> Path:
        def make(folder: Path) -> None:
            with _installing(f"voice {info.name}"):
                from hayakoe_engine.voices.sbv2.install.voice import make_voice  # noqa: PLC0415

                make_voice(files, info, language_model, folder, threads=self._threads)

        return self._store.obtain("voice", files.paths, make)


@contextmanager
def _installing(what: str) -> Iterator[None]:
    """Say what is going on, and what is missing."""
    _LOG.info("installing %s, once; this takes a while", what)
    try:
        yield
    except ModuleNotFoundError as error:
        raise NotInstallable(
            f"installing it needs {error.name}: pip install 'wyoming-hayakoe[install]'"
        ) from error
