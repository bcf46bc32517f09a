"""How near a converted voice comes to what it was converted from, in every precision.

The checkpoint itself speaks, in torch, and so do the graphs that were made of it, with the same
features of the language model and the same noise. So all that differs is what was made of the
network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.voices.limiter import limit
from hayakoe_engine.voices.sbv2.agreement import Agreement, compare
from hayakoe_engine.voices.sbv2.checkpoint import load_checkpoint
from hayakoe_engine.voices.sbv2.files import VoiceFiles
from hayakoe_engine.voices.sbv2.installed import PRECISIONS, TUNED
from hayakoe_engine.voices.sbv2.loader import Sbv2Loader
from hayakoe_engine.voices.sbv2.network_config import NetworkConfig
from hayakoe_engine.voices.sbv2.phrase_cache import PhraseCache
from hayakoe_engine.voices.sbv2.rehearsal import SENTENCES, Rehearsal
from hayakoe_engine.voices.sbv2.torch.backend import TorchBackend
from hayakoe_engine.voices.sbv2.torch.device import open_device
from hayakoe_engine.voices.sbv2.voice_info import voice_info

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hayakoe_engine.voices.sbv2.backend import Backend
    from hayakoe_engine.voices.sbv2.installed import Precision

CHECKPOINT: Final = "torch"
"""What the others are compared with."""


@dataclass(frozen=True, slots=True, eq=False)
class Rendition:
    """A sentence as one version of the voice says it.

    Attributes:
        version: ``torch`` or a precision.
        samples: float32 ``[n]``, as loud as the voice is made.
        agreement: With what the checkpoint says; None of the checkpoint itself, and of what is
            said at another pace, which cannot be compared.
    """

    version: str
    samples: NDArray[np.float32]
    agreement: Agreement | None


@dataclass(frozen=True, slots=True)
class QualityReport:
    """What was found out.

    Attributes:
        name: Of the voice.
        sample_rate_hz: Of what it says.
        best: The precision that is taken unless another is asked for.
        sentences: What was said, with its renditions, the checkpoint's first.
    """

    name: str
    sample_rate_hz: int
    best: str
    sentences: tuple[tuple[str, tuple[Rendition, ...]], ...]

    def worst(self) -> Iterator[tuple[str, Agreement]]:
        """The versions that could be compared, with the worst figures of all their sentences."""
        for version in PRECISIONS:
            found = [
                rendition.agreement
                for _, renditions in self.sentences
                for rendition in renditions
                if rendition.version == version and rendition.agreement is not None
            ]
            if found:
                yield (
                    version,
                    Agreement(
                        min(agreement.snr_db for agreement in found),
                        max(agreement.log_mel_distance_db for agreement in found),
                    ),
                )


def open_for_report(cache: Path, threads: int) -> Sbv2Loader:
    """What installs voices into a cache, and opens them in all precisions."""
    return Sbv2Loader(
        cache,
        tuned=cache / TUNED,
        threads=threads,
        precision="exact",
        max_bytes=None,
        phrases=PhraseCache(0),
    )


def report_quality(
    checkpoint: Path,
    folder: Path,
    loader: Sbv2Loader,
    *,
    bert: Path,
    tokenizer: Path,
    sentences: Sequence[str] = (),
) -> QualityReport:
    """Compare a voice with the checkpoint that it was made of; it is installed if it is not yet.

    Args:
        checkpoint: The trained voice, safetensors.
        folder: What ``convert_voice`` has made of it.
        loader: Installs the voice, and opens it.
        bert: Folder of the published language model.
        tokenizer: Folder of its vocabulary.
        sentences: What is said; those that voices are measured with if there are none.

    Raises:
        BadVoiceFiles: A file is missing, damaged or foreign.
    """
    files = VoiceFiles.open(folder)
    info = voice_info(folder.name, "", files.config, files.facts)
    language_model, manifest, open_backend = loader.parts(folder.name, folder, bert, tokenizer)
    texts = tuple(sentences or SENTENCES)
    rehearsal = Rehearsal(info, files.config, files.styles, language_model, texts)

    def open_checkpoint() -> Backend:
        network = load_checkpoint(checkpoint, NetworkConfig.of(files.config))
        return TorchBackend(network, open_device("torch-cpu"), precision="exact")

    def opener(precision: Precision) -> Callable[[], Backend]:
        return lambda: open_backend(precision)

    versions: dict[str, Callable[[], Backend]] = {CHECKPOINT: open_checkpoint}
    versions |= {precision: opener(precision) for precision in PRECISIONS}
    # One after the other: two networks at once would be twice the memory.
    said = {version: rehearsal.speak_each(open_it()) for version, open_it in versions.items()}
    rate_hz = info.sample_rate_hz

    def rendition(version: str, number: int) -> Rendition:
        reference, samples = said[CHECKPOINT][number], said[version][number]
        is_alike = version != CHECKPOINT and len(samples) == len(reference)
        agreement = compare(reference, samples, rate_hz) if is_alike else None
        return Rendition(version, limit(samples * np.float32(manifest.gain)), agreement)

    return QualityReport(
        name=folder.name,
        sample_rate_hz=rate_hz,
        best=manifest.best,
        sentences=tuple(
            (text, tuple(rendition(version, number) for version in versions))
            for number, text in enumerate(texts)
        ),
    )
