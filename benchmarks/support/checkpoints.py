"""A voice and a language model with random weights, as training leaves them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.support.published_files import TOKENIZER, VOICE

_MAKERS: Final = Path(__file__).resolve().parents[2] / "tests" / "models"

_MAKE: Final = """
import json, sys
from pathlib import Path
import numpy as np
from safetensors.torch import save_file
root, makers, voice, full = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4] == "full"
sys.path[:0] = [makers, str(Path(makers).parents[1] / "engine")]
import deberta, make_bert, make_voice

network = make_voice.make_network(full=full)
voice.mkdir(parents=True)
document = make_voice.config_document(network.config, name=voice.name)
(voice / "config.json").write_text(json.dumps(document))
vectors = np.random.default_rng(0).normal(0, 0.3, (2, 256)).astype(np.float32)
np.save(voice / "style_vectors.npy", vectors)
make_voice.save_checkpoint(network, voice / "rnd.safetensors")

characters = make_bert.characters(full=full)
vocabulary = root / make_bert.VOCABULARY
vocabulary.parent.mkdir(parents=True)
vocabulary.write_text("\\n".join(characters) + "\\n", encoding="utf-8")
width = network.config.bert_width
config = deberta.DebertaConfig() if full else deberta.DebertaConfig(
    vocab=len(characters), width=width, layers=4, heads=width // 16, inner=2 * width,
    buckets=16, max_distance=64,
)
model = deberta.FeatureModel(config)
deberta.randomise(model, 1)
bert = root / "pytorch" / "bert" / "fp32"
bert.mkdir(parents=True)
save_file(model.state_dict(), bert / "model.safetensors", metadata={"format": "pt"})
(bert / "config.json").write_text(json.dumps({
    "architectures": ["DebertaV2ForMaskedLM"],
    "model_type": "deberta-v2",
    "vocab_size": config.vocab,
    "hidden_size": config.width,
    "num_hidden_layers": config.layers,
    "num_attention_heads": config.heads,
    "attention_head_size": config.width // config.heads,
    "intermediate_size": config.inner,
    "hidden_act": "gelu",
    "type_vocab_size": 0,
    "position_biased_input": False,
    "relative_attention": True,
    "position_buckets": config.buckets,
    "max_position_embeddings": config.max_distance,
    "max_relative_positions": -1,
    "pos_att_type": ["p2c", "c2p"],
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
    "conv_kernel_size": 3,
    "conv_act": "gelu",
    "layer_norm_eps": config.epsilon,
    "pad_token_id": 0,
}))
"""


def checkpoints(folder: Path, *, full: bool) -> Path:
    """The root of a layout with the checkpoint of a language model and of ``VOICE``; made once.

    Args:
        folder: Gets it, 1.6 GB if full.
        full: Sizes of a real voice instead of a miniature.
    """
    size = "full" if full else "miniature"
    root = folder / f"checkpoints-{size}"
    if root.exists():
        return root
    print(f"making a voice and a language model in {root} ...", file=sys.stderr, flush=True)
    unfinished = root.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    voice = unfinished / "onnx" / "speakers" / VOICE
    subprocess.run([sys.executable, "-c", _MAKE, unfinished, _MAKERS, voice, size], check=True)
    (unfinished / "bert" / "tokenizer" / "tokenizer_config.json").write_text(json.dumps(TOKENIZER))
    # There the other engine looks for it.
    (unfinished / "pytorch" / "speakers").mkdir()
    (unfinished / "pytorch" / "speakers" / VOICE).symlink_to(Path("../../onnx/speakers") / VOICE)
    unfinished.rename(root)
    return root
