"""From published files to voices that speak on a device."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.sources.layout import LANGUAGE_MODEL, TORCH_LANGUAGE_MODEL
from hayakoe_engine.voices.residency import Residency, Resident
from hayakoe_engine.voices.sbv2.artifacts import ArtifactStore
from hayakoe_engine.voices.sbv2.checkpoint import load_checkpoint
from hayakoe_engine.voices.sbv2.files import BertFiles
from hayakoe_engine.voices.sbv2.installed import NotInstallable, Precision
from hayakoe_engine.voices.sbv2.language_model import LanguageModel
from hayakoe_engine.voices.sbv2.network_config import NetworkConfig
from hayakoe_engine.voices.sbv2.published import open_bert
from hayakoe_engine.voices.sbv2.rehearsal import Rehearsal
from hayakoe_engine.voices.sbv2.tokenizer import Tokenizer
from hayakoe_engine.voices.sbv2.torch import bert_weights
from hayakoe_engine.voices.sbv2.torch.backend import TorchBackend
from hayakoe_engine.voices.sbv2.torch.device import open_device
from hayakoe_engine.voices.sbv2.torch.files import TorchVoiceFiles
from hayakoe_engine.voices.sbv2.torch.language_model import TorchBert
from hayakoe_engine.voices.sbv2.torch.measured import Measured
from hayakoe_engine.voices.sbv2.torch.weights import bert_weights_of, weights_of
from hayakoe_engine.voices.sbv2.voice import Sbv2Voice
from hayakoe_engine.voices.sbv2.voice_info import voice_info

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from hayakoe_engine.voices.sbv2.loader import PrecisionChoice
    from hayakoe_engine.voices.sbv2.phrase_cache import PhraseCache
    from hayakoe_engine.voices.sbv2.torch.deberta import Deberta
    from hayakoe_engine.voices.voice import Voice

_LOG = logging.getLogger(__name__)

_VOCABULARY: Final = "vocab.txt"
_PROBE: Final = "準備ができました。"


class TorchLoader:
    """Makes the neural voices of one engine, which share the device and the language model.

    Args:
        device: "cuda" or "torch-cpu".
        cache: Folder for what is made of published files.
        threads: For what runs on the CPU all the same.
        precision: Of all voices; ``auto`` is what is found good enough for each on a GPU, and
            ``exact`` on the CPU, which gains nothing by less.
        max_bytes: Memory for what is open, about; None is no limit.
        phrases: Remembers what the voices say.
        is_compiled: Whether torch compiles the networks when they are opened.

    Raises:
        BadOption: The device is not there.
    """

    language_model_prefixes: ClassVar[Sequence[str]] = (TORCH_LANGUAGE_MODEL, LANGUAGE_MODEL)
    """Where language models lie in repositories, the preferred one first."""

    def __init__(
        self,
        device: str,
        cache: Path,
        *,
        threads: int,
        precision: PrecisionChoice,
        max_bytes: int | None,
        phrases: PhraseCache,
        is_compiled: bool = False,
    ) -> None:
        self._device = open_device(device)
        self._gains_by_less = self._device.place.type != "cpu"
        self._store = ArtifactStore(cache / "installed")
        self._threads = threads
        self._precision = precision
        self._residency = Residency(max_bytes)
        self._is_compiled = is_compiled
        self._phrases = phrases
        self._lock = threading.Lock()
        self._language_models: dict[tuple[Path, Path], LanguageModel] = {}

    def load(
        self, name: str, voice: Path, bert: Path, tokenizer: Path, *, source: str = ""
    ) -> Voice:
        """Make a voice and open it; what is found out about it is kept.

        Args:
            name: What programs call it.
            voice: Folder of the voice, with its checkpoint or as it was published.
            bert: Folder of the language model, a checkpoint or as it was published.
            tokenizer: Folder of its vocabulary.
            source: URI that the voice comes from, by which its licence may be known.

        Raises:
            BadVoiceFiles: A file is missing, damaged or foreign, or its weights cannot be read.
        """
        files = TorchVoiceFiles.open(voice)
        info = voice_info(name, source, files.config, files.facts)
        language_model = self._language_model(bert, tokenizer)
        weights = weights_of(files, self._store)
        config = NetworkConfig.of(files.config)

        def open_backend(precision: Precision, *, is_compiled: bool = False) -> TorchBackend:
            network = self._device.bring(load_checkpoint(weights, config))
            return TorchBackend(network, self._device, precision=precision, is_compiled=is_compiled)

        def open_best() -> TorchBackend:
            if self._is_compiled:
                with _as_it_is_if_not_compiled(name):
                    return open_backend(precision, is_compiled=True)
            return open_backend(precision)

        def measure(folder: Path) -> None:
            rehearsal = Rehearsal(info, files.config, files.styles, language_model)
            rate_hz, gains_by_less = info.sample_rate_hz, self._gains_by_less
            Measured.of(rehearsal, open_backend, rate_hz, gains_by_less=gains_by_less).write(folder)

        kind = f"measured-{self._device.name}"
        measured = self._store.obtain(kind, files.paths, measure)
        found = Measured.read(measured)
        precision = found.best if self._precision == "auto" else self._precision
        backend = Resident(
            self._residency,
            weights.stat().st_size,
            open_best,
        )
        backend.get()
        return Sbv2Voice(
            replace(info, precision=precision),
            files.config,
            files.styles,
            gain=found.gain,
            backend=backend,
            language_model=language_model,
            phrases=self._phrases,
            identity=f"{measured.name} {precision}",
        )

    def install(
        self, name: str, voice: Path, bert: Path, tokenizer: Path, *, source: str = ""
    ) -> None:
        """Find out about a voice what is kept; otherwise as ``load``."""
        self.load(name, voice, bert, tokenizer, source=source).close()

    def _language_model(self, bert: Path, tokenizer: Path) -> LanguageModel:
        with self._lock:
            known = self._language_models.get((bert, tokenizer))
            if known is None:
                known = self._open_language_model(bert, tokenizer)
                self._language_models[bert, tokenizer] = known
            return known

    def _open_language_model(self, folder: Path, tokenizer_folder: Path) -> LanguageModel:
        checkpoint = bert_weights.checkpoint_in(folder)
        if checkpoint is not None:
            tokenizer = Tokenizer.load(tokenizer_folder / _VOCABULARY)
            size_bytes = checkpoint.stat().st_size
            identity = self._content_of(checkpoint, tokenizer_folder / _VOCABULARY)
            read: Callable[[], Deberta] = partial(bert_weights.load_checkpoint, checkpoint)
        else:
            files = BertFiles.open(folder, tokenizer_folder)
            tokenizer = files.tokenizer
            size_bytes = files.model.stat().st_size
            identity = self._content_of(files.model, files.vocabulary)
            try:
                weights = bert_weights_of(files, self._store)
            except NotInstallable as error:
                _LOG.warning("the language model runs on the CPU, as it was published: %s", error)
                session = Resident(
                    self._residency, size_bytes, partial(open_bert, files.model, self._threads)
                )
                session.get()
                return LanguageModel(tokenizer, session, identity)
            read = partial(bert_weights.load_stored, weights)
        bert = Resident(self._residency, size_bytes, lambda: self._open_bert(read, tokenizer))
        bert.get()
        return LanguageModel(tokenizer, bert, identity)

    def _content_of(self, *paths: Path) -> str:
        return " ".join(map(self._store.content_hash, paths))

    def _open_bert(self, read: Callable[[], Deberta], tokenizer: Tokenizer) -> TorchBert:
        """The language model in 16 bits, or in float32 where that is asked for or needed."""
        network = self._device.bring(read())
        if tokenizer.size > network.config.vocabulary:
            # A GPU that is asked for a row that is not there computes nothing any more.
            raise BadVoiceFiles(
                f"the vocabulary has {tokenizer.size} entries, and the language model knows "
                f"{network.config.vocabulary}",
                hint="both must come from the same repository",
            )
        if self._gains_by_less and self._precision != "exact":
            network = network.to(self._device.half)
            probe = TorchBert(network, self._device).features(tokenizer.ids(_PROBE))
            if not probe.isfinite().all():
                _LOG.warning("the language model needs more than 16 bits")
                network = self._device.bring(read())
        if self._is_compiled:
            with _as_it_is_if_not_compiled("the language model"):
                return TorchBert(network, self._device, is_compiled=True)
        return TorchBert(network, self._device)


@contextmanager
def _as_it_is_if_not_compiled(what: str) -> Iterator[None]:
    """Go on if torch cannot compile something: it can be run all the same."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).strip().partition("\n")[0]
        _LOG.warning("%s is not compiled, and runs as it is: %s", what, reason)
