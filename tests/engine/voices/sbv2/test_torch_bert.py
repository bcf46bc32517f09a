import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from hayakoe_engine.errors import BadVoiceFiles  # noqa: E402
from hayakoe_engine.voices.sbv2.install.bert import read_weights  # noqa: E402
from hayakoe_engine.voices.sbv2.torch import bert_weights  # noqa: E402
from hayakoe_engine.voices.sbv2.torch.device import open_device  # noqa: E402
from hayakoe_engine.voices.sbv2.torch.language_model import TorchBert  # noqa: E402

MODELS = Path(__file__).parents[3] / "models"
LENGTHS = (1, 5, 60, 200)
"""The last is longer than the distances that are told apart."""


@pytest.fixture(scope="module")
def reference():
    """A language model, and its sizes as a checkpoint gives them."""
    sys.path.insert(0, str(MODELS))
    try:
        import deberta
    finally:
        sys.path.remove(str(MODELS))
    config = deberta.DebertaConfig(
        vocab=99, width=32, layers=5, heads=2, inner=64, buckets=16, max_distance=64
    )
    model = deberta.FeatureModel(config).eval()
    deberta.randomise(model, 3)
    said = {
        "model_type": "deberta-v2",
        "vocab_size": 99,
        "hidden_size": 32,
        "num_hidden_layers": 5,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "position_buckets": 16,
        "max_position_embeddings": 64,
        "max_relative_positions": -1,
        "layer_norm_eps": 1e-7,
    }
    return model, said


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    return [rng.integers(1, 99, length) for length in LENGTHS]


@pytest.fixture(scope="module")
def expected(reference, texts):
    model, _ = reference
    with torch.inference_mode():
        return [
            model(torch.tensor(ids[None]), torch.ones(1, len(ids), dtype=torch.int64))[0].numpy()
            for ids in texts
        ]


@pytest.fixture
def checkpoint(reference, tmp_path):
    from safetensors.torch import save_file

    model, said = reference
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(said))
    return tmp_path


def assert_same(bert, texts, expected):
    for ids, known in zip(texts, expected, strict=True):
        assert np.abs(np.asarray(bert.features(ids)) - known).max() < 1e-4


def test_a_checkpoint_says_what_the_model_says(checkpoint, texts, expected):
    file = bert_weights.checkpoint_in(checkpoint)
    bert = TorchBert(bert_weights.load_checkpoint(file), open_device("torch-cpu"))
    assert_same(bert, texts, expected)


def test_texts_at_the_same_time_do_not_see_one_another(checkpoint, texts, expected):
    network = bert_weights.load_checkpoint(checkpoint / "model.safetensors")
    bert = TorchBert(network, open_device("torch-cpu"))
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(bert.features, texts * 8))
    for features, known in zip(made, expected * 8, strict=True):
        assert np.abs(np.asarray(features) - known).max() < 1e-4


def test_a_text_does_not_see_what_it_is_padded_with(checkpoint, texts, expected):
    network = bert_weights.load_checkpoint(checkpoint / "model.safetensors")
    bert = TorchBert(network, open_device("torch-cpu"))
    for features, known in zip(bert._compute(texts), expected, strict=True):
        assert np.abs(np.asarray(features) - known).max() < 1e-4


def test_weights_are_read_out_of_the_published_graph(reference, texts, expected, tmp_path):
    sys.path.insert(0, str(MODELS))
    try:
        import make_bert
    finally:
        sys.path.remove(str(MODELS))
    model, _ = reference
    make_bert.export(model, tmp_path / "bert.onnx")
    weights = read_weights(tmp_path / "bert.onnx")
    bert_weights.store(weights, tmp_path / "float.safetensors")
    loaded = bert_weights.load_stored(tmp_path / "float.safetensors")
    assert_same(TorchBert(loaded, open_device("torch-cpu")), texts, expected)
    # In 8 bits, as the published ones are, they are kept in 8 bits and say nearly the same.
    bert_weights.store(weights.quantized(), tmp_path / "int8.safetensors")
    short = TorchBert(
        bert_weights.load_stored(tmp_path / "int8.safetensors"), open_device("torch-cpu")
    )
    near = np.asarray(short.features(texts[2])) - expected[2]
    assert 0 < np.linalg.norm(near) < 0.05 * np.linalg.norm(expected[2])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model_type": "bert"}, "the model is bert, not deberta-v2"),
        ({"hidden_size": 16}, "shape"),
        ({"num_hidden_layers": 1}, "no such model"),
        ({"num_hidden_layers": 9}, "layer"),
        ({"position_buckets": "many"}, "invalid literal"),
    ],
)
def test_what_is_no_language_model_is_refused(checkpoint, reference, change, reason):
    _, said = reference
    (checkpoint / "config.json").write_text(json.dumps({**said, **change}))
    with pytest.raises(BadVoiceFiles, match=reason) as raised:
        bert_weights.load_checkpoint(checkpoint / "model.safetensors")
    assert "DeBERTa-v2" in raised.value.hint


def test_a_damaged_checkpoint_is_named(checkpoint):
    file = checkpoint / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(BadVoiceFiles, match=r"model\.safetensors: cannot be read"):
        bert_weights.load_checkpoint(file)
