"""A published ``synthesizer.onnx``, cut in three where a sentence can be cut in windows.

The parts are found by what flows where: names of nodes and their numbers are the exporter's own
affair and differ from file to file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import onnx
from onnx import TensorProto, helper

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.install.graph import Graph, UnknownGraph, extract, other_input
from hayakoe_engine.voices.sbv2.install.masks import bypass_masks
from hayakoe_engine.voices.sbv2.synthesizer_inputs import names_in

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import ModelProto, NodeProto, ValueInfoProto

ENCODER_INPUTS: Final = {
    "x": "phones",
    "tone": "tones",
    "language": "languages",
    "bert": "bert",
    "style_vec": "style",
    "sid": "speaker",
    "noise_scale_w": "noise_w",
    "length_scale": "length_scale",
    "sdp_ratio": "sdp_ratio",
}
"""Published name of an input to ours."""


@dataclass(frozen=True, slots=True, eq=False)
class SynthesizerGraphs:
    """The parts of a synthesizer; batch 1, float32 unless said. P phones, T frames, N samples.

    Attributes:
        encoder: phones, tones, languages int64 [1, P], bert [1, B, P], style [1, S],
            speaker int64 [1], noise_durations [1, 2, P], noise_w, length_scale, sdp_ratio [1] to
            durations [1, 1, P], mean, log_scale [1, C, P], speaker_vector [1, G, 1].
        flow: z_p [1, C, T], speaker_vector to z [1, C, T].
        decoder: z [1, C, T], speaker_vector to audio [1, 1, N].
    """

    encoder: ModelProto
    flow: ModelProto
    decoder: ModelProto


@dataclass(frozen=True, slots=True)
class CutPoints:
    """Tensors of a published graph, by name.

    Attributes:
        audio: Samples.
        z: What the decoder reads.
        speaker_vector: What the decoder knows of the speaker.
        z_p: What the flow reads.
        latent_noise: Standard normal noise in ``z_p``.
        durations: Frames per phone, whole numbers.
        duration_noise: Standard normal noise in ``durations``.
        mean: Of every phone's prior.
        log_scale: Logarithm of the prior's standard deviation.
        channels: Of ``z``.
        speaker_channels: Of ``speaker_vector``.
    """

    audio: str
    z: str
    speaker_vector: str
    z_p: str
    latent_noise: str
    durations: str
    duration_noise: str
    mean: str
    log_scale: str
    channels: int
    speaker_channels: int


def split_synthesizer(path: Path) -> SynthesizerGraphs:
    """Cut a published graph.

    Args:
        path: ``synthesizer.onnx``, with its ``.data`` beside it if it has one.

    Raises:
        BadVoiceFiles: The file cannot be read.
        UnknownGraph: It is not built as expected.
    """
    graph = Graph(_load(path))
    cuts = find_cut_points(graph)
    aliases = bypass_masks(graph, cuts.durations)
    z_p = _info("z_p", cuts.channels, "frames")
    z = _info("z", cuts.channels, "frames")
    speaker_vector = _info("speaker_vector", cuts.speaker_channels, 1)
    names = names_in([item.name for item in graph.model.graph.input])
    encoder_inputs = {
        names[name]: _renamed(graph, names[name], ours) for name, ours in ENCODER_INPUTS.items()
    }
    encoder_inputs[cuts.duration_noise] = _info("noise_durations", 2, "phones")
    encoder = extract(
        graph,
        encoder_inputs,
        {
            cuts.durations: _info("durations", 1, "phones"),
            cuts.mean: _info("mean", cuts.channels, "phones"),
            cuts.log_scale: _info("log_scale", cuts.channels, "phones"),
            cuts.speaker_vector: speaker_vector,
        },
        aliases,
    )
    flow_inputs = {cuts.z_p: z_p, cuts.speaker_vector: speaker_vector}
    flow = extract(graph, flow_inputs, {cuts.z: z}, aliases)
    decoder = extract(
        graph,
        {cuts.z: z, cuts.speaker_vector: speaker_vector},
        {cuts.audio: _info("audio", 1, "samples")},
    )
    return SynthesizerGraphs(encoder, flow, decoder)


def find_cut_points(graph: Graph) -> CutPoints:
    """Find where a published graph is cut.

    Raises:
        UnknownGraph: Something is not where it should be.
    """
    audio = graph.model.graph.output[0].name
    pre, cond = _decoder_entrance(graph, audio)
    z, speaker_vector = pre.input[0], cond.input[0]
    before_z = graph.ancestors(z)
    rounded = [node.output[0] for node in graph.nodes("Ceil") if node.output[0] in before_z]
    if not rounded:
        raise UnknownGraph("no Ceil before the decoder: the durations were not found")
    durations = rounded[-1]
    before_durations = graph.ancestors(durations)
    noises = [node.output[0] for node in graph.nodes("RandomNormalLike")]
    duration_noises = [name for name in noises if name in before_durations]
    latent_noises = [name for name in noises if name in before_z - before_durations]
    if len(duration_noises) != 1 or len(latent_noises) != 1:
        raise UnknownGraph(
            f"{len(duration_noises)} sources of noise in the durations and "
            f"{len(latent_noises)} in the latent instead of one in each"
        )
    noise = latent_noises[0]
    z_p, frame_mean, frame_log_scale = _prior(graph, noise)
    return CutPoints(
        audio=audio,
        z=z,
        speaker_vector=speaker_vector,
        z_p=z_p,
        latent_noise=noise,
        durations=durations,
        duration_noise=duration_noises[0],
        mean=_of_phones(graph, frame_mean, durations),
        log_scale=_of_phones(graph, frame_log_scale, durations),
        channels=_in_channels(graph, pre),
        speaker_channels=_in_channels(graph, cond),
    )


def _decoder_entrance(graph: Graph, audio: str) -> tuple[NodeProto, NodeProto]:
    """The convolutions of the latent and of the speaker at the decoder's beginning."""
    in_decoder = graph.ancestors(audio)
    # The first one makes what the others read.
    upsampling = next((n for n in graph.nodes("ConvTranspose") if n.output[0] in in_decoder), None)
    if upsampling is None:
        raise UnknownGraph("no ConvTranspose before the audio: the decoder was not found")
    activation = graph.made_by(upsampling.input[0], "LeakyRelu")
    added = graph.made_by(activation.input[0], "Add")
    convolutions = [graph.made_by(name, "Conv") for name in added.input]
    timed = ["Range" in _op_types(graph, node.input[0]) for node in convolutions]
    if timed not in ([True, False], [False, True]):
        raise UnknownGraph("the decoder does not begin with a latent and a speaker")
    return convolutions[timed.index(True)], convolutions[timed.index(False)]


