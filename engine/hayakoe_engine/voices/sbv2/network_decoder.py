"""The decoder of the synthesizer: a HiFi-GAN generator that turns latent frames into samples."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_SLOPE = 0.1
_LAST_SLOPE = 0.01


class Decoder(nn.Module):
    """``[batch, channels, frames]`` to ``[batch, 1, frames * hop]``, within -1 and 1."""

    def __init__(
        self,
        in_channels: int,
        initial_channels: int,
        rates: tuple[int, ...],
        kernels: tuple[int, ...],
        block_kernels: tuple[int, ...],
        block_dilations: tuple[tuple[int, ...], ...],
        gin: int,
    ) -> None:
        super().__init__()
        self.rates = rates
        self.blocks_per_stage = len(block_kernels)
        self.conv_pre = nn.Conv1d(in_channels, initial_channels, 7, padding=3)
        self.cond = nn.Conv1d(gin, initial_channels, 1)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        channels = initial_channels
        for rate, kernel in zip(rates, kernels, strict=True):
            self.ups.append(
                nn.ConvTranspose1d(
                    channels, channels // 2, kernel, stride=rate, padding=(kernel - rate) // 2
                )
            )
            channels //= 2
            for block_kernel, dilations in zip(block_kernels, block_dilations, strict=True):
                self.resblocks.append(ResidualBlock(channels, block_kernel, dilations))
        self.conv_post = nn.Conv1d(channels, 1, 7, padding=3, bias=False)

    def forward(self, z: Tensor, speaker_vector: Tensor, mask: Tensor | None = None) -> Tensor:
        """Samples of every frame.

        Args:
            z: Latent ``[batch, channels, frames]``, zero where masked.
            speaker_vector: ``[batch, gin, 1]``.
            mask: ``[batch, 1, frames]`` if rows differ in length: then a row sounds as if it were
                alone. None if all frames count.
        """
        x = self.conv_pre(z) + self.cond(speaker_vector)
        for stage, upsample in enumerate(self.ups):
            x = upsample(_masked(functional.leaky_relu(x, _SLOPE), mask))
            if mask is not None:
                mask = mask.repeat_interleave(self.rates[stage], dim=-1)
            first = stage * self.blocks_per_stage
            total = self.resblocks[first](x, mask)
            for offset in range(1, self.blocks_per_stage):
                total = total + self.resblocks[first + offset](x, mask)
            x = total / self.blocks_per_stage
        x = self.conv_post(_masked(functional.leaky_relu(x, _LAST_SLOPE), mask))
        return _masked(torch.tanh(x), mask)


class ResidualBlock(nn.Module):
    """Pairs of a dilated and a plain convolution, each added to what came in."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=d, padding=(kernel - 1) * d // 2)
            for d in dilations
        )
        self.convs2 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, padding=(kernel - 1) // 2) for _ in dilations
        )

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Maps ``[batch, channels, time]`` to the same shape."""
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            y = dilated(_masked(functional.leaky_relu(x, _SLOPE), mask))
            y = plain(_masked(functional.leaky_relu(y, _SLOPE), mask))
            x = x + y
        return x


def _masked(x: Tensor, mask: Tensor | None) -> Tensor:
    return x if mask is None else x * mask
