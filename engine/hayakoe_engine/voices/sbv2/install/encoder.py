"""The encoder: phones to their durations and the prior of the latent, written lean."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from hayakoe_engine.voices.sbv2.install.builder import GraphBuilder
from hayakoe_engine.voices.sbv2.install.durations import DurationWriter
from hayakoe_engine.voices.sbv2.install.graph import Graph
from hayakoe_engine.voices.sbv2.install.rows import RowWriter
from hayakoe_engine.voices.sbv2.install.transformer import TransformerWriter
from hayakoe_engine.voices.sbv2.install.weights import Weights

if TYPE_CHECKING:
    from onnx import ModelProto


def lean_encoder(encoder: ModelProto) -> ModelProto:
    """The same encoder as rows of time, products of matrices and 9 diagonals.

    Args:
        encoder: The published encoder, cut out of its graph; for its inputs and outputs see
            ``SynthesizerGraphs``.

    Raises:
        UnknownGraph: It is not built as expected.
    """
    return _Writer(encoder).write()


class _Writer:
    def __init__(self, encoder: ModelProto) -> None:
        graph = Graph(encoder)
        self._weights = Weights(graph, "enc_p", "dp", "sdp", "emb_g")
        self._builder = GraphBuilder()
        self._rows = RowWriter(self._builder, self._weights)
        self._durations = DurationWriter(self._rows, graph)

    def write(self) -> ModelProto:
        builder, rows = self._builder, self._rows
        phones = builder.input("phones", 1, "phones", kind="int64")
        builder.input("tones", 1, "phones", kind="int64")
        builder.input("languages", 1, "phones", kind="int64")
        builder.input("bert", 1, self._weights["enc_p.bert_proj.weight"].shape[1], "phones")
        builder.input("style", 1, len(self._weights.linear("enc_p.style_proj")[0]))
        builder.input("speaker", 1, kind="int64")
        builder.input("noise_w", 1)
        builder.input("length_scale", 1)
        builder.input("sdp_ratio", 1)
        builder.input("noise_durations", 1, 2, "phones")

        embedding = builder.constant(self._weights["emb_g.weight"])
        speaker = builder.node("Gather", embedding, "speaker")
        length = builder.node("Shape", phones, start=1, end=2)
        transformer = TransformerWriter(rows, "enc_p.encoder", length)
        hidden = transformer.stack(self._embed(), "enc_p.encoder", speaker)
        prior = self._as_columns(rows.pointwise(hidden, "enc_p.proj"))
        mean, log_scale = builder.nodes("Split", 2, prior, axis=1)
        channels = self._weights["enc_p.proj.weight"].shape[0] // 2
        return builder.model(
            {
                "durations": (self._frames(hidden, speaker), (1, 1, "phones")),
                "mean": (mean, (1, channels, "phones")),
                "log_scale": (log_scale, (1, channels, "phones")),
                "speaker_vector": (
                    builder.node("Unsqueeze", speaker, builder.integers(2)),
                    (1, self._weights["emb_g.weight"].shape[1], 1),
                ),
            }
        )

    def _embed(self) -> str:
        """What is known of every phone, ``[phones, hidden]``."""
        builder, weights = self._builder, self._weights
        hidden = weights["enc_p.emb.weight"].shape[1]
        # The sum of all is multiplied by this; here its parts are.
        scale = np.float32(sqrt(hidden))
        parts = []
        for name, key in (("phones", "emb"), ("tones", "tone_emb"), ("languages", "language_emb")):
            table = builder.constant(weights[f"enc_p.{key}.weight"] * scale)
            parts.append(builder.node("Gather", table, builder.reshape(name, -1)))
        weight, bias = weights.pointwise("enc_p.bert_proj")
        parts.append(self._rows.linear(self._as_rows("bert"), weight * scale, bias * scale))
        weight, bias = weights.linear("enc_p.style_proj")
        parts.append(self._rows.linear("style", weight * scale, bias * scale))
        return builder.total(parts)

    def _frames(self, hidden: str, speaker: str) -> str:
        """Frames per phone, ``[1, 1, phones]``."""
        builder = self._builder
        noise = builder.node("Mul", self._as_rows("noise_durations"), "noise_w")
        stochastic = self._durations.stochastic(hidden, speaker, noise)
        deterministic = self._durations.deterministic(hidden, speaker)
        share = builder.node("Sub", builder.number(1), "sdp_ratio")
        logarithm = builder.node(
            "Add",
            builder.node("Mul", stochastic, "sdp_ratio"),
            builder.node("Mul", deterministic, share),
        )
        frames = builder.node("Mul", builder.node("Exp", logarithm), "length_scale")
        return builder.reshape(builder.node("Ceil", frames), 1, 1, -1)

    def _as_rows(self, tensor: str) -> str:
        """``[1, channels, phones]`` as rows."""
        squeezed = self._builder.node("Squeeze", tensor, self._builder.integers(0))
        return self._builder.transpose(squeezed, 1, 0)

    def _as_columns(self, rows: str) -> str:
        """Rows as ``[1, channels, phones]``."""
        columns = self._builder.transpose(rows, 1, 0)
        return self._builder.node("Unsqueeze", columns, self._builder.integers(0))
