"""Makes a language model with random weights, laid out as published ones are.

python tests/models/make_bert.py --full FOLDER
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import warnings
from pathlib import Path
from typing import Final

import torch
from deberta import DebertaConfig, FeatureModel, randomise
from onnxruntime.quantization import QuantType, quantize_dynamic

QUANTIZED: Final = "onnx/bert/q8/bert_q8.onnx"
FLOAT: Final = "onnx/bert/fp32/bert.onnx"
VOCABULARY: Final = "bert/tokenizer/vocab.txt"

SPECIAL: Final = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", "▁")
ANCHORS: Final = {
    "の": 6, "に": 7, "、": 8, "ー": 15, ".": 53, "-": 102, ",": 169, "!": 173, "?": 344, "'": 948,
}  # fmt: skip
"""Characters of which the line is known in the published vocabulary."""
FULL_LINES: Final = 22012


def _range(first: int, last: int) -> list[str]:
    return [chr(code) for code in range(first, last + 1)]


_MARKS: Final = "。・「」『』（）…〜～々〇！？，．：；♪"
_KANA: Final = [*_range(0x3041, 0x3096), *_range(0x30A1, 0x30FA)]


def make_bert(
    folder: Path,
    *,
    full: bool = False,
    quantized: bool = True,
    float32: bool = False,
    width: int = 32,
    layers: int = 4,
    buckets: int = 16,
    duplicates: bool = False,
    seed: int = 1234,
) -> Path:
    """Write the files of a language model below a root folder; returns the folder.

    Args:
        folder: Gets ``onnx/bert/...`` and ``bert/tokenizer/vocab.txt``; made if need be.
        full: The true sizes (1.7 GB) instead of a miniature; width, layers and buckets are then
            those of the published model.
        quantized: Write ``bert_q8.onnx``.
        float32: Write ``bert.onnx``.
        width: Channels of a token in the miniature; a multiple of 16.
        layers: Layers of the miniature, of which the last two do not survive.
        buckets: Relative positions of the miniature in each direction.
        duplicates: Leave all norms and biases equal, so that the exporter writes them once.
        seed: Of the weights.
    """
    lines = characters(full=full)
    if full:
        config = DebertaConfig()
    else:
        config = DebertaConfig(
            vocab=len(lines),
            width=width,
            layers=layers,
            heads=width // 16,
            inner=2 * width,
            buckets=buckets,
            max_distance=4 * buckets,
        )
    vocabulary = _target(folder, VOCABULARY)
    vocabulary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    model = FeatureModel(config).eval()
    randomise(model, seed, duplicates=duplicates)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        exported = Path(scratch) / "bert.onnx"
        export(model, exported)
        if quantized:
            quantize(exported, _target(folder, QUANTIZED))
        if float32:
            exported.replace(_target(folder, FLOAT))
    return folder


def export(model: FeatureModel, path: Path) -> None:
    """Write a network as the published files were written."""
    example = torch.tensor([[1, 5, 6, 7, 2]])
    axes = {0: "batch", 1: "seq_len"}
    names = ("input_ids", "attention_mask", "hidden_states")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (example, torch.ones_like(example)),
            str(path),
            input_names=list(names[:2]),
            output_names=[names[2]],
            dynamic_axes=dict.fromkeys(names, axes),
            opset_version=17,
            dynamo=False,
        )


def quantize(source: Path, target: Path) -> None:
    """Quantize a network as the published files were quantized."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        quantize_dynamic(
            source, target, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Gemm"]
        )
    finally:
        root.setLevel(level)


def characters(*, full: bool) -> list[str]:
    """The lines of the vocabulary of either size."""
    return _full_vocabulary() if full else _small_vocabulary()


def _target(folder: Path, name: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _full_vocabulary() -> list[str]:
    others = [
        *_range(0x21, 0x7E),
        *_MARKS,
        *_KANA,
        *_range(0x4E00, 0x9FFF),
        *_range(0x3400, 0x4DBF),
    ]
    others = [char for char in dict.fromkeys(others) if char not in ANCHORS]
    lines: list[str] = list(SPECIAL)
    at = {line: char for char, line in ANCHORS.items()}
    remaining = iter(others)
    while len(lines) < FULL_LINES:
        lines.append(at.get(len(lines)) or next(remaining))
    return lines


def _small_vocabulary() -> list[str]:
    kanji = [
        bytes((row, cell)).decode("euc_jp")
        for row in range(0xB0, 0xCF + 1)
        for cell in range(0xA1, (0xD3 if row == 0xCF else 0xFE) + 1)
    ]
    others = [*ANCHORS, *_range(0x21, 0x7E), *_MARKS, *_KANA, *sorted(kanji)]
    return [*SPECIAL, *dict.fromkeys(others)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make a language model with random weights.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--full", action="store_true", help="the true sizes, 1.7 GB")
    arguments = parser.parse_args()
    make_bert(arguments.folder, full=arguments.full, float32=True)
