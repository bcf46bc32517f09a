"""A synthesizer as the ONNX files that voices are published as."""

from __future__ import annotations

import contextlib
import inspect
import warnings
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from hayakoe_engine.voices.sbv2.network import STYLE_WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hayakoe_engine.voices.sbv2.network import Synthesizer

SYNTHESIZER: Final = "synthesizer.onnx"
DURATION_PREDICTOR: Final = "duration_predictor.onnx"

_OPSET: Final = 17
_EXAMPLE_PHONES: Final = 16
_PHONE_AXES: Final = {
    "x": {1: "phone_len"},
    "tone": {1: "phone_len"},
    "language": {1: "phone_len"},
    "bert": {2: "phone_len"},
}


def export_synthesizer(network: Synthesizer, path: Path, *, with_durations: bool = False) -> None:
    """Write ``synthesizer.onnx``.

    Args:
        network: What is exported.
        path: The file.
        with_durations: Give the graph the second output ``durations`` (frames per phone, float32
            ``[1, phone_len]``) that newer published files have.

    Raises:
        OSError: It cannot be written.
    """
    outputs = ["audio", "durations"] if with_durations else ["audio"]
    axes = {"audio": {2: "audio_len"}, "durations": {1: "phone_len"}}
    graph = _SynthesizerGraph(network, with_durations=with_durations)
    _export(graph, path, outputs, {name: axes[name] for name in outputs})


def export_duration_predictor(network: Synthesizer, path: Path) -> None:
    """Write ``duration_predictor.onnx``: frames per phone without the sound.

    Raises:
        OSError: It cannot be written.
    """
    graph = _DurationGraph(network)
    _export(graph, path, ["durations"], {"durations": {1: "phone_len"}})


class _SynthesizerGraph(nn.Module):
    """The published graph: its inputs, in their order, are the parameters of ``forward``."""

    # The attribute's name begins the name of every initializer.
    def __init__(self, network: Synthesizer, *, with_durations: bool) -> None:
        super().__init__()
        self.net_g = network
        self.with_durations = with_durations

    def forward(  # noqa: PLR0917 - the inputs of the published graph
        self,
        x: Tensor,
        x_lengths: Tensor,
        sid: Tensor,
        tone: Tensor,
        language: Tensor,
        bert: Tensor,
        style_vec: Tensor,
        noise_scale: Tensor,
        length_scale: Tensor,
        noise_scale_w: Tensor,
        sdp_ratio: Tensor,
    ) -> tuple[Tensor, ...]:
        """Audio and, if wanted, durations."""
        net = self.net_g
        encoded = net.encode(x, x_lengths, tone, language, bert, style_vec, sid)
        durations = net.durations(
            encoded, noise_w=noise_scale_w, sdp_ratio=sdp_ratio, length_scale=length_scale
        )
        prior, mask = net.sample_prior(encoded, durations, noise_scale=noise_scale)
        z = net.latent(prior, mask, encoded.speaker_vector)
        audio = net.decode(z, encoded.speaker_vector)
        return (audio, durations[:, 0]) if self.with_durations else (audio,)


class _DurationGraph(nn.Module):
    """Like ``_SynthesizerGraph``, as far as the durations."""

    def __init__(self, network: Synthesizer) -> None:
        super().__init__()
        self.net_g = network

    def forward(  # noqa: PLR0917 - the inputs of the published graph
        self,
        x: Tensor,
        x_lengths: Tensor,
        sid: Tensor,
        tone: Tensor,
        language: Tensor,
        bert: Tensor,
        style_vec: Tensor,
        length_scale: Tensor,
        noise_scale_w: Tensor,
        sdp_ratio: Tensor,
    ) -> Tensor:
        """Durations."""
        encoded = self.net_g.encode(x, x_lengths, tone, language, bert, style_vec, sid)
        durations = self.net_g.durations(
            encoded, noise_w=noise_scale_w, sdp_ratio=sdp_ratio, length_scale=length_scale
        )
        return durations[:, 0]


def _export(
    graph: _SynthesizerGraph | _DurationGraph,
    path: Path,
    outputs: list[str],
    output_axes: dict[str, dict[int, str]],
) -> None:
    names = list(inspect.signature(graph.forward).parameters)
    inputs = _example_inputs(graph.net_g)
    with _quiet(), torch.inference_mode():
        torch.onnx.export(
            graph.eval(),
            tuple(inputs[name] for name in names),
            str(path),
            dynamo=False,
            opset_version=_OPSET,
            input_names=names,
            output_names=outputs,
            dynamic_axes=_PHONE_AXES | output_axes,
        )


def _example_inputs(network: Synthesizer) -> dict[str, Tensor]:
    phones = torch.zeros(1, _EXAMPLE_PHONES, dtype=torch.int64)
    one = torch.ones(1)
    return {
        "x": phones,
        "x_lengths": torch.tensor([_EXAMPLE_PHONES]),
        "sid": torch.zeros(1, dtype=torch.int64),
        "tone": phones,
        "language": phones,
        "bert": torch.zeros(1, network.config.bert_width, _EXAMPLE_PHONES),
        "style_vec": torch.zeros(1, STYLE_WIDTH),
        "noise_scale": one,
        "length_scale": one,
        "noise_scale_w": one,
        "sdp_ratio": one,
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks about itself from the user: they ask nobody to do anything."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", "Constant folding - Only steps=1")
        yield
