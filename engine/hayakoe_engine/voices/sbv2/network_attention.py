"""Transformer blocks of the synthesizer: used by the text encoder and by every flow layer."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

RELATIVE_WINDOW: Final = 4
"""Positions on either side that have a relative embedding."""

SPEAKER_LAYER: Final = 2
"""The layer before which the speaker is added; a stack needs more layers than this."""

_MASKED_SCORE = -1e4


class LayerNorm(nn.Module):
    """Normalise ``[batch, channels, time]`` over the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``[batch, channels, time]`` to the same shape."""
        time_major = x.transpose(1, -1)
        normed = functional.layer_norm(time_major, self.gamma.shape, self.gamma, self.beta, 1e-5)
        return normed.transpose(1, -1)


class Encoder(nn.Module):
    """Post-norm transformer with relative positions; the speaker joins on the way."""

    def __init__(
        self, hidden: int, filter_channels: int, heads: int, layers: int, kernel: int, gin: int
    ) -> None:
        super().__init__()
        self.spk_emb_linear = nn.Linear(gin, hidden)
        self.attn_layers = nn.ModuleList(SelfAttention(hidden, heads) for _ in range(layers))
        self.norm_layers_1 = nn.ModuleList(LayerNorm(hidden) for _ in range(layers))
        self.ffn_layers = nn.ModuleList(
            FeedForward(hidden, filter_channels, kernel) for _ in range(layers)
        )
        self.norm_layers_2 = nn.ModuleList(LayerNorm(hidden) for _ in range(layers))

    def forward(self, x: Tensor, mask: Tensor, speaker_vector: Tensor) -> Tensor:
        """Maps ``[batch, hidden, time]`` to the same shape, zero where masked.

        Args:
            x: ``[batch, hidden, time]``.
            mask: ``[batch, 1, time]``.
            speaker_vector: ``[batch, gin, 1]``.
        """
        pair_mask = mask.unsqueeze(2) * mask.unsqueeze(-1)
        x = x * mask
        stack = zip(
            self.attn_layers, self.norm_layers_1, self.ffn_layers, self.norm_layers_2, strict=True
        )
        for index, (attention, norm_1, feed_forward, norm_2) in enumerate(stack):
            if index == SPEAKER_LAYER:
                speaker = self.spk_emb_linear(speaker_vector.transpose(1, 2)).transpose(1, 2)
                x = (x + speaker) * mask
            x = norm_1(x + attention(x, pair_mask))
            x = norm_2(x + feed_forward(x, mask))
        return x * mask


class SelfAttention(nn.Module):
    """Multi-head attention whose scores and values see offsets of up to ``RELATIVE_WINDOW``."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.head_width = hidden // heads
        self.conv_q = nn.Conv1d(hidden, hidden, 1)
        self.conv_k = nn.Conv1d(hidden, hidden, 1)
        self.conv_v = nn.Conv1d(hidden, hidden, 1)
        self.conv_o = nn.Conv1d(hidden, hidden, 1)
        # Shared by the heads; row 0 belongs to the key that is RELATIVE_WINDOW before the query.
        offsets = 2 * RELATIVE_WINDOW + 1
        self.emb_rel_k = nn.Parameter(torch.zeros(1, offsets, self.head_width))
        self.emb_rel_v = nn.Parameter(torch.zeros(1, offsets, self.head_width))

    def forward(self, x: Tensor, pair_mask: Tensor) -> Tensor:
        """Maps ``[batch, hidden, time]`` to the same shape; the mask is ``[batch, 1, t, t]``."""
        batch, hidden, length = x.shape
        query = self._split_heads(self.conv_q(x)) / math.sqrt(self.head_width)
        key = self._split_heads(self.conv_k(x))
        value = self._split_heads(self.conv_v(x))

        offset_keys = _spread_offsets(self.emb_rel_k, length).unsqueeze(0)
        offset_scores = torch.matmul(query, offset_keys.transpose(-2, -1))
        scores = torch.matmul(query, key.transpose(-2, -1)) + _offset_to_key(offset_scores)
        scores = scores.masked_fill(pair_mask == 0, _MASKED_SCORE)

        weights = functional.softmax(scores, dim=-1)
        offset_values = _spread_offsets(self.emb_rel_v, length).unsqueeze(0)
        mixed = torch.matmul(weights, value)
        mixed = mixed + torch.matmul(_key_to_offset(weights), offset_values)
        joined: Tensor = self.conv_o(mixed.transpose(2, 3).reshape(batch, hidden, length))
        return joined

    def _split_heads(self, x: Tensor) -> Tensor:
        """``[batch, hidden, time]`` to ``[batch, heads, time, head_width]``."""
        batch, _, length = x.shape
        return x.view(batch, self.heads, self.head_width, length).transpose(2, 3)


def _spread_offsets(embedding: Tensor, length: int) -> Tensor:
    """``[1, 9, width]`` to ``[1, 2 * length - 1, width]``: zeros at offsets out of the window."""
    padded = functional.pad(embedding, (0, 0, length - 1, length - 1))
    return padded[:, RELATIVE_WINDOW : RELATIVE_WINDOW + 2 * length - 1]


def _offset_to_key(x: Tensor) -> Tensor:
    """Scores by query and offset ``[b, h, t, 2t - 1]`` to scores by query and key ``[b, h, t, t]``.

    One more column makes every row of the flat view start one offset later.
    """
    batch, heads, length, _ = x.shape
    flat = functional.pad(x, (0, 1)).view(batch, heads, length * 2 * length)
    skewed = functional.pad(flat, (0, length - 1)).view(batch, heads, length + 1, 2 * length - 1)
    return skewed[:, :, :length, length - 1 :]


def _key_to_offset(x: Tensor) -> Tensor:
    """Weights by query and key ``[b, h, t, t]`` to weights by offset ``[b, h, t, 2t - 1]``."""
    batch, heads, length, _ = x.shape
    padded = functional.pad(x, (0, length - 1))
    flat = padded.view(batch, heads, length * length + length * (length - 1))
    skewed = functional.pad(flat, (length, 0)).view(batch, heads, length, 2 * length)
    return skewed[:, :, :, 1:]


class FeedForward(nn.Module):
    """Two convolutions over time with a ReLU between them."""

    def __init__(self, hidden: int, filter_channels: int, kernel: int) -> None:
        super().__init__()
        self.padding = ((kernel - 1) // 2, kernel // 2)
        self.conv_1 = nn.Conv1d(hidden, filter_channels, kernel)
        self.conv_2 = nn.Conv1d(filter_channels, hidden, kernel)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Maps ``[batch, hidden, time]`` to the same shape, zero where masked."""
        x = torch.relu(self.conv_1(functional.pad(x * mask, self.padding)))
        x = self.conv_2(functional.pad(x * mask, self.padding))
        return x * mask
