"""From published files to voices that speak: installed once, opened when they are needed."""

from __future__ import annotations

import logging
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.sources.layout import LANGUAGE_MODEL as LANGUAGE_MODEL_PREFIX
from hayakoe_engine.voices.residency import Residency, Resident
from hayakoe_engine.voices.sbv2.artifacts import ArtifactStore
from hayakoe_engine.voices.sbv2.bert import Bert
from hayakoe_engine.voices.sbv2.decoder_form import with_form_for_here
from hayakoe_engine.voices.sbv2.files import BertFiles, VoiceFiles
from hayakoe_engine.voices.sbv2.installed import (
    INSTALLED,
    LANGUAGE_MODEL,
    NotInstallable,
    Precision,
    VoiceManifest,
)
from hayakoe_engine.voices.sbv2.language_model import CharacterFeatures, LanguageModel
from hayakoe_engine.voices.sbv2.onnx import OnnxBackend, graphs_of, size_bytes
from hayakoe_engine.voices.sbv2.published import PublishedVoice, open_bert, open_synthesizer
from hayakoe_engine.voices.sbv2.sessions import SessionOpener
from hayakoe_engine.voices.sbv2.voice import Sbv2Voice
from hayakoe_engine.voices.sbv2.voice_info import voice_info

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from hayakoe_engine.voices.sbv2.phrase_cache import PhraseCache
    from hayakoe_engine.voices.voice import Voice, VoiceInfo

_LOG = logging.getLogger(__name__)

PrecisionChoice: TypeAlias = Precision | Literal["auto"]


