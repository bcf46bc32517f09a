import json

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from hayakoe_engine.errors import BadVoiceFiles  # noqa: E402
from hayakoe_engine.voices.sbv2.convert import convert_voice  # noqa: E402
from hayakoe_engine.voices.sbv2.exporter import export_synthesizer  # noqa: E402

PUBLISHED_INPUTS = [
    ("x", "tensor(int64)", [1, "phone_len"]),
    ("x_lengths", "tensor(int64)", [1]),
    ("sid", "tensor(int64)", [1]),
    ("tone", "tensor(int64)", [1, "phone_len"]),
    ("language", "tensor(int64)", [1, "phone_len"]),
    ("bert", "tensor(float)", [1, 1024, "phone_len"]),
    ("style_vec", "tensor(float)", [1, 256]),
    ("noise_scale", "tensor(float)", [1]),
    ("length_scale", "tensor(float)", [1]),
    ("noise_scale_w", "tensor(float)", [1]),
    ("sdp_ratio", "tensor(float)", [1]),
]


def session(path):
    # The whole set of optimisations takes longer than it saves here.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def synthesizer(miniature_folder):
    return session(miniature_folder / "synthesizer.onnx")


@pytest.fixture(scope="module")
def duration_predictor(miniature_folder):
    return session(miniature_folder / "duration_predictor.onnx")


def feeds(length, *, noise=0.0, noise_w=0.0, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "x": rng.integers(0, 112, (1, length)),
        "x_lengths": np.array([length]),
        "sid": np.array([0]),
        "tone": rng.integers(6, 8, (1, length)),
        "language": np.ones((1, length), np.int64),
        "bert": rng.standard_normal((1, 1024, length), np.float32),
        "style_vec": rng.standard_normal((1, 256), np.float32) * np.float32(0.3),
        "noise_scale": np.array([noise], np.float32),
        "length_scale": np.array([1.2], np.float32),
        "noise_scale_w": np.array([noise_w], np.float32),
        "sdp_ratio": np.array([0.3], np.float32),
    }


def in_torch(network, given):
    """Audio and durations of the network itself, without noise."""
    tensors = {name: torch.from_numpy(array) for name, array in given.items()}
    with torch.inference_mode():
        encoded = network.encode(
            tensors["x"],
            tensors["x_lengths"],
            tensors["tone"],
            tensors["language"],
            tensors["bert"],
            tensors["style_vec"],
            tensors["sid"],
        )
        durations = network.durations(encoded, noise_w=0.0, sdp_ratio=0.3, length_scale=1.2)
        prior, mask = network.sample_prior(encoded, durations, noise_scale=0.0)
        z = network.latent(prior, mask, encoded.speaker_vector)
        audio = network.decode(z, encoded.speaker_vector)
    return audio.numpy(), durations[:, 0].numpy()


def test_inputs_and_outputs_are_the_published_ones(synthesizer, duration_predictor):
    def described(values):
        return [(value.name, value.type, value.shape) for value in values]

    assert described(synthesizer.get_inputs()) == PUBLISHED_INPUTS
    assert [output.name for output in synthesizer.get_outputs()] == ["audio", "durations"]
    without_noise = [row for row in PUBLISHED_INPUTS if row[0] != "noise_scale"]
    assert described(duration_predictor.get_inputs()) == without_noise
    assert [output.name for output in duration_predictor.get_outputs()] == ["durations"]


@pytest.mark.parametrize("length", [1, 2, 7, 40])
def test_the_graph_says_what_the_network_says(synthesizer, miniature, length):
    given = feeds(length)

    audio, durations = synthesizer.run(None, given)

    expected_audio, expected_durations = in_torch(miniature, given)
    np.testing.assert_array_equal(durations, expected_durations)
    np.testing.assert_allclose(audio, expected_audio, atol=1e-4)


def test_the_duration_predictor_agrees(synthesizer, duration_predictor):
    given = feeds(23)

    _, durations = synthesizer.run(None, given)
    (alone,) = duration_predictor.run(
        None, {name: array for name, array in given.items() if name != "noise_scale"}
    )

    np.testing.assert_array_equal(alone, durations)


