"""Transformer blocks with relative positions, written lean: see ``rows``.

The published graphs score the offsets of all pairs of places, of which only 9 have an embedding.
Here those are 9 diagonals.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.voices.sbv2.install.graph import UnknownGraph

if TYPE_CHECKING:
    from hayakoe_engine.voices.sbv2.install.rows import RowWriter

_SPEAKER_LAYER: Final = 2


@dataclass(frozen=True, slots=True)
class Band:
    """The keys near every query, as tensors of a graph.

    Attributes:
        places: int64 ``[heads, time, offsets]``, key of every query and offset, moved inside.
        inside: float32 ``[time, offsets]``, 1 where there is a key.
    """

    places: str
    inside: str


class TransformerWriter:
    """Writes stacks of blocks into a graph.

    Args:
        rows: Writes their layers.
        like: Key of a stack; all others have its sizes.
        length: int64 ``[1]``, rows of everything.
    """

    def __init__(self, rows: RowWriter, like: str, length: str) -> None:
        self._rows = rows
        self._length = length
        embedding = rows.weights[f"{like}.attn_layers.0.emb_rel_k"]
        hidden = rows.weights[f"{like}.attn_layers.0.conv_q.weight"].shape[0]
        self._width = embedding.shape[2]
        self._heads = hidden // self._width
        if embedding.shape[0] != 1 or self._heads * self._width != hidden:
            raise UnknownGraph(f"{like} has relative positions of shape {embedding.shape}")
        self._band = self._write_band(embedding.shape[1] // 2)

    def stack(self, x: str, key: str, speaker: str) -> str:
        """All blocks of a stack.

        Args:
            x: ``[time, hidden]``.
            key: The stack's.
            speaker: ``[1, speaker channels]``.
        """
        rows = self._rows
        layer = 0
        while f"{key}.attn_layers.{layer}.conv_q.weight" in rows.weights:
            if layer == _SPEAKER_LAYER:
                linear = rows.weights.linear(f"{key}.spk_emb_linear")
                x = rows.add(x, rows.linear(speaker, *linear, exact=True))
            attended = self._attend(x, f"{key}.attn_layers.{layer}")
            x = rows.normalise(rows.add(x, attended), f"{key}.norm_layers_1.{layer}")
            fed = rows.feed_forward(x, f"{key}.ffn_layers.{layer}")
            x = rows.normalise(rows.add(x, fed), f"{key}.norm_layers_2.{layer}")
            layer += 1
        if layer <= _SPEAKER_LAYER:
            raise UnknownGraph(f"{key} has {layer} layers")
        return x

    def _attend(self, x: str, key: str) -> str:
        builder, weights = self._rows.builder, self._rows.weights
        query, key_, value = (weights.pointwise(f"{key}.conv_{part}") for part in "qkv")
        # The queries' scale is part of their weights.
        scale = np.float32(1 / sqrt(self._width))
        weight = np.concatenate([query[0] * scale, key_[0], value[0]], 1)
        bias = np.concatenate([query[1] * scale, key_[1], value[1]])
        joined = self._rows.linear(x, weight, bias)
        joined = builder.reshape(joined, -1, 3, self._heads, self._width)
        parts = builder.nodes("Split", 3, builder.transpose(joined, 1, 2, 0, 3), axis=0)
        queries, keys, values = (builder.node("Squeeze", p, builder.integers(0)) for p in parts)
        scores = builder.node("MatMul", queries, builder.transpose(keys, 0, 2, 1))
        near = builder.constant(weights[f"{key}.emb_rel_k"][0].T)
        near_scores = builder.node("Mul", builder.node("MatMul", queries, near), self._band.inside)
        scores = builder.node(
            "ScatterElements", scores, self._band.places, near_scores, axis=2, reduction="add"
        )
        shares = builder.node("Softmax", scores, axis=-1)
        near_shares = builder.node("GatherElements", shares, self._band.places, axis=2)
        near_shares = builder.node("Mul", near_shares, self._band.inside)
        near = builder.constant(weights[f"{key}.emb_rel_v"][0])
        mixed = self._rows.add(
            builder.node("MatMul", shares, values), builder.node("MatMul", near_shares, near)
        )
        mixed = builder.reshape(builder.transpose(mixed, 1, 0, 2), -1, self._heads * self._width)
        return self._rows.pointwise(mixed, f"{key}.conv_o")

    def _write_band(self, window: int) -> Band:
        builder = self._rows.builder
        rows = builder.node("Unsqueeze", builder.count(self._length), builder.integers(1))
        places = builder.node("Add", rows, builder.integers(*range(-window, window + 1)))
        length = builder.node("Squeeze", self._length)
        zero, one = builder.constant(np.array(0)), builder.constant(np.array(1))
        moved = builder.node("Clip", places, zero, builder.node("Sub", length, one))
        inside = builder.node("Cast", builder.node("Equal", places, moved), to=1)
        shape = builder.node(
            "Concat",
            builder.integers(self._heads),
            self._length,
            builder.integers(2 * window + 1),
            axis=0,
        )
        return Band(builder.node("Expand", moved, shape), inside)
