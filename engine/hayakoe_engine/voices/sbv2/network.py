"""The synthesizer of a Style-Bert-VITS2 JP-Extra voice: phones to samples.

Its stages can be run one by one: ``encode``, ``durations``, ``sample_prior``, ``latent``,
``decode``. Rows of a batch may differ in length and do not see one another: a row gives what it
would give alone. Module names are the keys of the published checkpoints, with the weight
normalisation folded; what only training needs is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

from hayakoe_engine.voices.sbv2.network_attention import Encoder
from hayakoe_engine.voices.sbv2.network_decoder import Decoder
from hayakoe_engine.voices.sbv2.network_durations import (
    DurationPredictor,
    StochasticDurationPredictor,
)

if TYPE_CHECKING:
    from hayakoe_engine.voices.sbv2.network_config import NetworkConfig

PHONE_COUNT: Final = 112
TONE_COUNT: Final = 12
LANGUAGE_COUNT: Final = 3
STYLE_WIDTH: Final = 256

_FLOW_KERNEL = 5
# In the order they run, last first; the odd ones of training only reverse the channels.
_FLOW_NAMES = ("6", "4", "2", "0")


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """What the text encoder knows of an utterance of P phones.

    Attributes:
        hidden: ``[batch, hidden, P]``, for the duration predictors.
        mean: ``[batch, latent, P]`` of the prior of every phone.
        log_scale: ``[batch, latent, P]``, logarithm of its standard deviation.
        mask: ``[batch, 1, P]``, 1 where there is a phone.
        speaker_vector: ``[batch, gin, 1]``.
    """

    hidden: Tensor
    mean: Tensor
    log_scale: Tensor
    mask: Tensor
    speaker_vector: Tensor


class TextEncoder(nn.Module):
    """Phones, tones, word meanings and style to the prior of every phone."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        hidden = config.hidden_channels
        self.hidden = hidden
        self.latent = config.inter_channels
        self.emb = nn.Embedding(PHONE_COUNT, hidden)
        self.tone_emb = nn.Embedding(TONE_COUNT, hidden)
        self.language_emb = nn.Embedding(LANGUAGE_COUNT, hidden)
        self.bert_proj = nn.Conv1d(config.bert_width, hidden, 1)
        self.style_proj = nn.Linear(STYLE_WIDTH, hidden)
        self.encoder = Encoder(
            hidden,
            config.filter_channels,
            config.n_heads,
            config.n_layers,
            config.kernel_size,
            config.gin_channels,
        )
        self.proj = nn.Conv1d(hidden, 2 * self.latent, 1)

    def forward(
        self,
        phones: Tensor,
        lengths: Tensor,
        tones: Tensor,
        languages: Tensor,
        bert: Tensor,
        style: Tensor,
        speaker_vector: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Hidden state, mean, log scale and mask as in ``Encoded``."""
        embedded = self.emb(phones) + self.tone_emb(tones) + self.language_emb(languages)
        embedded = embedded + self.bert_proj(bert).transpose(1, 2)
        embedded = embedded + self.style_proj(style).unsqueeze(1)
        x = (embedded * math.sqrt(self.hidden)).transpose(1, 2)
        mask = _length_mask(lengths, x.size(2)).unsqueeze(1).to(x.dtype)
        x = self.encoder(x, mask, speaker_vector)
        mean, log_scale = torch.split(self.proj(x) * mask, [self.latent, self.latent], 1)
        return x, mean, log_scale, mask


class Flow(nn.Module):
    """Turns samples of the prior into the latent that the decoder reads."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.flows = nn.ModuleDict({name: FlowLayer(config) for name in reversed(_FLOW_NAMES)})

    def forward(self, z: Tensor, mask: Tensor, speaker_vector: Tensor) -> Tensor:
        """Maps ``[batch, latent, frames]`` to the same shape."""
        for name in _FLOW_NAMES:
            z = self.flows[name](torch.flip(z, [1]), mask, speaker_vector)
        return z


class FlowLayer(nn.Module):
    """Shifts the second half of the channels by what the first half says."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        half = config.inter_channels // 2
        self.halves = [half, half]
        self.pre = nn.Conv1d(half, config.hidden_channels, 1)
        self.enc = Encoder(
            config.hidden_channels,
            config.filter_channels,
            config.n_heads,
            config.flow_encoder_layers,
            _FLOW_KERNEL,
            config.gin_channels,
        )
        self.post = nn.Conv1d(config.hidden_channels, half, 1)

    def forward(self, z: Tensor, mask: Tensor, speaker_vector: Tensor) -> Tensor:
        """Maps ``[batch, latent, frames]`` to the same shape."""
        kept, shifted = torch.split(z, self.halves, 1)
        x = self.enc(self.pre(kept) * mask, mask, speaker_vector)
        shift = self.post(x) * mask
        return torch.cat([kept, (shifted - shift) * mask], 1)


class Synthesizer(nn.Module):
    """The whole network; see the stages."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.enc_p = TextEncoder(config)
        self.dec = Decoder(
            config.inter_channels,
            config.upsample_initial_channel,
            config.upsample_rates,
            config.upsample_kernel_sizes,
            config.resblock_kernel_sizes,
            config.resblock_dilation_sizes,
            config.gin_channels,
        )
        self.flow = Flow(config)
        self.sdp = StochasticDurationPredictor(config.hidden_channels, config.gin_channels)
        self.dp = DurationPredictor(
            config.hidden_channels, config.duration_channels, config.gin_channels
        )
        self.emb_g = nn.Embedding(config.n_speakers, config.gin_channels)

    def encode(
        self,
        phones: Tensor,
        lengths: Tensor,
        tones: Tensor,
        languages: Tensor,
        bert: Tensor,
        style: Tensor,
        speaker: Tensor,
    ) -> Encoded:
        """The prior of every phone.

        Args:
            phones: int64 ``[batch, P]``, blanks included.
            lengths: int64 ``[batch]``, phones of every row.
            tones: int64 ``[batch, P]``.
            languages: int64 ``[batch, P]``.
            bert: float32 ``[batch, bert_width, P]``.
            style: float32 ``[batch, 256]``.
            speaker: int64 ``[batch]``.
        """
        speaker_vector = self.emb_g(speaker).unsqueeze(-1)
        hidden, mean, log_scale, mask = self.enc_p(
            phones, lengths, tones, languages, bert, style, speaker_vector
        )
        return Encoded(hidden, mean, log_scale, mask, speaker_vector)

    def durations(
        self,
        encoded: Encoded,
        *,
        noise_w: Tensor | float,
        sdp_ratio: Tensor | float,
        length_scale: Tensor | float,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Frames per phone ``[batch, 1, P]``, float32 whole numbers, 0 where masked.

        Args:
            encoded: Of ``encode``.
            noise_w: Strength of the noise; this and the next two broadcast with ``[batch, 1, P]``.
            sdp_ratio: Share of the stochastic predictor, 0 to 1.
            length_scale: Greater is slower.
            noise: Standard normal ``[batch, 2, P]``; drawn here if None.
        """
        hidden, mask, speaker_vector = encoded.hidden, encoded.mask, encoded.speaker_vector
        stochastic = self.sdp(hidden, mask, speaker_vector, noise_w, noise)
        deterministic = self.dp(hidden, mask, speaker_vector)
        log_durations = stochastic * sdp_ratio + deterministic * (1 - sdp_ratio)
        return torch.ceil(torch.exp(log_durations) * mask * length_scale)

    def sample_prior(
        self,
        encoded: Encoded,
        durations: Tensor,
        *,
        noise_scale: Tensor | float,
        noise: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """A sample of the prior ``[batch, latent, frames]`` and its mask ``[batch, 1, frames]``.

        Args:
            encoded: Of ``encode``.
            durations: Of ``durations``.
            noise_scale: Strength of the noise; broadcasts with the sample.
            noise: Standard normal ``[batch, latent, frames]``; drawn here if None.
        """
        lengths = torch.clamp_min(torch.sum(durations, [1, 2]), 1).to(torch.int64)
        frame_mask = _length_mask(lengths, lengths.max()).unsqueeze(1).to(encoded.mask.dtype)
        path = _alignment(durations, encoded.mask, frame_mask)
        mean = torch.matmul(path, encoded.mean.transpose(1, 2)).transpose(1, 2)
        log_scale = torch.matmul(path, encoded.log_scale.transpose(1, 2)).transpose(1, 2)
        if noise is None:
            noise = torch.randn_like(mean)
        return mean + noise * torch.exp(log_scale) * noise_scale, frame_mask

    def latent(self, prior: Tensor, frame_mask: Tensor, speaker_vector: Tensor) -> Tensor:
        """What the decoder reads ``[batch, latent, frames]``, zero where masked."""
        z: Tensor = self.flow(prior, frame_mask, speaker_vector) * frame_mask
        return z

    def decode(self, z: Tensor, speaker_vector: Tensor, frame_mask: Tensor | None = None) -> Tensor:
        """Samples ``[batch, 1, frames * hop]``.

        Args:
            z: Any frames of a latent ``[batch, latent, frames]``, zero where masked.
            speaker_vector: ``[batch, gin, 1]``.
            frame_mask: ``[batch, 1, frames]``; None if all frames count.
        """
        samples: Tensor = self.dec(z, speaker_vector, frame_mask)
        return samples


def _length_mask(lengths: Tensor, longest: Tensor | int) -> Tensor:
    """True at the first ``lengths[b]`` places: bool ``[batch, longest]``."""
    # A plain number would become a constant of the exported graph, which a scalar tensor does not.
    stop: Any = longest
    positions = torch.arange(stop, dtype=lengths.dtype, device=lengths.device)
    return positions.unsqueeze(0) < lengths.unsqueeze(1)


def _alignment(durations: Tensor, mask: Tensor, frame_mask: Tensor) -> Tensor:
    """``[batch, frames, P]`` with a 1 where the frame belongs to the phone."""
    ends = torch.cumsum(durations[:, 0], 1)
    frames = torch.arange(frame_mask.size(2), dtype=ends.dtype, device=ends.device)
    before_end = (frames < ends.unsqueeze(-1)).to(mask.dtype)
    # A phone starts where the one before it ends.
    before_start = nn.functional.pad(before_end, (0, 0, 1, 0))[:, :-1]
    path = (before_end - before_start).transpose(1, 2)
    return path * (mask * frame_mask.transpose(1, 2))
