from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.bert import Bert
from hayakoe_engine.voices.sbv2.install.bert import compare_bert, lean_bert, read_weights
from hayakoe_engine.voices.sbv2.install.bert_graph import bert_graph
from hayakoe_engine.voices.sbv2.install.graph import UnknownGraph

pytest.importorskip("torch")

MODELS = Path(__file__).parents[4] / "models"
VOCABULARY = 3263
LENGTHS = (1, 2, 3, 17, 40, 300)
"""The miniature tells positions apart up to 16 tokens one by one, and up to 64 at all."""


@pytest.fixture(scope="session")
def maker():
    sys.path.insert(0, str(MODELS))
    try:
        import make_bert
    finally:
        sys.path.remove(str(MODELS))
    return make_bert


@pytest.fixture(scope="session")
def published(maker, tmp_path_factory):
    """Root folder of a miniature, in float and quantized."""
    return maker.make_bert(tmp_path_factory.mktemp("bert"), float32=True)


@pytest.fixture(scope="session")
def quantized(maker, published):
    return published / maker.QUANTIZED


@pytest.fixture(scope="session")
def floating(maker, published):
    return published / maker.FLOAT


def text(length, seed=0):
    ids = np.random.default_rng(seed).integers(3, VOCABULARY, length)
    ids[0], ids[-1] = 1, 2
    return ids


def open_session(model):
    source = model if isinstance(model, Path) else model.SerializeToString()
    return ort.InferenceSession(source, providers=["CPUExecutionProvider"])


def published_features(session, ids):
    feeds = {"input_ids": ids[None], "attention_mask": np.ones((1, len(ids)), np.int64)}
    return session.run(None, feeds)[0][0]


def cosine(actual, expected):
    return (actual * expected).sum() / (np.linalg.norm(actual) * np.linalg.norm(expected))


def assert_same(path, model, tolerance, lengths=LENGTHS):
    theirs, ours = open_session(path), Bert(open_session(model))
    for length in lengths:
        expected = published_features(theirs, text(length))
        assert ours.features(text(length)) == pytest.approx(expected, abs=tolerance)


def test_the_graph_in_float_says_what_the_published_one_says(floating):
    assert_same(floating, bert_graph(read_weights(floating)), 1e-4)


def test_the_quantized_graph_says_what_the_published_one_says(quantized):
    lean = lean_bert(quantized)
    theirs, ours = open_session(quantized), Bert(open_session(lean))
    for length in LENGTHS:
        expected = published_features(theirs, text(length))
        assert cosine(ours.features(text(length)), expected) >= 0.9999


def test_weights_in_8_bits_stay_as_they_are(quantized):
    weights = read_weights(quantized)
    model = onnx.load(quantized)
    theirs = {
        numpy_helper.to_array(item).tobytes()
        for item in model.graph.initializer
        if item.data_type == TensorProto.INT8 and len(item.dims) == 2
    }
    layers = weights.layers
    ours = {
        linear.weight.tobytes()
        for layer in layers
        for linear in (
            layer.query,
            layer.key,
            layer.value,
            layer.attention_output,
            layer.inner,
            layer.output,
        )
    }
    assert len(layers) == 2
    assert ours == theirs


def test_a_graph_in_float_is_quantized_and_stays_near(floating):
    lean = lean_bert(floating)
    theirs, ours = open_session(floating), Bert(open_session(lean))
    for length in LENGTHS:
        expected = published_features(theirs, text(length))
        assert cosine(ours.features(text(length)), expected) >= 0.999
    kinds = {item.data_type for item in lean.graph.initializer if len(item.dims) == 2}
    assert TensorProto.INT8 in kinds


def test_it_takes_token_numbers_alone(quantized):
    graph = lean_bert(quantized).graph
    assert [item.name for item in graph.input] == ["ids"]
    assert [item.name for item in graph.output] == ["hidden"]


def test_an_embedding_published_in_half_precision_is_kept_so(floating, tmp_path):
    model = onnx.load(floating)
    for item in model.graph.initializer:
        if item.name.endswith("word_embeddings.weight"):
            half = numpy_helper.to_array(item).astype(np.float16)
            item.CopyFrom(numpy_helper.from_array(half.astype(np.float32), item.name))
    path = tmp_path / "bert.onnx"
    onnx.save(model, path)
    lean = bert_graph(read_weights(path))
    assert TensorProto.FLOAT16 in {item.data_type for item in lean.graph.initializer}
    assert_same(path, lean, 1e-4)


def test_the_model_need_not_have_the_sizes_of_the_miniature(maker, tmp_path):
    maker.make_bert(tmp_path, float32=True, width=48, layers=5, buckets=8, seed=3)
    path = tmp_path / maker.FLOAT
    assert_same(path, bert_graph(read_weights(path)), 1e-4, (1, 9, 70))


# Files that were written in other ways


def test_parameters_written_only_once_are_found(maker, tmp_path):
    maker.make_bert(tmp_path, float32=True, duplicates=True)
    path = tmp_path / maker.FLOAT
    identities = [node for node in onnx.load(path).graph.node if node.op_type == "Identity"]
    assert len(identities) > 10
    assert_same(path, bert_graph(read_weights(path)), 1e-4, (1, 9, 70))


