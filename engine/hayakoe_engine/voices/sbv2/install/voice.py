"""Installing a voice: its graphs in all precisions, its loudness, and which precision it bears."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx

from hayakoe_engine.voices.sbv2.agreement import compare
from hayakoe_engine.voices.sbv2.decoder_form import fastest_form, open_forms
from hayakoe_engine.voices.sbv2.install.check import check_decoder, check_parts
from hayakoe_engine.voices.sbv2.install.decoder import reach_frames, read_decoder
from hayakoe_engine.voices.sbv2.install.decoder_forms import DecoderForms
from hayakoe_engine.voices.sbv2.install.encoder import lean_encoder
from hayakoe_engine.voices.sbv2.install.flow import lean_flow
from hayakoe_engine.voices.sbv2.install.synthesizer import split_synthesizer
from hayakoe_engine.voices.sbv2.installed import (
    ENCODER,
    FLOW,
    FLOW_INT8,
    PRECISIONS,
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
    decoder = DecoderForms(weights, folder)
    decoder.write_exact()
    opener = SessionOpener(None)
    encoder, flow, whole = (
        opener.open(folder / name, threads=threads) for name in (ENCODER, FLOW, WHOLE_DECODER)
    )
    check_parts(files.synthesizer, encoder, flow, whole, files.config.sample_rate_hz)
    del encoder, flow
    heads, tails = open_forms(folder, decoder.fast_stages)
    check_decoder(whole, heads.values(), tails.values(), decoder.frame_multiple)
    form = fastest_form(heads, tails, decoder.frame_multiple)
    del whole, heads, tails
    _LOG.info(
        "%s: fast convolutions in stages %s of the decoder, of %s",
        info.name,
        list(form.fast_stages),
        list(decoder.fast_stages),
    )
    manifest = VoiceManifest(
        gain=1.0,
        frame_multiple=decoder.frame_multiple,
        rows_per_frame=decoder.rows_per_frame,
        tail_multiple=decoder.tail_multiple,
        head_context_frames=reach_frames(weights, decoder.head_stages),
        tail_context_frames=reach_frames(weights, decoder.tail_stages),
        fast_stages=decoder.fast_stages,
        decoder_form=form,
        decoder_bytes=decoder.weight_bytes,
        best="exact",
    )
    del weights

    def backend(precision: Precision) -> OnnxBackend:
        return OnnxBackend(folder, opener, manifest, precision=precision, threads=threads)

    rehearsal = Rehearsal(info, files.config, files.styles, language_model)
    heard = _Listening(backend("exact"))
    exact = rehearsal.speak(heard)
    decoder.write_int8(heard.latents, heard.hidden, heard.speaker)
    del decoder
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
