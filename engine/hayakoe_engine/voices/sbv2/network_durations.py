"""The two duration predictors of the synthesizer, which are mixed when it speaks."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from hayakoe_engine.voices.sbv2.network_attention import LayerNorm

SPLINE_BINS: Final = 10
_TAIL = 5.0
_SMALLEST = 1e-3
_DILATED_LAYERS = 3


class DurationPredictor(nn.Module):
    """The same logarithmic durations every time."""

    def __init__(self, hidden: int, filter_channels: int, gin: int) -> None:
        super().__init__()
        self.conv_1 = nn.Conv1d(hidden, filter_channels, 3, padding=1)
        self.norm_1 = LayerNorm(filter_channels)
        self.conv_2 = nn.Conv1d(filter_channels, filter_channels, 3, padding=1)
        self.norm_2 = LayerNorm(filter_channels)
        self.proj = nn.Conv1d(filter_channels, 1, 1)
        self.cond = nn.Conv1d(gin, hidden, 1)

    def forward(self, hidden: Tensor, mask: Tensor, speaker_vector: Tensor) -> Tensor:
        """Logarithmic durations ``[batch, 1, P]`` of ``[batch, hidden, P]``."""
        x = hidden + self.cond(speaker_vector)
        x = self.norm_1(torch.relu(self.conv_1(x * mask)))
        x = self.norm_2(torch.relu(self.conv_2(x * mask)))
        log_durations: Tensor = self.proj(x * mask) * mask
        return log_durations


class StochasticDurationPredictor(nn.Module):
    """Different logarithmic durations for different noise: a normalising flow run backwards."""

    def __init__(self, hidden: int, gin: int) -> None:
        super().__init__()
        self.pre = nn.Conv1d(hidden, hidden, 1)
        self.cond = nn.Conv1d(gin, hidden, 1)
        self.convs = DilatedConvs(hidden)
        self.proj = nn.Conv1d(hidden, hidden, 1)
        # Numbered as in training, where flow 1 exists too and the even ones swap the channels.
        self.flows = nn.ModuleDict(
            {
                "0": Affine(),
                "3": SplineCoupling(hidden),
                "5": SplineCoupling(hidden),
                "7": SplineCoupling(hidden),
            }
        )

    def forward(
        self,
        hidden: Tensor,
        mask: Tensor,
        speaker_vector: Tensor,
        noise_w: Tensor | float,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Logarithmic durations ``[batch, 1, P]``.

        Args:
            hidden: ``[batch, hidden, P]``.
            mask: ``[batch, 1, P]``.
            speaker_vector: ``[batch, gin, 1]``.
            noise_w: What the noise is multiplied by; broadcasts with it.
            noise: Standard normal ``[batch, 2, P]``; drawn here if None.
        """
        context = self.pre(hidden) + self.cond(speaker_vector)
        context = self.proj(self.convs(context, mask)) * mask
        if noise is None:
            noise = torch.randn(hidden.size(0), 2, hidden.size(2), device=hidden.device)
        z = noise * noise_w
        for name in ("7", "5", "3"):
            z = self.flows[name](torch.flip(z, [1]), mask, context)
        z = self.flows["0"](torch.flip(z, [1]), mask)
        log_durations: Tensor = z[:, :1]
        return log_durations


class Affine(nn.Module):
    """The inverse of a scaling and a shift of each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.m = nn.Parameter(torch.zeros(2, 1))
        self.logs = nn.Parameter(torch.zeros(2, 1))

    def forward(self, z: Tensor, mask: Tensor) -> Tensor:
        """Maps ``[batch, 2, P]`` to the same shape."""
        return (z - self.m) * torch.exp(-self.logs) * mask


class SplineCoupling(nn.Module):
    """Bends the second channel by a spline that the first channel and the context give."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.pre = nn.Conv1d(1, hidden, 1)
        self.convs = DilatedConvs(hidden)
        self.proj = nn.Conv1d(hidden, 3 * SPLINE_BINS - 1, 1)

    def forward(self, z: Tensor, mask: Tensor, context: Tensor) -> Tensor:
        """Maps ``[batch, 2, P]`` to the same shape; the context is ``[batch, hidden, P]``."""
        kept, bent = torch.split(z, [1, 1], 1)
        x = self.convs(self.pre(kept) + context, mask)
        spline = (self.proj(x) * mask).unsqueeze(1).transpose(2, 3)
        scale = 1 / math.sqrt(self.hidden)
        widths = spline[..., :SPLINE_BINS] * scale
        heights = spline[..., SPLINE_BINS : 2 * SPLINE_BINS] * scale
        slopes = spline[..., 2 * SPLINE_BINS :]
        return torch.cat([kept, invert_spline(bent, widths, heights, slopes)], 1) * mask


