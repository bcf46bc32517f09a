"""What a voice needs of whatever runs its network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

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


Kept: TypeAlias = Any
"""Numbers that stay where the network computes, float: an array, or the tensor of a device.

Only what runs the network looks into them. Others know their shape, and may cut them by slices and
put one into a part of another. They are gone when nobody has them any more.
"""


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
        mean: Of the prior, ``[C, P]``.
        log_scale: Logarithm of its standard deviation, ``[C, P]``.
        speaker: Vector of the speaker, ``[1, G, 1]``.
    """

    durations: NDArray[np.int64]
    mean: Kept
    log_scale: Kept
    speaker: Kept


@dataclass(frozen=True, slots=True)
class DecoderParts:
    """What has to be known to cut a latent for the decoder's parts.

    Attributes:
        head_multiple: The first part takes so many frames, or a multiple.
        rows_per_frame: That it makes, and the second part reads.
        tail_multiple: The second part takes so many of those rows, or a multiple.
        head_context_frames: Frames on either side that the first part needs.
        tail_context_frames: Frames on either side that the second part needs.
        frame_cost_s: Time that a frame takes both, on one CPU.
        pairs_windows: Whether the second window is made beside the first, not after it.
    """

    head_multiple: int
    rows_per_frame: int
    tail_multiple: int
    head_context_frames: int
    tail_context_frames: int
    frame_cost_s: float
    pairs_windows: bool = False


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

    def flow(
        self,
        encoded: Encoded,
        durations: NDArray[np.int64],
        noise: NDArray[np.float32] | None,
        noise_scale: float,
    ) -> Kept:
        """A sample of the prior, to the latent, ``[C, T]``.

        Args:
            encoded: Of ``encode``.
            durations: Latent frames that each phone is to have, int64 ``[P]``; T in all.
            noise: Standard normal, float32 ``[C, T]``; None takes the prior's mean.
            noise_scale: What the noise is multiplied by.
        """
        ...

    def decode_head(self, latent: Kept, speaker: Kept) -> Kept:
        """Latent, ``[C, N]``, to what the second part reads, ``[N * steps, channels]``."""
        ...

    def room(self, rows: int, like: Kept) -> Kept:
        """Room for as many rows of what ``decode_head`` has made, to be filled."""
        ...

    def decode_tail(self, hidden: Kept, *, all_cpus: bool) -> NDArray[np.float32]:
        """What the first part has made of N frames, to samples, float32 ``[N * hop]``."""
        ...

    def decode(self, latent: Kept, speaker: Kept) -> NDArray[np.float32]:
        """A latent of any length, ``[C, N]``, to samples, float32 ``[N * hop]``."""
        ...
