"""What a voice needs of whatever runs its network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hayakoe_engine.voices.sbv2.phones import ModelInput


class Features(Protocol):
    """What the language model knows of ``L`` characters: float ``[L, width]``, where it computes.

    An array, or the tensor of a device; only what runs the network looks into it.
    """

    def __len__(self) -> int: ...

    def __array__(self) -> NDArray[Any]: ...


@dataclass(frozen=True, slots=True, eq=False)
class EncoderInput:
    """One sentence of ``P`` phones.

    Attributes:
        phones: Phones, tones and languages.
        features: Of the language model, one row a token; ``phones.word2ph`` deals them to phones.
        style: float32 ``[256]``.
        speaker_id: Row of the speaker table.
        length_scale: Of all durations; larger is slower.
        sdp_ratio: Share of the stochastic durations.
        noise_w: Scale of ``duration_noise``.
        duration_noise: Standard normal, float32 ``[2, P]``.
    """

    phones: ModelInput
    features: Features
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


@dataclass(frozen=True, slots=True)
class DecoderParts:
    """What has to be known to cut a latent for the decoder's parts.

    Attributes:
        multiple: Both take so many frames, or a multiple.
        head_context_frames: Frames on either side that the first part needs.
        tail_context_frames: Frames on either side that the second part needs.
        frame_cost_s: Time that a frame takes both, on one CPU.
    """

    multiple: int
    head_context_frames: int
    tail_context_frames: int
    frame_cost_s: float


class Backend(Protocol):
    """Runs the network of one voice, in stages; may be used from many threads at once."""

    @property
    def parts(self) -> DecoderParts:
        """About the decoder; the same for the voice's whole life."""
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

    def decode_head(
        self, latent: NDArray[np.float32], speaker: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Latent, float32 ``[C, N]``, to what the second part reads, ``[N * steps, channels]``."""
        ...

    def decode_tail(self, hidden: NDArray[np.float32], *, all_cpus: bool) -> NDArray[np.float32]:
        """What the first part has made of N frames, to samples, float32 ``[N * hop]``."""
        ...

    def decode(
        self, latent: NDArray[np.float32], speaker: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """A latent of any length, float32 ``[C, N]``, to samples, float32 ``[N * hop]``."""
        ...
