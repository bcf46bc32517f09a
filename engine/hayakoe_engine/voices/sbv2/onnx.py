"""The CPU backend: a voice's installed graphs in ONNX Runtime."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.voices.residency import Residency, Resident
from hayakoe_engine.voices.sbv2.backend import DecoderParts, Encoded, EncoderInput
from hayakoe_engine.voices.sbv2.cpu_turns import cpu_turn
from hayakoe_engine.voices.sbv2.decoder_timing import frame_cost_s
from hayakoe_engine.voices.sbv2.installed import (
    ENCODER,
    FLOW,
    FLOW_INT8,
    WHOLE_DECODER,
    Precision,
    VoiceManifest,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

    from hayakoe_engine.voices.sbv2.sessions import SessionOpener

_FEW_THREADS: Final = 2


def graphs_of(manifest: VoiceManifest, precision: Precision) -> tuple[str, str, str, str]:
    """Encoder, flow and the decoder's parts of an installed voice in this precision."""
    flow = FLOW if precision == "exact" else FLOW_INT8
    return ENCODER, flow, *manifest.decoder_form.files(precision)


def size_bytes(folder: Path, manifest: VoiceManifest, precision: Precision) -> int:
    """What those graphs take in files, which is about what they take in memory."""
    graphs = graphs_of(manifest, precision)
    shared = sum(manifest.decoder_bytes.get(graph, 0) for graph in graphs)
    return shared + sum((folder / graph).stat().st_size for graph in graphs)


def _open(opener: SessionOpener, wanted: tuple[Path, int]) -> InferenceSession:
    graph, threads = wanted
    return opener.open(graph, threads=threads)


class OnnxBackend:
    """One voice's sessions.

    Args:
        folder: Installed graphs.
        opener: Opens them.
        manifest: About them.
        precision: Which of them.
        threads: For stages that have all CPUs to themselves.

    Raises:
        BadVoiceFiles: A graph cannot be opened.
    """

    def __init__(
        self,
        folder: Path,
        opener: SessionOpener,
        manifest: VoiceManifest,
        *,
        precision: Precision,
        threads: int,
    ) -> None:
        encoder, flow, head, tail = (folder / name for name in graphs_of(manifest, precision))
        # On two CPUs, what a window is sooner there by on both is worth the memory only where the
        # first window is much of the wait.
        self._is_widening = threads > _FEW_THREADS or (threads > 1 and precision == "fast")
        wanted = [(encoder, threads), (flow, threads), (head, threads), (tail, 1)]
        if self._is_widening:
            wanted.append((tail, threads))
        with ThreadPoolExecutor(threads) as pool:
            sessions = list(pool.map(partial(_open, opener), wanted))
        self._encoder, self._flow, self._head, self._tail = sessions[:4]
        self._wide_tail = sessions[-1]
        self._whole = Resident(
            Residency(), 0, partial(_open, opener, (folder / WHOLE_DECODER, threads))
        )
        notes = opener.notes(tail, f"{tail.stem}-cost.json")
        self._parts = DecoderParts(
            head_multiple=manifest.head_multiple(precision),
            rows_per_frame=manifest.rows_per_frame,
            tail_multiple=manifest.tail_multiple,
            head_context_frames=manifest.head_context_frames,
            tail_context_frames=manifest.tail_context_frames,
            frame_cost_s=frame_cost_s(self._head, self._tail, manifest.frame_multiple, notes),
            pairs_windows=threads > 1 and not self._is_widening,
        )

    @property
    def parts(self) -> DecoderParts:
        """About the decoder."""
        return self._parts

    @property
    def is_widening(self) -> bool:
        """Whether a window is there sooner on all CPUs than on one."""
        return self._is_widening

    def encode(self, sentence: EncoderInput) -> Encoded:
        """Phones to durations and prior."""
        features = np.repeat(np.asarray(sentence.features), sentence.phones.word2ph, axis=0)
        feeds = {
            "phones": sentence.phones.phones[None],
            "tones": sentence.phones.tones[None],
            "languages": sentence.phones.languages[None],
            "bert": np.ascontiguousarray(features.T)[None],
            "style": sentence.style[None],
            "speaker": np.array([sentence.speaker_id], np.int64),
            "noise_durations": sentence.duration_noise[None],
            "noise_w": np.array([sentence.noise_w], np.float32),
            "length_scale": np.array([sentence.length_scale], np.float32),
            "sdp_ratio": np.array([sentence.sdp_ratio], np.float32),
        }
        outputs = ["durations", "mean", "log_scale", "speaker_vector"]
        with cpu_turn():
            durations, mean, log_scale, speaker = self._encoder.run(outputs, feeds)
        return Encoded(durations[0, 0].astype(np.int64), mean[0], log_scale[0], speaker)

    def flow(
        self,
        encoded: Encoded,
        durations: NDArray[np.int64],
        noise: NDArray[np.float32] | None,
        noise_scale: float,
    ) -> NDArray[np.float32]:
        """A sample of the prior to the latent."""
        prior = np.repeat(encoded.mean, durations, axis=1)
        if noise is not None:
            scale = np.exp(np.repeat(encoded.log_scale, durations, axis=1))
            prior += noise * scale * np.float32(noise_scale)
        feeds = {"z_p": np.ascontiguousarray(prior)[None], "speaker_vector": encoded.speaker}
        with cpu_turn():
            latent: NDArray[np.float32] = self._flow.run(["z"], feeds)[0][0]
        return latent

    def decode_head(
        self, latent: NDArray[np.float32], speaker: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The decoder's first part."""
        feeds = {"z": np.ascontiguousarray(latent)[None], "speaker_vector": speaker}
        hidden: NDArray[np.float32] = self._head.run(["hidden"], feeds)[0]
        return hidden

    def room(self, rows: int, like: NDArray[np.float32]) -> NDArray[np.float32]:
        """Room for what the decoder's first part makes."""
        return np.empty((rows, like.shape[1]), np.float32)

    def decode_tail(self, hidden: NDArray[np.float32], *, all_cpus: bool) -> NDArray[np.float32]:
        """The decoder's second part."""
        session = self._wide_tail if all_cpus else self._tail
        samples: NDArray[np.float32] = session.run(["audio"], {"hidden": hidden})[0][0, 0]
        return samples

    def decode(
        self, latent: NDArray[np.float32], speaker: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The decoder whole, for what is too short for its parts."""
        feeds = {"z": np.ascontiguousarray(latent)[None], "speaker_vector": speaker}
        samples: NDArray[np.float32] = self._whole.get().run(["audio"], feeds)[0][0, 0]
        return samples
