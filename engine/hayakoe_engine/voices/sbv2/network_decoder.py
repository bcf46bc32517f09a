"""The decoder of the synthesizer: a HiFi-GAN generator that turns latent frames into samples.

It can be run in two parts: most of the frames around a window matter only to the first, which is
the lesser part of the work.
"""

from __future__ import annotations

import math
from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.nn import functional

_SLOPE = 0.1
_LAST_SLOPE = 0.01
_ENDS = 7


class Decoder(nn.Module):
    """``[batch, channels, frames]`` to ``[batch, 1, frames * hop]``, within -1 and 1.

    Attributes:
        head_context_frames: Frames on either side of a frame on which depends what ``head`` makes
            of it.
        tail_context_frames: Those on which depends what ``tail`` makes of it.
    """

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
        self.conv_pre = nn.Conv1d(in_channels, initial_channels, _ENDS, padding=_ENDS // 2)
        self.cond = nn.Conv1d(gin, initial_channels, 1)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        longest = max(
            sum(block_kernel // 2 * (dilation + 1) for dilation in dilations)
            for block_kernel, dilations in zip(block_kernels, block_dilations, strict=True)
        )
        reaches = [
            Fraction(kernel - 1 - (kernel - rate) // 2 + longest, math.prod(rates[: stage + 1]))
            for stage, (rate, kernel) in enumerate(zip(rates, kernels, strict=True))
        ]
        self.head_context_frames = math.ceil(_ENDS // 2 + reaches[0])
        exit_frames = Fraction(_ENDS // 2, math.prod(rates))
        self.tail_context_frames = math.ceil(sum(reaches[1:], exit_frames))
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
        self.conv_post = nn.Conv1d(channels, 1, _ENDS, padding=_ENDS // 2, bias=False)

    def forward(self, z: Tensor, speaker_vector: Tensor, mask: Tensor | None = None) -> Tensor:
        """Samples of every frame.

        Args:
            z: Latent ``[batch, channels, frames]``, zero where masked.
            speaker_vector: ``[batch, gin, 1]``.
            mask: ``[batch, 1, frames]`` if rows differ in length: then a row sounds as if it were
                alone. None if all frames count.
        """
        return self.tail(self.head(z, speaker_vector, mask), mask)

    def head(self, z: Tensor, speaker_vector: Tensor, mask: Tensor | None = None) -> Tensor:
        """The first part, up to the first stage: ``[batch, channels, frames * rate]``."""
        x = self.conv_pre(z) + self.cond(speaker_vector)
        return self._stage(0, x, mask)

    def tail(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:
        """What the first part has made, to samples; the mask is that of the frames."""
        x = hidden
        mask = self._after(0, mask)
        for stage in range(1, len(self.rates)):
            x = self._stage(stage, x, mask)
            mask = self._after(stage, mask)
        x = self.conv_post(_masked(functional.leaky_relu(x, _LAST_SLOPE), mask))
        return _masked(torch.tanh(x), mask)

    def _stage(self, stage: int, x: Tensor, mask: Tensor | None) -> Tensor:
        """One upsampling and its blocks; the mask is that of what comes in."""
        x = self.ups[stage](_masked(functional.leaky_relu(x, _SLOPE), mask))
        mask = self._after(stage, mask)
        first = stage * self.blocks_per_stage
        total: Tensor = self.resblocks[first](x, mask)
        for offset in range(1, self.blocks_per_stage):
            total = total + self.resblocks[first + offset](x, mask)
        return total / self.blocks_per_stage

    def _after(self, stage: int, mask: Tensor | None) -> Tensor | None:
        return None if mask is None else mask.repeat_interleave(self.rates[stage], dim=-1)


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
