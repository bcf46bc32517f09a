import pytest

from hayakoe_engine.voices.sbv2.install.flow import lean_flow
from hayakoe_engine.voices.sbv2.install.graph import UnknownGraph


@pytest.mark.parametrize("frames", [1, 2, 4, 9, 60])
def test_the_lean_flow_is_the_published_one(parts, run, draw, snr_db, frames):
    feeds = {"z_p": draw(1, 16, frames), "speaker_vector": draw(1, 32, 1)}
    assert snr_db(run(parts.flow, **feeds), run(lean_flow(parts.flow), **feeds)) > 110


def test_in_eight_bits_it_is_smaller_and_nearly_the_same(parts, run, draw, snr_db):
    feeds = {"z_p": draw(1, 16, 60), "speaker_vector": draw(1, 32, 1)}
    lean, quantized = lean_flow(parts.flow), lean_flow(parts.flow, quantized=True)
    assert quantized.ByteSize() < 0.6 * lean.ByteSize()
    assert 30 < snr_db(run(lean, **feeds), run(quantized, **feeds)) < 80


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("flow.flows.2.pre.weight", "no weights called flow.flows.2.pre.weight"),
        ("flow.flows.4.enc.spk_emb_linear.bias", "spk_emb_linear"),
        ("flow.flows.0.enc.attn_layers.2.conv_q.weight", "has 2 layers"),
        ("emb_rel_v", "emb_rel_v"),
    ],
)
def test_a_foreign_flow_is_said_to_be_one(parts, renamed, name, message):
    with pytest.raises(UnknownGraph, match=message):
        lean_flow(renamed(parts.flow, name))