class Sbv2Loader:
    """Makes the neural voices of one engine, which share the language model and the memory.

    Args:
        cache: Folder for what is installed.
        tuned: Folder for copies made for this machine.
        threads: Threads that one stage of a sentence may use.
        precision: Of all voices; ``auto`` is what the install step found good enough for each.
        max_bytes: Memory for what is open, about; None is no limit.
        phrases: Remembers what the voices say.
    """

    language_model_prefixes: ClassVar[Sequence[str]] = (LANGUAGE_MODEL_PREFIX,)
    """Where language models lie in repositories, the preferred one first."""

    def __init__(
        self,
        cache: Path,
        *,
        tuned: Path,
        threads: int,
        precision: PrecisionChoice,
        max_bytes: int | None,
        phrases: PhraseCache,
    ) -> None:
        self._cache = cache
        self._store = ArtifactStore(cache / INSTALLED)
        self._opener = SessionOpener(tuned)
        self._threads = threads
        self._precision = precision
        self._residency = Residency(max_bytes)
        self._phrases = phrases
        self._lock = threading.Lock()
        self._language_models: weakref.WeakValueDictionary[tuple[Path, Path], LanguageModel] = (
            weakref.WeakValueDictionary()
        )

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
        installed = self._installed(name, voice, bert, tokenizer, source)
        with ThreadPoolExecutor(1) as pool:
            opening = pool.submit(self._open_language_model, installed.language_model)
            return self._open(installed, opening.result)

    def install(
        self, name: str, voice: Path, bert: Path, tokenizer: Path, *, source: str = ""
    ) -> None:
        """Install a voice if that has not been done yet, and do not open it; otherwise as ``load``.

        Raises:
            BadVoiceFiles: As for ``load``.
        """
        installed = self._installed(name, voice, bert, tokenizer, source)
        if installed.language_model.graph is None:
            open_bert(installed.language_model.files.model, self._threads)
        if installed.folder is None:
            open_synthesizer(installed.files.synthesizer, self._threads)

    def leave_out(
        self, name: str, voice: Path, bert: Path, tokenizer: Path, *, source: str = ""
    ) -> None:
        """Install a voice, and do not keep the networks in the cache that were published.

        What was made of them is read before, and must be whole. Otherwise as ``load``.

        Raises:
            BadVoiceFiles: As for ``load``, or something is damaged.
        """
        installed = self._installed(name, voice, bert, tokenizer, source)
        model = installed.language_model
        model_folder = None if model.graph is None else model.graph.parent
        self._leave_out("the language model", [model.files.model], model_folder)
        self._leave_out(f"voice {name}", installed.files.networks, installed.folder)

    def _leave_out(self, what: str, files: Sequence[Path], folder: Path | None) -> None:
        if folder is None or not files:
            why = "runs as it was published" if folder is None else "is one file"
            _LOG.warning("%s is kept as it was published: it %s", what, why)
            return
        cache = self._cache.resolve()
        own = [file for file in files if file.resolve().is_relative_to(cache)]
        freed_bytes = self._store.leave_out(own, folder)
        if freed_bytes:
            _LOG.info("%s is kept as installed only: %.1f MB less", what, freed_bytes / 1e6)

    def parts(
        self, name: str, voice: Path, bert: Path, tokenizer: Path
    ) -> tuple[LanguageModel, VoiceManifest, Callable[[Precision], OnnxBackend]]:
        """The language model of a voice, what is known of it, and its network in any precision.

        For whoever compares them; otherwise as ``load``.

        Raises:
            BadVoiceFiles: As for ``load``, or there is nothing but the graph as it was published.
        """
        installed = self._installed(name, voice, bert, tokenizer, "")
        folder = installed.folder
        if folder is None:
            raise BadVoiceFiles(f"{voice}: has no precisions: it runs as it was published")
        manifest = self._manifest(folder)

        def open_backend(precision: Precision) -> OnnxBackend:
            return OnnxBackend(
                folder, self._opener, manifest, precision=precision, threads=self._threads
            )

        return self._open_language_model(installed.language_model), manifest, open_backend

    def _installed(
        self, name: str, voice: Path, bert: Path, tokenizer: Path, source: str
    ) -> _InstalledVoice:
        files = VoiceFiles.open(voice, whole=False)
        info = voice_info(name, source, files.config, files.facts)
        language_model = self._install_language_model(BertFiles.open(bert, tokenizer, whole=False))

        def make(folder: Path) -> None:
            with _installing(f"voice {name}"):
                from hayakoe_engine.voices.sbv2.install.voice import make_voice  # noqa: PLC0415

                rehearsing = self._make_language_model(language_model, Residency(), None)
                make_voice(files, info, rehearsing, folder, threads=self._threads)

        folder = None
        try:
            folder = self._store.obtain("voice", files.paths, make, name=name)
        except NotInstallable as error:
            _LOG.warning("voice %s runs as it was published, slower: %s", name, error)
        return _InstalledVoice(files, info, folder, language_model)

    def _install_language_model(self, files: BertFiles) -> _InstalledBert:
        def make(folder: Path) -> None:
            with _installing("the language model"):
                from hayakoe_engine.voices.sbv2.install.language_model import (  # noqa: PLC0415
                    make_language_model,
                )

                make_language_model(files, folder)

        graph = None
        try:
            graph = self._store.obtain("bert", [files.model], make) / LANGUAGE_MODEL
        except NotInstallable as error:
            _LOG.warning("the language model runs as it was published, slower: %s", error)
        return _InstalledBert(files, graph)

    def _open(self, voice: _InstalledVoice, language_model: Callable[[], LanguageModel]) -> Voice:
        files, folder, threads = voice.files, voice.folder, self._threads
        if folder is None:
            session = Resident(
                self._residency,
                files.synthesizer.stat().st_size,
                lambda: open_synthesizer(files.synthesizer, threads),
            )
            session.get()
            return PublishedVoice(
                voice.info,
                files,
                session,
                language_model(),
                phrases=self._phrases,
                identity=" ".join(map(self._store.content_hash, files.paths)),
            )
        manifest = self._manifest(folder)
        precision = manifest.best if self._precision == "auto" else self._precision
        backend = Resident(
            self._residency,
            size_bytes(folder, manifest, precision),
            lambda: OnnxBackend(
                folder, self._opener, manifest, precision=precision, threads=threads
            ),
        )
        backend.get()
        return Sbv2Voice(
            replace(voice.info, precision=precision),
            files.config,
            files.styles,
            gain=manifest.gain,
            backend=backend,
            language_model=language_model(),
            phrases=self._phrases,
            identity=" ".join([folder.name, *graphs_of(manifest, precision)]),
        )

    def _manifest(self, folder: Path) -> VoiceManifest:
        manifest = VoiceManifest.read(folder)
        return with_form_for_here(manifest, folder, self._opener)

    def _open_language_model(self, installed: _InstalledBert) -> LanguageModel:
        """The one that all voices share who speak with these files, open."""
        key = installed.graph or installed.files.model, installed.files.vocabulary
        with self._lock:
            known = self._language_models.get(key)
            if known is None:
                known = self._make_language_model(installed, self._residency, self._opener)
                self._language_models[key] = known
        known.open()
        return known

    def _make_language_model(
        self, installed: _InstalledBert, residency: Residency, opener: SessionOpener | None
    ) -> LanguageModel:
        """One that is not open.

        Args:
            installed: Its files.
            residency: Where its memory counts.
            opener: Opens it; None opens it as it is, so that no copy is made for this machine.
        """
        files, graph, threads = installed.files, installed.graph, self._threads
        bert: Resident[CharacterFeatures]
        if graph is None:
            size = files.model.stat().st_size
            bert = Resident(residency, size, lambda: open_bert(files.model, threads))
        else:
            opener = opener or SessionOpener(None)
            bert = Resident(
                residency, graph.stat().st_size, lambda: Bert(opener.open(graph, threads=threads))
            )
        content = map(self._store.content_hash, (files.model, files.vocabulary))
        return LanguageModel(files.tokenizer, bert, " ".join(content))


@dataclass(frozen=True, slots=True)
class _InstalledBert:
    """A language model.

    Attributes:
        files: What was published.
        graph: What was made of it; None runs it as it was published.
    """

    files: BertFiles
    graph: Path | None


@dataclass(frozen=True, slots=True)
class _InstalledVoice:
    """A voice that can be opened.

    Attributes:
        files: What was published.
        info: Facts about it.
        folder: What was made of it; None runs it as it was published.
        language_model: What it speaks with.
    """

    files: VoiceFiles
    info: VoiceInfo
    folder: Path | None
    language_model: _InstalledBert


@contextmanager
def _installing(what: str) -> Iterator[None]:
    """Say what is going on, and what is missing."""
    _LOG.info("installing %s, once; this takes a while", what)
    try:
        yield
    except ModuleNotFoundError as error:
        raise NotInstallable(
            f"installing it needs {error.name}: pip install 'wyoming-hayakoe[install]', or, in a "
            "container, make the voice a part of the image (docs/docker.md)"
        ) from error
