import numpy as np
import pytest

from hayakoe_engine.voices.sbv2.install.check import example_feeds
from hayakoe_engine.voices.sbv2.install.encoder import lean_encoder
from hayakoe_engine.voices.sbv2.install.graph import UnknownGraph

# The splines end at 5; what is beyond passes through them.
NOISES_W = [0.0, 0.8, 4.0]


@pytest.fixture(scope="module")
def encoders(parts, open_graph):
    return open_graph(parts.encoder), open_graph(lean_encoder(parts.encoder))


@pytest.mark.parametrize("noise_w", NOISES_W)
@pytest.mark.parametrize("phones", [1, 2, 4, 41])
def test_the_lean_encoder_is_the_published_one(encoders, draw, phones, noise_w):
    published, lean = encoders
    for feeds in example_feeds(published):
        for name in ("phones", "tones", "languages", "bert"):
            feeds[name] = feeds[name][..., :phones]
        feeds["noise_durations"] = draw(1, 2, phones)
        feeds["noise_w"] = np.full(1, noise_w, np.float32)
        feeds["length_scale"] = np.full(1, 1.3, np.float32)
        wanted, found = published.run(None, feeds), lean.run(None, feeds)
        # A duration at the edge of the next number may fall on either side of it.
        assert np.mean(wanted[0] != found[0]) < 0.05
        for value, reference in zip(found[1:], wanted[1:], strict=True):
            assert value == pytest.approx(reference, abs=2e-5)


def test_it_has_the_same_inputs_and_outputs(encoders):
    published, lean = encoders
    for of in ("get_inputs", "get_outputs"):
        sides = [{i.name: (i.type, i.shape) for i in getattr(s, of)()} for s in (published, lean)]
        assert sides[0] == sides[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("enc_p.tone_emb.weight", "no weights called enc_p.tone_emb.weight"),
        ("enc_p.encoder.spk_emb_linear.bias", "spk_emb_linear"),
        ("sdp.flows.5.proj.weight", "sdp.flows.5.proj.weight"),
        ("sdp.flows.0.m", "sdp.flows.0.m"),
        ("dp.cond.bias", "dp.cond.bias"),
    ],
)
def test_a_foreign_encoder_is_said_to_be_one(parts, renamed, name, message):
    with pytest.raises(UnknownGraph, match=message):
        lean_encoder(renamed(parts.encoder, name))
