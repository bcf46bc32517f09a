import numpy as np
import onnx
import pytest

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.install.check import example_feeds, speak
from hayakoe_engine.voices.sbv2.install.graph import UnknownGraph
from hayakoe_engine.voices.sbv2.install.synthesizer import ENCODER_INPUTS, split_synthesizer


def feeds_of_whole(feeds, noise_scale=0.0):
    return {theirs: feeds[ours] for theirs, ours in ENCODER_INPUTS.items()} | {
        "x_lengths": np.array([feeds["phones"].shape[1]]),
        "noise_scale": np.full(1, noise_scale, np.float32),
    }


def open_parts(parts, open_graph):
    return [open_graph(part) for part in (parts.encoder, parts.flow, parts.decoder)]


def scrambled(model):
    """The same graph with other names for all nodes and all that flows between them."""
    kept = {item.name for item in [*model.graph.input, *model.graph.output]}
    names = {}
    for index, node in enumerate(model.graph.node):
        node.name = f"n{len(model.graph.node) - index}"
        for sequence in (node.input, node.output):
            for place, name in enumerate(sequence):
                if name and name not in kept:
                    sequence[place] = names.setdefault(name, f"v{hash(name) & 0xFFFFFFFFFF}")
    for tensor in model.graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    return model


def test_the_parts_say_what_the_whole_says(published, parts, open_graph):
    session, sessions = open_graph(published), open_parts(parts, open_graph)
    for feeds in example_feeds(sessions[0]):
        whole = session.run(None, feeds_of_whole(feeds))
        spoken = speak(*sessions, feeds)
        assert np.array_equal(spoken.audio, whole[0][0, 0])
        for durations in whole[1:]:
            assert np.array_equal(spoken.durations, durations[0])


def test_every_speaker_has_a_voice_of_his_own(plain_folder, open_graph):
    published = plain_folder / "synthesizer.onnx"
    session = open_graph(published)
    sessions = open_parts(split_synthesizer(published), open_graph)
    feeds = example_feeds(sessions[0], 1)[0]
    said = []
    for speaker in range(3):
        feeds["speaker"] = np.array([speaker])
        (whole,) = session.run(None, feeds_of_whole(feeds))
        said.append(speak(*sessions, feeds).audio)
        assert np.array_equal(said[-1], whole[0, 0])
    assert not np.array_equal(said[0][:512], said[1][:512])


def test_weights_may_lie_in_a_file_of_their_own(published, parts, tmp_path, open_graph):
    target = tmp_path / "synthesizer.onnx"
    onnx.save_model(
        onnx.load(published),
        target,
        save_as_external_data=True,
        location="synthesizer.onnx.data",
        size_threshold=0,
    )
    sessions = open_parts(parts, open_graph)
    feeds = example_feeds(sessions[0], 1)[0]
    others = open_parts(split_synthesizer(target), open_graph)
    assert np.array_equal(speak(*others, feeds).audio, speak(*sessions, feeds).audio)


def test_names_do_not_matter(published, parts, tmp_path, open_graph):
    target = tmp_path / "synthesizer.onnx"
    onnx.save(scrambled(onnx.load(published)), target)
    sessions = open_parts(parts, open_graph)
    feeds = example_feeds(sessions[0], 1)[0]
    others = open_parts(split_synthesizer(target), open_graph)
    assert np.array_equal(speak(*others, feeds).audio, speak(*sessions, feeds).audio)


def test_the_noise_of_durations_is_given(miniature_folder, miniature, open_graph, draw):
    torch = pytest.importorskip("torch")
    encoder = split_synthesizer(miniature_folder / "synthesizer.onnx").encoder
    feeds = example_feeds(open_graph(encoder), 1)[0]
    feeds |= {"noise_w": np.full(1, 0.8, np.float32), "sdp_ratio": np.ones(1, np.float32)}
    count = feeds["phones"].shape[1]
    noise = draw(1, 2, count)
    outputs = open_graph(encoder).run(None, feeds | {"noise_durations": noise})
    given = {name: torch.from_numpy(np.asarray(value)) for name, value in feeds.items()}
    with torch.inference_mode():
        encoded = miniature.encode(
            given["phones"],
            torch.tensor([count]),
            *(given[name] for name in ("tones", "languages", "bert", "style", "speaker")),
        )
        durations = miniature.durations(
            encoded, noise_w=0.8, sdp_ratio=1.0, length_scale=1.0, noise=torch.from_numpy(noise)
        )
    expected = (durations, encoded.mean, encoded.log_scale, encoded.speaker_vector)
    for value, wanted in zip(outputs, expected, strict=True):
        assert value == pytest.approx(wanted.numpy(), abs=1e-4)


def retype(old, new):
    def change(model):
        for node in model.graph.node:
            if node.op_type == old:
                node.op_type = new

    return change


def rename_input(model):
    for node in model.graph.node:
        node.input[:] = ["style" if name == "style_vec" else name for name in node.input]
    next(item for item in model.graph.input if item.name == "style_vec").name = "style"


def without_first_noise(model):
    next(node for node in model.graph.node if node.op_type == "RandomNormalLike").op_type = "Erf"


def without_masks(model):
    """Masks that are no comparisons cannot be seen to say nothing."""
    retype("Less", "Equal")(model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (retype("ConvTranspose", "Conv"), "no ConvTranspose"),
        (retype("LeakyRelu", "Elu"), "not by LeakyRelu"),
        (retype("Ceil", "Floor"), "no Ceil"),
        (retype("Exp", "Softplus"), "not scaled"),
        (retype("MatMul", "Add"), "times an alignment"),
        (rename_input, "no input style_vec"),
        (without_first_noise, "0 sources of noise in the durations and 1"),
        (without_masks, "x_lengths is used"),
    ],
)
def test_a_foreign_graph_is_said_to_be_one(miniature_folder, tmp_path, change, message):
    model = onnx.load(miniature_folder / "synthesizer.onnx")
    change(model)
    target = tmp_path / "synthesizer.onnx"
    onnx.save(model, target)
    with pytest.raises(UnknownGraph, match=message):
        split_synthesizer(target)


@pytest.mark.parametrize("content", [None, b"", b"not a graph"])
def test_a_damaged_file_is_named(tmp_path, content):
    target = tmp_path / "synthesizer.onnx"
    if content is not None:
        target.write_bytes(content)
    with pytest.raises(BadVoiceFiles, match=r"synthesizer\.onnx"):
        split_synthesizer(target)
