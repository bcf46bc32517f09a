"""What is installed survives being optimised and prepared for a machine, and opened again."""

import numpy as np
import onnx
import pytest

from hayakoe_engine.voices.sbv2.install.decoder import direct_decoder
from hayakoe_engine.voices.sbv2.install.encoder import lean_encoder
from hayakoe_engine.voices.sbv2.install.fast_decoder import fast_decoder
from hayakoe_engine.voices.sbv2.install.flow import lean_flow
from hayakoe_engine.voices.sbv2.install.quantized_decoder import (
    activation_ranges,
    quantized_decoder,
)
from hayakoe_engine.voices.sbv2.install.weight_file import WeightFile
from hayakoe_engine.voices.sbv2.sessions import SessionOpener

EVERYWHERE = {3: 1, 7: 1, 11: 1}


def in_eight_bits(_, weights):
    rng = np.random.default_rng(0)
    pieces = [rng.standard_normal((1, 16, 30), np.float32)]
    vector = rng.standard_normal((1, 32, 1), np.float32)
    model = direct_decoder(weights)
    return quantized_decoder(model, weights, activation_ranges(model, weights, pieces, vector))


GRAPHS = {
    "encoder": lambda parts, _: lean_encoder(parts.encoder),
    "flow": lambda parts, _: lean_flow(parts.flow),
    "flow in 8 bits": lambda parts, _: lean_flow(parts.flow, quantized=True),
    "direct decoder": lambda _, weights: direct_decoder(weights),
    "decoder": lambda _, weights: fast_decoder(weights, least_channels=EVERYWHERE)[0],
    "head": lambda _, weights: fast_decoder(weights, range(1), least_channels=EVERYWHERE)[0],
    "tail": lambda _, weights: fast_decoder(weights, range(1, 5), least_channels=EVERYWHERE)[0],
    "decoder in 8 bits": in_eight_bits,
}

SIZES = {"phones": 20, "frames": 30, "steps": 240}


def feeds_for(session):
    rng = np.random.default_rng(0)
    feeds = {}
    for item in session.get_inputs():
        shape = [SIZES.get(size, size) for size in item.shape]
        if item.type == "tensor(int64)":
            feeds[item.name] = np.zeros(shape, np.int64)
        else:
            feeds[item.name] = rng.standard_normal(shape, np.float32)
    return feeds


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "with shared weights"])
@pytest.mark.parametrize("name", GRAPHS)
def test_a_tuned_graph_does_the_same(
    plain_parts, decoder_weights, open_graph, tmp_path, name, shared
):
    model = GRAPHS[name](plain_parts, decoder_weights)
    file = tmp_path / "graphs" / "graph.onnx"
    file.parent.mkdir()
    onnx.save(model, file)
    if shared:
        WeightFile(file.with_name("weights")).save(onnx.load(file), file.name)
    opener = SessionOpener(tmp_path / "tuned")
    opener.open(file, threads=1)
    tuned, plain = opener.open(file, threads=1), open_graph(model)
    feeds = feeds_for(plain)
    for found, wanted in zip(tuned.run(None, feeds), plain.run(None, feeds), strict=True):
        assert found == pytest.approx(wanted, abs=1e-5)
