"""What a voice needs of whatever runs its network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hayakoe_engine.voices.sbv2.phones import ModelInput


@dataclass(frozen=True, slots=True, eq=False)
class EncoderInput:
    """One sentence of ``P`` phones.

    Attributes:
        phones: Phones, tones and languages.
        features: Of the language model, one row a phone, float32 ``[P, width]``.
        style: float32 ``[256]``.
        speaker_id: Row of the speaker table.
        length_scale: Of all durations; larger is slower.
        sdp_ratio: Share of the stochastic durations.
        noise_w: Scale of ``duration_noise``.
        duration_noise: Standard normal, float32 ``[2, P]``.
    """

    phones: ModelInput
    features: NDArray[np.float32]
    style: NDArray[np.float32]
    speaker_id: int
    length_scale: float
    sdp_ratio: float
    noise_w: float
    duration_noise: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """What the encoder makes of it, with ``C`` latent channels.

    Attributes:
        durations: Latent frames of each phone, int64 ``[P]``.
        mean: Of the prior, float32 ``[C, P]``.
        log_scale: Logarithm of its standard deviation, float32 ``[C, P]``.
        speaker: Vector of the speaker, float32 ``[1, G, 1]``.
    """

    durations: NDArray[np.int64]
    mean: NDArray[np.float32]
    log_scale: NDArray[np.float32]
    speaker: NDArray[np.float32]


class Backend(Protocol):
    """Runs the network of one voice, in stages; may be used from many threads at once."""

    @property
    def window_multiple(self) -> int:
        """A latent whose length is a multiple of this is decoded fastest."""
        ...

    @property
    def frame_cost_s(self) -> float:
        """Time that decoding a frame takes one CPU, the same for the voice's whole life."""
        ...

    @property
    def is_widening(self) -> bool:
        """Whether a window is there sooner on all CPUs than on one."""
        ...

    def encode(self, sentence: EncoderInput) -> Encoded:
        """Phones to durations and prior."""
        ...

    def flow(self, prior: NDArray[np.float32], speaker: NDArray[np.float32]) -> NDArray[np.float32]:
        """A sample of the prior, float32 ``[C, T]``, to the latent, of the same shape."""
        ...

    def decode(
        self, latent: NDArray[np.float32], speaker: NDArray[np.float32], *, all_cpus: bool
    ) -> NDArray[np.float32]:
        """Latent frames, float32 ``[C, N]``, to samples, float32 ``[N * hop]``."""
        ...