def test_names_of_nodes_and_of_what_flows_do_not_matter(floating, tmp_path):
    model = onnx.load(floating)
    kept = {item.name for item in [*model.graph.input, *model.graph.output]}
    kept |= {item.name for item in model.graph.initializer if "." in item.name}
    names = {}
    for node in model.graph.node:
        node.name = ""
        for tensors in (node.input, node.output):
            for index, name in enumerate(tensors):
                if name and name not in kept:
                    tensors[index] = names.setdefault(name, f"x{len(names)}")
    for item in model.graph.initializer:
        item.name = names.get(item.name, item.name)
    path = tmp_path / "bert.onnx"
    onnx.save(model, path)
    assert_same(path, bert_graph(read_weights(path)), 1e-4, (1, 9, 70))


def test_a_wrapper_may_have_put_something_before_all_names(quantized, tmp_path):
    model = onnx.load(quantized)
    for item in model.graph.initializer:
        if item.name.startswith("deberta."):
            item.name = f"model.{item.name}"
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name.startswith("deberta."):
                node.input[index] = f"model.{name}"
    path = tmp_path / "bert.onnx"
    onnx.save(model, path)
    assert compare_bert(quantized, save(lean_bert(path), tmp_path), text(20)).cosine >= 0.9999


def save(model, folder):
    path = folder / "lean.onnx"
    onnx.save(model, path)
    return path


def test_positions_may_be_folded_already(floating, tmp_path):
    path = tmp_path / "folded.onnx"
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    ort.InferenceSession(floating, options, providers=["CPUExecutionProvider"])
    names = {item.name for item in onnx.load(path).graph.initializer}
    assert not any(name.endswith("rel_embeddings.weight") for name in names)
    assert_same(floating, bert_graph(read_weights(path)), 1e-4, (1, 9, 70))


@pytest.mark.parametrize(
    "options",
    [
        {"per_channel": True},
        {"reduce_range": True},
        {"op_types_to_quantize": ["MatMul", "Gemm"], "nodes_to_exclude": ["value_proj"]},
    ],
    ids=["per channel", "7 bits", "in part"],
)
def test_it_may_be_quantized_in_another_way(floating, tmp_path, options):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    excluded = [
        node.name
        for node in onnx.load(floating).graph.node
        if any(part in node.name for part in options.get("nodes_to_exclude", ()))
    ]
    path = tmp_path / "other.onnx"
    quantize_dynamic(
        floating,
        path,
        weight_type=QuantType.QInt8,
        **{"op_types_to_quantize": ["MatMul"], **options, "nodes_to_exclude": excluded},
    )
    lean = save(lean_bert(path), tmp_path)
    assert compare_bert(path, lean, text(30)).cosine >= (0.999 if excluded else 0.9999)


# Files that are not understood


def without(path, ending):
    model = onnx.load(path)
    for item in model.graph.initializer:
        if item.name.endswith(ending):
            for node in model.graph.node:
                node.input[:] = ["gone" if name == item.name else name for name in node.input]
            item.name = "gone"
            return model
    raise AssertionError(ending)


@pytest.mark.parametrize(
    "name",
    [
        "word_embeddings.weight",
        "encoder.conv.conv.weight",
        "layer.1.attention.self.query_proj.bias",
        "layer.1.attention.self.value_proj.bias",
        "layer.0.output.LayerNorm.weight",
    ],
)
def test_a_graph_that_lacks_a_parameter_is_not_understood(quantized, tmp_path, name):
    onnx.save(without(quantized, name), tmp_path / "bert.onnx")
    with pytest.raises(UnknownGraph, match="language model"):
        lean_bert(tmp_path / "bert.onnx")


def test_a_graph_of_something_else_is_not_understood(tmp_path):
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "other", [info], [out])
    onnx.save(helper.make_model(graph), tmp_path / "bert.onnx")
    with pytest.raises(UnknownGraph, match="relative positions"):
        lean_bert(tmp_path / "bert.onnx")


def test_asymmetric_weights_are_not_understood(floating, tmp_path):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = tmp_path / "other.onnx"
    quantize_dynamic(floating, path, weight_type=QuantType.QUInt8, op_types_to_quantize=["MatMul"])
    with pytest.raises(UnknownGraph, match="symmetric"):
        lean_bert(path)


def test_a_damaged_or_missing_file_is_named(quantized, tmp_path):
    path = tmp_path / "bert_q8.onnx"
    with pytest.raises(BadVoiceFiles, match=r"bert_q8\.onnx"):
        lean_bert(path)
    path.write_bytes(quantized.read_bytes()[:-100])
    with pytest.raises(BadVoiceFiles, match=r"bert_q8\.onnx"):
        lean_bert(path)
    with pytest.raises(BadVoiceFiles, match=r"bert_q8\.onnx"):
        compare_bert(path, quantized, text(5))


def test_what_agrees_and_what_does_not_can_be_told(quantized, tmp_path):
    lean = lean_bert(quantized)
    same = compare_bert(quantized, save(lean, tmp_path), text(30))
    assert same.cosine >= 0.9999
    assert same.relative_error <= 0.01
    for item in lean.graph.initializer:
        if item.data_type == TensorProto.INT8:
            item.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(item), item.name))
    other = compare_bert(quantized, save(lean, tmp_path), text(30))
    assert other.cosine < 0.9
    assert other.relative_error > 0.5
