"""``config.json`` of a published voice: what of it matters for speaking, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from hayakoe_engine.voices.sbv2.json_fields import BadField, Fields
from hayakoe_engine.voices.sbv2.reading_files import blaming, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["VoiceConfig"]

_SUPPORTED_VERSION: Final = "JP-Extra"
_RESIDUAL_BLOCK: Final = "1"
_MAX_HOP_LENGTH: Final = 8192
_CHANNELS: Final = (1, 65_536)
_KERNEL: Final = (1, 1000)


@dataclass(frozen=True, slots=True)
class VoiceConfig:
    """What a voice says of itself; sizes are named as in the file.

    Attributes:
        model_name: What its maker calls it.
        version: Of the training program.
        sample_rate_hz: Of its audio.
        add_blank: Whether it wants blanks between all phones.
        n_speakers: Speakers in the model, numbered from 0.
        styles: Row of the style vectors by name, in the file's order.
        use_spk_conditioned_encoder: Whether the text encoder knows the speaker.
    """

    model_name: str
    version: str
    sample_rate_hz: int
    add_blank: bool
    n_speakers: int
    styles: Mapping[str, int]
    inter_channels: int
    hidden_channels: int
    filter_channels: int
    n_heads: int
    n_layers: int
    kernel_size: int
    resblock_kernel_sizes: tuple[int, ...]
    resblock_dilation_sizes: tuple[tuple[int, ...], ...]
    upsample_rates: tuple[int, ...]
    upsample_kernel_sizes: tuple[int, ...]
    upsample_initial_channel: int
    gin_channels: int
    use_spk_conditioned_encoder: bool

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a ``config.json``.

        Raises:
            BadVoiceFiles: It cannot be read, or is none; the message names file and field.
        """
        with blaming(path):
            return cls.parse(read_text(path))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what is in a ``config.json``; what it does not say has the trainer's default.

        Raises:
            BadField: It is no JSON object, or a value makes no sense or is of a kind of voice that
                is not supported.
        """
        top = Fields.parse(text)
        data, model = top.section("data"), top.section("model")
        config = cls(
            model_name=top.text("model_name", "Dummy"),
            version=top.text("version", "2.0-JP-Extra"),
            sample_rate_hz=data.integer("sampling_rate", 44100, (8000, 192_000)),
            add_blank=data.flag("add_blank", True),
            n_speakers=data.integer("n_speakers", 1, (1, 1_000_000)),
            styles=data.rows("style2id", {"Neutral": 0}),
            inter_channels=model.integer("inter_channels", 192, _CHANNELS),
            hidden_channels=model.integer("hidden_channels", 192, _CHANNELS),
            filter_channels=model.integer("filter_channels", 768, _CHANNELS),
            n_heads=model.integer("n_heads", 2, _CHANNELS),
            n_layers=model.integer("n_layers", 6, (1, 100)),
            kernel_size=model.integer("kernel_size", 3, _KERNEL),
            resblock_kernel_sizes=model.integers("resblock_kernel_sizes", (3, 7, 11), _KERNEL),
            resblock_dilation_sizes=model.integer_lists(
                "resblock_dilation_sizes", ((1, 3, 5),) * 3, _KERNEL
            ),
            upsample_rates=model.integers("upsample_rates", (8, 8, 2, 2, 2), _KERNEL),
            upsample_kernel_sizes=model.integers(
                "upsample_kernel_sizes", (16, 16, 8, 2, 2), _KERNEL
            ),
            upsample_initial_channel=model.integer("upsample_initial_channel", 512, _CHANNELS),
            gin_channels=model.integer("gin_channels", 512, _CHANNELS),
            use_spk_conditioned_encoder=model.flag("use_spk_conditioned_encoder", True),
        )
        if not config.version.endswith(_SUPPORTED_VERSION):
            raise BadField(
                f"version {config.version!r} is not supported; only {_SUPPORTED_VERSION} voices are"
            )
        if model.text("resblock", _RESIDUAL_BLOCK) != _RESIDUAL_BLOCK:
            raise BadField("model.resblock must be '1'; other decoders are not supported")
        config._check_decoder()
        hop_length = data.integer("hop_length", config.hop_length, (1, _MAX_HOP_LENGTH))
        if hop_length != config.hop_length:
            raise BadField(
                f"data.hop_length is {hop_length}, but the product of model.upsample_rates is "
                f"{config.hop_length}"
            )
        return config

    @property
    def hop_length(self) -> int:
        """Samples per latent frame."""
        return math.prod(self.upsample_rates)

    @property
    def frame_s(self) -> float:
        """Seconds per latent frame."""
        return self.hop_length / self.sample_rate_hz

    def _check_decoder(self) -> None:
        rates, kernels = self.upsample_rates, self.upsample_kernel_sizes
        if len(rates) != len(kernels):
            raise BadField("model.upsample_rates and model.upsample_kernel_sizes differ in length")
        for rate, kernel in zip(rates, kernels, strict=True):
            if kernel < rate or (kernel - rate) % 2:
                raise BadField(
                    f"model.upsample_kernel_sizes: {kernel} does not fit the rate {rate}"
                )
        if self.hop_length > _MAX_HOP_LENGTH:
            raise BadField(f"model.upsample_rates: their product is above {_MAX_HOP_LENGTH}")
        if len(self.resblock_kernel_sizes) != len(self.resblock_dilation_sizes):
            raise BadField(
                "model.resblock_kernel_sizes and model.resblock_dilation_sizes differ in length"
            )
        if not all(kernel % 2 for kernel in self.resblock_kernel_sizes):
            raise BadField("model.resblock_kernel_sizes must be odd")