class DilatedConvs(nn.Module):
    """Three residual layers of a depthwise dilated and a pointwise convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        dilations = [3**index for index in range(_DILATED_LAYERS)]
        self.convs_sep = nn.ModuleList(
            nn.Conv1d(channels, channels, 3, groups=channels, dilation=d, padding=d)
            for d in dilations
        )
        self.convs_1x1 = nn.ModuleList(nn.Conv1d(channels, channels, 1) for _ in dilations)
        self.norms_1 = nn.ModuleList(LayerNorm(channels) for _ in dilations)
        self.norms_2 = nn.ModuleList(LayerNorm(channels) for _ in dilations)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Maps ``[batch, channels, P]`` to the same shape, zero where masked."""
        stack = zip(self.convs_sep, self.norms_1, self.convs_1x1, self.norms_2, strict=True)
        for depthwise, norm_1, pointwise, norm_2 in stack:
            y = functional.gelu(norm_1(depthwise(x * mask)))
            y = functional.gelu(norm_2(pointwise(y)))
            x = x + y
        return x * mask


def invert_spline(y: Tensor, widths: Tensor, heights: Tensor, slopes: Tensor) -> Tensor:
    """The inverse of a monotone rational-quadratic spline; the identity outside of +-5.

    Always computed in float32: the discriminant of small bins does not survive less.

    Args:
        y: ``[...]``.
        widths: Unnormalised ``[..., bins]``.
        heights: Unnormalised ``[..., bins]``.
        slopes: Of the inner knots, unnormalised ``[..., bins - 1]``.
    """
    clamped = y.to(torch.float32).clamp(-_TAIL, _TAIL).unsqueeze(-1)
    knots_x = _knots(widths.to(torch.float32))
    knots_y = _knots(heights.to(torch.float32))
    inner = _SMALLEST + functional.softplus(slopes.to(torch.float32))
    slope = functional.pad(inner, (1, 1), value=1.0)

    # The right end belongs to the last bin.
    above = (clamped >= knots_y[..., 1:-1]).to(torch.int64)
    index = above.sum(-1, keepdim=True)

    def pick(values: Tensor) -> Tensor:
        return values.gather(-1, index)

    left, width = pick(knots_x[..., :-1]), pick(knots_x[..., 1:] - knots_x[..., :-1])
    bottom, height = pick(knots_y[..., :-1]), pick(knots_y[..., 1:] - knots_y[..., :-1])
    slope_0, slope_1 = pick(slope[..., :-1]), pick(slope[..., 1:])

    secant = height / width
    rise = clamped - bottom
    bend = rise * (slope_0 + slope_1 - 2 * secant)
    a = bend + height * (secant - slope_0)
    b = height * slope_0 - bend
    c = -secant * rise
    root = torch.sqrt((b * b - 4 * a * c).clamp(min=0.0))
    x = (2 * c / (-b - root) * width + left).squeeze(-1)
    return torch.where((y >= -_TAIL) & (y <= _TAIL), x.to(y.dtype), y)


def _knots(unnormalised: Tensor) -> Tensor:
    """Bin sizes ``[..., bins]`` to the ``bins + 1`` places between -5 and 5 where bins meet."""
    sizes = _SMALLEST + (1 - _SMALLEST * SPLINE_BINS) * functional.softmax(unnormalised, dim=-1)
    inner = 2 * _TAIL * torch.cumsum(sizes[..., :-1], dim=-1) - _TAIL
    return functional.pad(functional.pad(inner, (1, 0), value=-_TAIL), (0, 1), value=_TAIL)
