import numpy as np
import onnx
import pytest

from hayakoe_engine.voices.sbv2.install.builder import GraphBuilder
from hayakoe_engine.voices.sbv2.install.weight_file import WeightFile


def graph_with(*weights):
    """Adds weights to its input."""
    builder = GraphBuilder()
    x = builder.input("x", "n", 400)
    for weight in weights:
        x = builder.node("Add", x, builder.constant(weight))
    return builder.model({"y": (x, ("n", 400))})


def test_what_graphs_share_is_kept_once(open_graph, draw, tmp_path):
    shared, own, small = draw(400), draw(3, 1), np.float32([2])
    weights = WeightFile(tmp_path / "weights")
    assert weights.save(graph_with(shared, small), "one.onnx") == shared.nbytes
    others = [draw(400) for _ in range(2)]
    assert weights.save(graph_with(own, *others, shared), "two.onnx") == 3 * shared.nbytes
    assert (tmp_path / "weights").stat().st_size < 3.2 * shared.nbytes
    x = draw(3, 400)
    for name, added in (("one", [shared, small]), ("two", [own, *others, shared])):
        (found,) = open_graph(tmp_path / f"{name}.onnx").run(None, {"x": x})
        assert found == pytest.approx(x + sum(added), abs=1e-5)


def test_weights_begin_where_kernels_want_them(draw, tmp_path):
    model = graph_with(*map(draw, (301, 302, 303, 400)))
    WeightFile(tmp_path / "weights").save(model, "graph.onnx")
    saved = onnx.load(tmp_path / "graph.onnx", load_external_data=False).graph.initializer
    places = [{entry.key: entry.value for entry in tensor.external_data} for tensor in saved]
    offsets = [int(place["offset"]) for place in places if place]
    assert len(offsets) == 4
    assert all(offset % 64 == 0 for offset in offsets)