def _op_types(graph: Graph, tensor: str) -> set[str]:
    return {node.op_type for node in map(graph.producer, graph.ancestors(tensor)) if node}


def _prior(graph: Graph, noise: str) -> tuple[str, str, str]:
    """The tensors of z_p = mean + noise · exp(log_scale) · strength: z_p, mean, log_scale."""
    log_scale = None
    tensor = noise
    for _ in range(4):
        consumers = graph.consumers(tensor)
        if len(consumers) != 1 or consumers[0].op_type not in {"Mul", "Add"}:
            break
        (node,) = consumers
        other = other_input(node, tensor)
        if node.op_type == "Add" and log_scale is not None:
            return node.output[0], other, log_scale
        exponential = graph.producer(other)
        if exponential is not None and exponential.op_type == "Exp":
            log_scale = exponential.input[0]
        tensor = node.output[0]
    raise UnknownGraph("the noise of the latent is not scaled and added to a mean")


def _of_phones(graph: Graph, tensor: str, durations: str) -> str:
    """What is repeated by an alignment product: of every phone what is given of every frame."""
    transposed = False
    product_seen = False
    node = graph.producer(tensor)
    while node is not None and node.op_type in {"MatMul", "Transpose"}:
        if node.op_type == "Transpose":
            transposed = not transposed
            tensor = node.input[0]
        else:
            product_seen = True
            own = [name for name in node.input if durations not in graph.ancestors(name)]
            if len(own) != 1:
                break
            tensor = own[0]
        node = graph.producer(tensor)
    if transposed or not product_seen:
        raise UnknownGraph("the prior of the frames is not that of the phones times an alignment")
    return tensor


def _in_channels(graph: Graph, convolution: NodeProto) -> int:
    weight = graph.constant(convolution.input[1])
    if weight is None:
        raise UnknownGraph(f"the weights of {convolution.name} are not constant")
    return int(weight.shape[1])


def _load(path: Path) -> ModelProto:
    try:
        model = onnx.load(path)
    except Exception as error:  # its parser's errors have no common type
        raise BadVoiceFiles(f"{path}: cannot be read: {error}") from error
    if not model.graph.output:
        raise BadVoiceFiles(f"{path}: there is no graph in it")
    return model


def _info(name: str, channels: int, length: int | str) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, length])


def _renamed(graph: Graph, published: str, ours: str) -> ValueInfoProto:
    for item in graph.model.graph.input:
        if item.name == published:
            kind = item.type.tensor_type
            sizes = [size.dim_value or "phones" for size in kind.shape.dim]
            return helper.make_tensor_value_info(ours, kind.elem_type, sizes)
    raise UnknownGraph(f"it has no input {published}")
