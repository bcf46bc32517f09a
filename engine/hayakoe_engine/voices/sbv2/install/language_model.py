"""Installing the language model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import onnx

from hayakoe_engine.voices.sbv2.install.bert import compare_bert, lean_bert
from hayakoe_engine.voices.sbv2.install.graph import UnknownGraph
from hayakoe_engine.voices.sbv2.installed import LANGUAGE_MODEL

if TYPE_CHECKING:
    from pathlib import Path

    from hayakoe_engine.voices.sbv2.files import BertFiles

CHECK_TEXT: Final = "準備ができました。"
LEAST_COSINE: Final = 0.99
"""Of features against the published graph's. Where weights are in 8 bits, the last bit of a sum
decides how activations are rounded, so features of another kernel differ by some thousandths."""


def make_language_model(files: BertFiles, folder: Path) -> None:
    """Write the installed graph.

    Args:
        files: What was published.
        folder: Where it goes, empty.

    Raises:
        BadVoiceFiles: A file cannot be read.
        UnknownGraph: It is not built as expected, or would say something else.
    """
    graph = folder / LANGUAGE_MODEL
    onnx.save(lean_bert(files.model), graph)
    found = compare_bert(files.model, graph, files.tokenizer.ids(CHECK_TEXT).tolist())
    if not found.cosine >= LEAST_COSINE:
        raise UnknownGraph(f"its parts say something else: cosine {found.cosine:.4f}")
