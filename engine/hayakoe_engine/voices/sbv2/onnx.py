"""The CPU backend: a voice's installed graphs in ONNX Runtime."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.voices.residency import Residency, Resident
from hayakoe_engine.voices.sbv2.backend import Encoded, EncoderInput
from hayakoe_engine.voices.sbv2.decoder_timing import frame_costs_s
from hayakoe_engine.voices.sbv2.installed import (
    DECODER,
    DECODER_INT8,
    DIRECT_DECODER,
    ENCODER,
    FLOW,
    FLOW_INT8,
    Precision,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

    from hayakoe_engine.voices.sbv2.sessions import SessionOpener

_FEW_THREADS: Final = 2


def graphs_of(folder: Path, precision: Precision) -> tuple[Path, Path, Path]:
    """Encoder, flow and decoder of an installed voice in this precision."""
    flow = FLOW if precision == "exact" else FLOW_INT8
    decoder = DECODER_INT8 if precision == "fast" else DECODER
    return folder / ENCODER, folder / flow, folder / decoder


def _open(opener: SessionOpener, wanted: tuple[Path, int]) -> InferenceSession:
    graph, threads = wanted
    return opener.open(graph, threads=threads)


class OnnxBackend:
    """One voice's sessions.

    Args:
        folder: Installed graphs.
        opener: Opens them.
        precision: Which of them.
        window_multiple: Latent lengths that the FP32 decoder takes.
        threads: For stages that have all CPUs to themselves.

    Raises:
        BadVoiceFiles: A graph cannot be opened.
    """

    def __init__(
        self,
        folder: Path,
        opener: SessionOpener,
        *,
        precision: Precision,
        window_multiple: int,
        threads: int,
    ) -> None:
        encoder, flow, decoder = graphs_of(folder, precision)
        direct = folder / DIRECT_DECODER
        self._window_multiple = 1
        if precision == "fast":
            (cost_s,) = frame_costs_s(opener, [decoder], 1)
        else:
            cost_s, direct_cost_s = frame_costs_s(opener, [decoder, direct], window_multiple)
            if direct_cost_s < cost_s:
                decoder, cost_s = direct, direct_cost_s
            else:
                self._window_multiple = window_multiple
        self._frame_cost_s = cost_s
        # The decoder that takes any length is the better one for many threads, too. On two, what
        # it is sooner there by is not worth its memory.
        self._any_length = Resident(Residency(), 0, partial(_open, opener, (direct, threads)))
        self._is_widening = threads > _FEW_THREADS
        with ThreadPoolExecutor(threads) as pool:
            self._encoder, self._flow, self._decoder = pool.map(
                partial(_open, opener), [(encoder, threads), (flow, threads), (decoder, 1)]
            )

    @property
    def window_multiple(self) -> int:
        """A latent whose length is a multiple of this is decoded fastest."""
        return self._window_multiple

    @property
    def frame_cost_s(self) -> float:
        """Time that decoding a frame takes one CPU."""
        return self._frame_cost_s

    @property
    def is_widening(self) -> bool:
        """Whether a window is there sooner on all CPUs than on one."""
        return self._is_widening

    def encode(self, sentence: EncoderInput) -> Encoded:
        """Phones to durations and prior."""
        durations, mean, log_scale, speaker = self._encoder.run(
            ["durations", "mean", "log_scale", "speaker_vector"],
            {
                "phones": sentence.phones.phones[None],
                "tones": sentence.phones.tones[None],
                "languages": sentence.phones.languages[None],
                "bert": np.ascontiguousarray(sentence.features.T)[None],
                "style": sentence.style[None],
                "speaker": np.array([sentence.speaker_id], np.int64),
                "noise_durations": sentence.duration_noise[None],
                "noise_w": np.array([sentence.noise_w], np.float32),
                "length_scale": np.array([sentence.length_scale], np.float32),
                "sdp_ratio": np.array([sentence.sdp_ratio], np.float32),
            },
        )
        return Encoded(durations[0, 0].astype(np.int64), mean[0], log_scale[0], speaker)

    def flow(self, prior: NDArray[np.float32], speaker: NDArray[np.float32]) -> NDArray[np.float32]:
        """A sample of the prior to the latent."""
        feeds = {"z_p": np.ascontiguousarray(prior)[None], "speaker_vector": speaker}
        latent: NDArray[np.float32] = self._flow.run(["z"], feeds)[0][0]
        return latent

    def decode(
        self, latent: NDArray[np.float32], speaker: NDArray[np.float32], *, all_cpus: bool
    ) -> NDArray[np.float32]:
        """Latent frames to samples."""
        is_wide = all_cpus and self._is_widening
        if is_wide or latent.shape[1] % self._window_multiple:
            session = self._any_length.get()
        else:
            session = self._decoder
        feeds = {"z": np.ascontiguousarray(latent)[None], "speaker_vector": speaker}
        samples: NDArray[np.float32] = session.run(["audio"], feeds)[0][0, 0]
        return samples
