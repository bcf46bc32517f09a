"""A voice and a language model of full size with random weights, laid out as published ones are."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

VOICE: Final = "rnd"
_MAKERS: Final = Path(__file__).resolve().parents[2] / "tests" / "models"

_MAKE: Final = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from make_bert import make_bert
from make_voice import make_voice
root = Path(sys.argv[2])
make_bert(root, full=True)
voice = root / "onnx" / "speakers" / sys.argv[3]
make_voice(voice, full=True, with_durations=True, duration_predictor=True)
"""

TOKENIZER: Final = {
    "tokenizer_class": "BertJapaneseTokenizer",
    "do_lower_case": False,
    "do_word_tokenize": True,
    "do_subword_tokenize": True,
    "word_tokenizer_type": "basic",
    "subword_tokenizer_type": "character",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "unk_token": "[UNK]",
    "pad_token": "[PAD]",
    "mask_token": "[MASK]",
}
"""One token per character; the language model's own files say the same to transformers."""


def published_files(folder: Path) -> Path:
    """The root of a layout with a language model and the voice ``VOICE``; made once, 0.9 GB."""
    root = folder / "models"
    if root.exists():
        return root
    if missing := [name for name in ("torch", "onnx") if find_spec(name) is None]:
        raise SystemExit(f"to make a voice, install also {' and '.join(missing)}")
    print(f"making a voice and a language model in {root} ...", file=sys.stderr)
    unfinished = folder / "models.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    subprocess.run([sys.executable, "-c", _MAKE, _MAKERS, unfinished, VOICE], check=True)
    tokenizer = unfinished / "bert" / "tokenizer" / "tokenizer_config.json"
    tokenizer.write_text(json.dumps(TOKENIZER, indent=2) + "\n")
    unfinished.rename(root)
    return root
