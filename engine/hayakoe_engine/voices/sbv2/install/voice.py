"""Installing a voice: its graphs in all precisions, its loudness, and which precision it bears."""

from __future__ import annotations

import logging
from dataclasses import replace
from math import lcm
from typing import TYPE_CHECKING

import numpy as np
import onnx

from hayakoe_engine.voices.sbv2.agreement import compare
from hayakoe_engine.voices.sbv2.install.check import check_decoder, check_parts
from hayakoe_engine.voices.sbv2.install.decoder import (
    direct_decoder,
    reach_frames,
    read_decoder,
)
from hayakoe_engine.voices.sbv2.install.encoder import lean_encoder
from hayakoe_engine.voices.sbv2.install.fast_decoder import fast_decoder
from hayakoe_engine.voices.sbv2.install.flow import lean_flow
from hayakoe_engine.voices.sbv2.install.quantized_decoder import (
    QUANTIZED_STAGES,
    quantized_decoder,
)
from hayakoe_engine.voices.sbv2.install.synthesizer import split_synthesizer
from hayakoe_engine.voices.sbv2.installed import (
    ENCODER,
    FLOW,
    FLOW_INT8,
    HEAD,
    HEAD_INT8,
    PRECISIONS,
    TAIL,
    TAIL_INT8,
    WHOLE_DECODER,
    Precision,
    Quality,
    VoiceManifest,
)
from hayakoe_engine.voices.sbv2.loudness import gain_for
from hayakoe_engine.voices.sbv2.onnx import OnnxBackend
from hayakoe_engine.voices.sbv2.rehearsal import Rehearsal, best_of
from hayakoe_engine.voices.sbv2.sessions import SessionOpener

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hayakoe_engine.voices.sbv2.files import VoiceFiles
    from hayakoe_engine.voices.sbv2.language_model import LanguageModel
    from hayakoe_engine.voices.voice import VoiceInfo

_LOG = logging.getLogger(__name__)


def make_voice(
    files: VoiceFiles,
    info: VoiceInfo,
    language_model: LanguageModel,
    folder: Path,
    *,
    threads: int,
) -> None:
    """Write the installed graphs and their manifest.

    Args:
        files: What was published.
        info: Facts about the voice.
        language_model: To speak with while it is measured.
        folder: Where they go, empty.
        threads: That may be used.

    Raises:
        BadVoiceFiles: A file cannot be read, or ONNX Runtime cannot run it.
        UnknownGraph: The graph is not built as expected, or its parts say something else.
    """
    graphs = split_synthesizer(files.synthesizer)
    onnx.save(lean_encoder(graphs.encoder), folder / ENCODER)
    onnx.save(lean_flow(graphs.flow), folder / FLOW)
    onnx.save(lean_flow(graphs.flow, quantized=True), folder / FLOW_INT8)
    weights = read_decoder(graphs.decoder)
    del graphs
    onnx.save(direct_decoder(weights), folder / WHOLE_DECODER)
    head_stages, tail_stages = range(1), range(1, len(weights.stages))
    multiple = 1
    for name, stages in ((HEAD, head_stages), (TAIL, tail_stages)):
        part, part_multiple = fast_decoder(weights, stages)
        onnx.save(part, folder / name)
        multiple = lcm(multiple, part_multiple)
    del part
    manifest = VoiceManifest(
        gain=1.0,
        window_multiple=multiple,
        head_context_frames=reach_frames(weights, head_stages),
        tail_context_frames=reach_frames(weights, tail_stages),
        best="exact",
    )
    opener = SessionOpener(None)
    encoder, flow, whole, head, tail = (
        opener.open(folder / name, threads=threads)
        for name in (ENCODER, FLOW, WHOLE_DECODER, HEAD, TAIL)
    )
    check_parts(files.synthesizer, encoder, flow, whole, files.config.sample_rate_hz)
    check_decoder(whole, (head, tail), multiple)
    del encoder, flow, whole, head, tail

    def backend(precision: Precision) -> OnnxBackend:
        return OnnxBackend(folder, opener, manifest, precision=precision, threads=threads)

    rehearsal = Rehearsal(info, files.config, files.styles, language_model)
    heard = _Listening(backend("exact"))
    exact = rehearsal.speak(heard)
    for name, stages, pieces in (
        (HEAD_INT8, head_stages, heard.latents),
        (TAIL_INT8, tail_stages, heard.hidden),
    ):
        part, _ = fast_decoder(weights, stages, first_fast=QUANTIZED_STAGES)
        onnx.save(quantized_decoder(part, weights, pieces, heard.speaker), folder / name)
    del part, weights
    quality: dict[str, Quality] = {}
    for precision in PRECISIONS[1:]:
        found = compare(exact, rehearsal.speak(backend(precision)), info.sample_rate_hz)
        quality[precision] = Quality(found.snr_db, found.log_mel_distance_db)
        _LOG.info(
            "%s in precision %s: %.1f dB from exact, log-mel distance %.2f dB",
            info.name,
            precision,
            found.snr_db,
            found.log_mel_distance_db,
        )
    gain = gain_for(exact, info.sample_rate_hz)
    replace(manifest, gain=gain, best=best_of(quality), quality=quality).write(folder)


class _Listening:
    """A backend that takes note of what its decoder's parts are given."""

    def __init__(self, backend: OnnxBackend) -> None:
        self._backend = backend
        self.parts = backend.parts
        self.is_widening = backend.is_widening
        self.encode = backend.encode
        self.flow = backend.flow
        self.room = backend.room
        self.decode = backend.decode
        self.latents: list[NDArray[np.float32]] = []
        self.hidden: list[NDArray[np.float32]] = []
        self.speaker: NDArray[np.float32] = np.zeros(0, np.float32)

    def decode_head(
        self, latent: NDArray[np.float32], speaker: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        self.latents.append(latent[None])
        self.speaker = speaker
        return self._backend.decode_head(latent, speaker)

    def decode_tail(self, hidden: NDArray[np.float32], *, all_cpus: bool) -> NDArray[np.float32]:
        self.hidden.append(hidden)
        return self._backend.decode_tail(hidden, all_cpus=all_cpus)
