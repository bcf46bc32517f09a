"""The language model in torch: characters to features, of texts that may differ in length.

A DeBERTa-v2 without what voices do not listen to: its last layers. What the relative positions are
projected to does not depend on the text, so it is kept, and not computed for each one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

_KINDS_OF_SCORES: Final = 3
"""Content to content, content to position, and position to content."""


@dataclass(frozen=True, slots=True)
class DebertaConfig:
    """Sizes of a language model.

    Attributes:
        vocabulary: Characters.
        width: Channels of a character.
        layers: That are run.
        heads: Of attention.
        inner: Channels inside the feed-forward blocks.
        positions: Rows of the tables of relative positions.
        distances: Of which the row is known: those from ``-n`` to ``n`` make ``2 n + 1``.
        epsilon: Of the normalisations.
    """

    vocabulary: int
    width: int
    layers: int
    heads: int
    inner: int
    positions: int
    distances: int
    epsilon: float


class Deberta(nn.Module):
    """The whole model."""

    rows: Tensor

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__()
        width = config.width
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, width)
        self.embedding_norm = nn.LayerNorm(width, config.epsilon)
        self.convolution = nn.Conv1d(width, width, 3, padding=1)
        self.convolution_norm = nn.LayerNorm(width, config.epsilon)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.register_buffer("rows", torch.zeros(config.distances, dtype=torch.int64))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Features ``[batch, L, width]``.

        Args:
            ids: int64 ``[batch, L]``.
            mask: bool ``[batch, L]``, true where there is a character.
        """
        length = ids.shape[1]
        x: Tensor = self.embedding_norm(self.embedding(ids)) * mask.unsqueeze(-1)
        convolved = functional.gelu(self.convolution(x.transpose(1, 2)).transpose(1, 2))
        places = torch.arange(length, device=ids.device)
        far = len(self.rows) // 2
        rows = self.rows[(places[:, None] - places[None]).clamp(-far, far) + far]
        is_known = mask[:, None, None]
        for number, layer in enumerate(self.layers):
            x = layer(x, rows, is_known)
            if number == 0:
                x = self.convolution_norm(x + convolved)
        return x


class Layer(nn.Module):
    """A transformer layer whose attention sees contents and relative positions."""

    key_table: Tensor
    query_table: Tensor

    def __init__(self, config: DebertaConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.head_width = width // config.heads
        # Queries, keys and values in one product.
        self.projections = nn.Linear(width, 3 * width)
        self.attention_output = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, config.epsilon)
        self.inner = nn.Linear(width, config.inner)
        self.output = nn.Linear(config.inner, width)
        self.output_norm = nn.LayerNorm(width, config.epsilon)
        # Keys and queries of the relative positions: [heads, head width, positions].
        table = torch.zeros(config.heads, self.head_width, config.positions)
        self.register_buffer("key_table", table)
        self.register_buffer("query_table", table.clone())

    def forward(self, x: Tensor, rows: Tensor, is_known: Tensor) -> Tensor:
        """Maps ``[batch, L, width]`` to the same shape.

        Args:
            x: What came before.
            rows: Row of the tables for each query and key, int64 ``[L, L]``.
            is_known: bool ``[batch, 1, 1, L]``.
        """
        batch, length, width = x.shape
        split = self.projections(x).view(batch, length, 3, self.heads, self.head_width)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        # Divided before the products, so that these stay small enough for 16 bits.
        query = query / math.sqrt(_KINDS_OF_SCORES * self.head_width)
        key_to_query = key / math.sqrt(_KINDS_OF_SCORES * self.head_width)
        index = rows.expand(batch, self.heads, length, length)
        scores = query @ key.transpose(-1, -2)
        scores = scores + (query @ self.key_table).gather(-1, index)
        # Its rows are keys, and so is the first axis that the index must have here.
        from_position = (key_to_query @ self.query_table).gather(-1, index.transpose(-1, -2))
        scores = scores + from_position.transpose(-1, -2)
        scores = scores.masked_fill(~is_known, torch.finfo(scores.dtype).min)
        mixed = functional.softmax(scores, dim=-1) @ value
        joined = mixed.transpose(1, 2).reshape(batch, length, width)
        x = self.attention_norm(self.attention_output(joined) + x)
        out: Tensor = self.output_norm(self.output(functional.gelu(self.inner(x))) + x)
        return out
