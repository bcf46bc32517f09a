"""From a published language model to the graph that is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime as ort

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.install.bert_graph import bert_graph
from hayakoe_engine.voices.sbv2.install.bert_weights import BertWeights, read_bert
from hayakoe_engine.voices.sbv2.install.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from onnx import ModelProto


def lean_bert(published: Path) -> ModelProto:
    """The language model as it is run.

    Weights that the published file has in int8 stay as they are; of a file in float, each output
    of a linear layer gets a scale of its own.

    Args:
        published: ``bert_q8.onnx``, or ``bert.onnx`` in float.

    Returns:
        ids int64 [L] to hidden float32 [L, width].

    Raises:
        BadVoiceFiles: The file cannot be read.
        UnknownGraph: It is not built as expected.
    """
    return bert_graph(read_weights(published).quantized())


def read_weights(published: Path) -> BertWeights:
    """The weights of a published file; raises as ``lean_bert`` does."""
    try:
        model = onnx.load(published)
    except Exception as error:  # its parser's errors have no common type
        raise BadVoiceFiles(f"{published}: cannot be read: {error}") from error
    return read_bert(Graph(model))


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near features come to those of the published graph.

    Attributes:
        relative_error: Root mean square of the difference, in terms of the features' own.
        cosine: Of the angle between both.
    """

    relative_error: float
    cosine: float


def compare_bert(published: Path, lean: Path, ids: Sequence[int]) -> Agreement:
    """Run both graphs on a text; the published one takes more than a gigabyte for that.

    Features are equal where the weights are and ONNX Runtime takes the same kernels for both. If
    not, because a file was exported in another way, the last bit of a sum decides how activations
    are rounded to 8 bits, and after some layers features differ by a third of what quantization
    has changed in them anyway: a cosine of about 0.9995 for a sentence.

    Args:
        published: ``bert_q8.onnx`` or ``bert.onnx``.
        lean: What ``lean_bert`` made of it.
        ids: Token numbers.

    Raises:
        BadVoiceFiles: ONNX Runtime cannot run a file.
    """
    text = np.asarray(ids, np.int64)
    feeds = {"input_ids": text[None], "attention_mask": np.ones((1, len(text)), np.int64)}
    expected = _run(published, feeds)[0]
    actual = _run(lean, {"ids": text})
    size = np.linalg.norm(expected)
    return Agreement(
        relative_error=float(np.linalg.norm(actual - expected) / size),
        cosine=float((actual * expected).sum() / (np.linalg.norm(actual) * size)),
    )


def _run(path: Path, feeds: dict[str, NDArray[np.int64]]) -> NDArray[np.float64]:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    # Weights are large, and used only once.
    options.add_session_config_entry("session.disable_prepacking", "1")
    try:
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return np.asarray(session.run(None, feeds)[0], np.float64)
    except Exception as error:  # its errors have no common type
        raise BadVoiceFiles(f"{path}: ONNX Runtime cannot run it: {error}") from error
