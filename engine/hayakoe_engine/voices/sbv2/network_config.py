"""The sizes of a synthesizer."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

from hayakoe_engine.errors import BadVoiceFiles

if TYPE_CHECKING:
    from hayakoe_engine.voices.sbv2.config import VoiceConfig


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Sizes of a synthesizer; the defaults are those of the published voices.

    The last three are in no ``config.json``: all published voices share them.
    """

    n_speakers: int = 1
    inter_channels: int = 192
    hidden_channels: int = 192
    filter_channels: int = 768
    n_heads: int = 2
    n_layers: int = 6
    kernel_size: int = 3
    resblock_kernel_sizes: tuple[int, ...] = (3, 7, 11)
    resblock_dilation_sizes: tuple[tuple[int, ...], ...] = ((1, 3, 5), (1, 3, 5), (1, 3, 5))
    upsample_rates: tuple[int, ...] = (8, 8, 2, 2, 2)
    upsample_kernel_sizes: tuple[int, ...] = (16, 16, 8, 2, 2)
    upsample_initial_channel: int = 512
    gin_channels: int = 512
    bert_width: int = 1024
    duration_channels: int = 256
    flow_encoder_layers: int = 6

    @classmethod
    def of(cls, voice: VoiceConfig) -> Self:
        """The sizes that a voice's ``config.json`` gives.

        Raises:
            BadVoiceFiles: There can be no such network.
        """
        names = {field.name for field in fields(cls)}
        given = {field.name for field in fields(voice)}
        config = cls(**{name: getattr(voice, name) for name in names & given})
        halvings = len(config.upsample_rates)
        for possible, reason in (
            (voice.use_spk_conditioned_encoder, "use_spk_conditioned_encoder must be true"),
            (config.hidden_channels % config.n_heads == 0, "n_heads must divide hidden_channels"),
            (config.inter_channels % 2 == 0, "inter_channels must be even"),
            (
                config.upsample_initial_channel % 2**halvings == 0,
                f"upsample_initial_channel must be a multiple of {2**halvings}",
            ),
        ):
            if not possible:
                raise BadVoiceFiles(f"config.json: model.{reason}")
        return config

    @property
    def hop_length(self) -> int:
        """Samples per latent frame."""
        return math.prod(self.upsample_rates)
