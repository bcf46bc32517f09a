import pickle

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from hayakoe_engine.errors import BadVoiceFiles  # noqa: E402
from hayakoe_engine.voices.sbv2.checkpoint import load_checkpoint  # noqa: E402

GAIN = "dec.ups.1.parametrizations.weight.original0"
DIRECTION = "dec.ups.1.parametrizations.weight.original1"


@pytest.fixture
def config(miniature):
    return miniature.config


@pytest.fixture
def weights(miniature_folder, voice_maker):
    return load_file(miniature_folder / voice_maker.CHECKPOINT)


@pytest.fixture
def load(tmp_path, config):
    def load_weights(weights):
        save_file(weights, tmp_path / "voice.safetensors")
        return load_checkpoint(tmp_path / "voice.safetensors", config).state_dict()

    return load_weights


def assert_same(found, expected, tolerance=1e-6):
    assert found.keys() == expected.keys()
    for key, weight in found.items():
        assert weight.dtype == torch.float32
        torch.testing.assert_close(weight, expected[key], atol=tolerance, rtol=tolerance)


def test_reads_what_was_written(load, weights, miniature):
    assert_same(load(weights), miniature.state_dict())


def test_reads_both_namings_of_normalised_weights(load, weights):
    older = {
        key.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): weight
        for key, weight in weights.items()
    }

    assert older.keys() != weights.keys()
    assert_same(load(older), load(weights), tolerance=0)


def test_the_length_of_a_direction_does_not_matter(load, weights, miniature):
    weights[DIRECTION] = weights[DIRECTION] * 7

    assert_same(load(weights), miniature.state_dict())


def test_folds_by_the_first_axis(load, weights, miniature):
    weights[GAIN][2] *= 3

    folded = load(weights)["dec.ups.1.weight"]

    expected = miniature.state_dict()["dec.ups.1.weight"].clone()
    expected[2] *= 3
    torch.testing.assert_close(folded, expected)


def test_ignores_what_only_training_needs(load, weights, miniature):
    weights |= {
        "enc_q.pre.weight": torch.zeros(3),
        "sdp.post_pre.weight": torch.zeros(3),
        "sdp.flows.1.pre.weight": torch.zeros(3),
        "iteration": torch.tensor([160]),
    }

    assert_same(load(weights), miniature.state_dict())


def test_half_precision_becomes_float32(load, weights, miniature):
    halves = {key: weight.to(torch.float16) for key, weight in weights.items()}

    assert_same(load(halves), miniature.state_dict(), tolerance=2e-2)


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("enc_p.emb.weight", "enc_p.emb.weight"),
        ("flow.flows.4.enc.norm_layers_1.0.gamma", "flow.flows.4.enc.norm_layers_1.0.gamma"),
        ("enc_p.bert_proj.weight", "enc_p.bert_proj.weight"),
        (GAIN, "dec.ups.1.weight"),
        (DIRECTION, "dec.ups.1.weight"),
    ],
)
def test_a_missing_weight_is_named(load, weights, key, named):
    del weights[key]

    with pytest.raises(BadVoiceFiles, match=rf"voice\.safetensors: {named} is missing"):
        load(weights)


def test_a_weight_of_another_shape_is_named(load, weights):
    weights["emb_g.weight"] = torch.zeros(2, 32)

    with pytest.raises(BadVoiceFiles, match=r"emb_g\.weight has the shape \[2, 32\].*\[1, 32\]"):
        load(weights)


def test_a_gain_that_does_not_fit_is_named(load, weights):
    weights[GAIN] = torch.ones(5, 1, 1)

    with pytest.raises(BadVoiceFiles, match=r"dec\.ups\.1\.parametrizations\.weight\.original0"):
        load(weights)


def test_a_weight_that_is_not_finite_is_named(load, weights):
    weights["dp.proj.bias"][0] = float("nan")

    with pytest.raises(BadVoiceFiles, match=r"dp\.proj\.bias has values that are not finite"):
        load(weights)


def test_a_pickled_checkpoint_is_refused(tmp_path, config):
    path = tmp_path / "voice.pth"
    path.write_bytes(pickle.dumps({"model": {}}))

    with pytest.raises(BadVoiceFiles, match=r"voice\.pth: cannot be read") as error:
        load_checkpoint(path, config)

    assert "safetensors" in error.value.hint


def test_a_cut_off_checkpoint_is_refused(tmp_path, config, miniature_folder, voice_maker):
    path = tmp_path / "voice.safetensors"
    path.write_bytes((miniature_folder / voice_maker.CHECKPOINT).read_bytes()[:-100])

    with pytest.raises(BadVoiceFiles, match=r"voice\.safetensors: cannot be read"):
        load_checkpoint(path, config)


def test_a_checkpoint_that_is_not_there_is_named(tmp_path, config):
    with pytest.raises(BadVoiceFiles, match=r"voice\.safetensors: cannot be read"):
        load_checkpoint(tmp_path / "voice.safetensors", config)