def test_noise_differs_from_run_to_run(synthesizer):
    given = feeds(9, noise=0.6)

    (first, _), (second, _) = (synthesizer.run(None, given) for _ in range(2))

    assert first.shape == second.shape
    assert not np.array_equal(first, second)


def test_names_are_those_of_published_graphs(miniature_folder):
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(miniature_folder / "synthesizer.onnx").graph

    assert {"net_g.dec.conv_pre.weight", "net_g.emb_g.weight"} <= {
        initializer.name for initializer in graph.initializer
    }
    noises = [node for node in graph.node if node.op_type == "RandomNormalLike"]
    assert [node.name for node in noises] == ["/sdp/RandomNormalLike", "/RandomNormalLike"]
    assert [[attribute.name for attribute in node.attribute] for node in noises] == [["dtype"]] * 2
    assert [node.name for node in graph.node if node.op_type == "Ceil"] == ["/Ceil"]
    decoder = [node.op_type for node in graph.node if node.name.startswith("/dec/")]
    assert {op: decoder.count(op) for op in ("Conv", "ConvTranspose", "LeakyRelu", "Add")} == {
        "Conv": 93,
        "ConvTranspose": 5,
        "LeakyRelu": 86,
        "Add": 56,
    }


def test_equal_weights_may_be_written_once(voice_maker, tmp_path):
    network = voice_maker.make_network(duplicates=True)
    export_synthesizer(network, tmp_path / "synthesizer.onnx")
    given = feeds(6)

    (audio,) = session(tmp_path / "synthesizer.onnx").run(None, given)

    np.testing.assert_allclose(audio, in_torch(network, given)[0], atol=1e-4)


def test_a_checkpoint_becomes_a_voice(miniature_folder, voice_maker, tmp_path, synthesizer):
    folder = tmp_path / "voices" / "mine"

    files = convert_voice(miniature_folder / voice_maker.CHECKPOINT, folder)

    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "style_vectors.npy",
        "synthesizer.onnx",
    ]
    assert [path.name for path in folder.parent.iterdir()] == ["mine"]
    assert list(files.config.styles) == ["Neutral", "Happy"]
    given = feeds(11)
    (audio,) = session(folder / "synthesizer.onnx").run(None, given)
    np.testing.assert_allclose(audio, synthesizer.run(None, given)[0], atol=1e-4)


def test_a_folder_that_is_there_is_not_touched(miniature_folder, voice_maker, tmp_path):
    (tmp_path / "keep.txt").write_text("mine")

    with pytest.raises(BadVoiceFiles, match="is there already"):
        convert_voice(miniature_folder / voice_maker.CHECKPOINT, tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["keep.txt"]


def test_a_failed_conversion_leaves_nothing_behind(
    miniature_folder, voice_maker, tmp_path, monkeypatch
):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hayakoe_engine.voices.sbv2.convert.export_synthesizer", fail)

    with pytest.raises(BadVoiceFiles, match=r"mine: cannot be written: No space left on device"):
        convert_voice(miniature_folder / voice_maker.CHECKPOINT, tmp_path / "mine")

    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_other_sizes_is_refused(miniature_folder, voice_maker, tmp_path):
    document = json.loads((miniature_folder / "config.json").read_text())
    document["model"]["hidden_channels"] = 32
    config = tmp_path / "other.json"
    config.write_text(json.dumps(document))

    with pytest.raises(BadVoiceFiles, match=r"enc_p\.emb\.weight has the shape"):
        convert_voice(miniature_folder / voice_maker.CHECKPOINT, tmp_path / "mine", config=config)

    assert not (tmp_path / "mine").exists()


def test_the_files_beside_the_checkpoint_must_be_there(miniature_folder, voice_maker, tmp_path):
    checkpoint = tmp_path / "voice.safetensors"
    checkpoint.write_bytes((miniature_folder / voice_maker.CHECKPOINT).read_bytes())

    with pytest.raises(BadVoiceFiles, match=r"config\.json"):
        convert_voice(checkpoint, tmp_path / "mine")
