"""A neural voice with random weights, in the published layout.

    python tests/models/make_voice.py [--full] [--durations] FOLDER

It says nothing, but has the structure, the names and the files of a real voice: a miniature for
tests, or one of full size for measurements.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from hayakoe_engine.voices.sbv2.exporter import (
    DURATION_PREDICTOR,
    SYNTHESIZER,
    export_duration_predictor,
    export_synthesizer,
)
from hayakoe_engine.voices.sbv2.network import PHONE_COUNT, STYLE_WIDTH, Synthesizer
from hayakoe_engine.voices.sbv2.network_config import NetworkConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hayakoe_engine.voices.sbv2.network import Encoded

CHECKPOINT = "rnd.safetensors"

MINIATURE = NetworkConfig(
    inter_channels=16,
    hidden_channels=16,
    filter_channels=32,
    n_layers=3,
    upsample_initial_channel=64,
    gin_channels=32,
    duration_channels=32,
    flow_encoder_layers=3,
)
"""Hop length, kernels and rates, and so the receptive field, are those of real voices."""

_FRAMES_PER_PHONE = 4.2
_LOUDNESS = 0.1
_STYLE_STRENGTH = 0.3


def make_voice(
    folder: Path,
    *,
    full: bool = False,
    seed: int = 0,
    sample_rate_hz: int = 44100,
    styles: Sequence[str] = ("Neutral", "Happy"),
    speakers: int = 1,
    with_durations: bool = False,
    duration_predictor: bool = False,
    duplicates: bool = False,
    checkpoint: bool = False,
) -> Path:
    """Write a voice folder and return it.

    Args:
        folder: Made if it is not there.
        full: Sizes of a real voice instead of a miniature.
        seed: Of the weights.
        sample_rate_hz: What ``config.json`` says.
        styles: Names of the style vectors.
        speakers: Rows of the speaker embedding.
        with_durations: Second output of newer published graphs.
        duration_predictor: Write ``duration_predictor.onnx`` too.
        duplicates: Leave all layer normalisations equal, so that the exporter writes them once.
        checkpoint: Write ``rnd.safetensors`` too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network = make_network(full=full, seed=seed, speakers=speakers, duplicates=duplicates)
    document = config_document(
        network.config, sample_rate_hz=sample_rate_hz, styles=styles, name=folder.name
    )
    (folder / "config.json").write_text(json.dumps(document, ensure_ascii=False, indent=2))
    vectors = np.random.default_rng(seed).normal(0, _STYLE_STRENGTH, (len(styles), STYLE_WIDTH))
    np.save(folder / "style_vectors.npy", vectors.astype(np.float32))
    export_synthesizer(network, folder / SYNTHESIZER, with_durations=with_durations)
    if duration_predictor:
        export_duration_predictor(network, folder / DURATION_PREDICTOR)
    if checkpoint:
        save_checkpoint(network, folder / CHECKPOINT)
    return folder


def config_document(
    config: NetworkConfig,
    *,
    sample_rate_hz: int = 44100,
    styles: Sequence[str] = ("Neutral", "Happy"),
    name: str = "rnd",
) -> dict[str, object]:
    """The ``config.json`` of a voice of these sizes."""
    speakers = {f"{name}{index or ''}": index for index in range(config.n_speakers)}
    return {
        "model_name": name,
        "version": "2.7.0-JP-Extra",
        "data": {
            "sampling_rate": sample_rate_hz,
            "hop_length": config.hop_length,
            "filter_length": 2048,
            "add_blank": True,
            "n_speakers": config.n_speakers,
            "spk2id": speakers,
            "num_styles": len(styles),
            "style2id": {style: index for index, style in enumerate(styles)},
            "use_jp_extra": True,
        },
        "model": {
            "inter_channels": config.inter_channels,
            "hidden_channels": config.hidden_channels,
            "filter_channels": config.filter_channels,
            "n_heads": config.n_heads,
            "n_layers": config.n_layers,
            "kernel_size": config.kernel_size,
            "resblock": "1",
            "resblock_kernel_sizes": config.resblock_kernel_sizes,
            "resblock_dilation_sizes": config.resblock_dilation_sizes,
            "upsample_rates": config.upsample_rates,
            "upsample_kernel_sizes": config.upsample_kernel_sizes,
            "upsample_initial_channel": config.upsample_initial_channel,
            "gin_channels": config.gin_channels,
            "use_spk_conditioned_encoder": True,
        },
    }


def make_network(
    *, full: bool = False, seed: int = 0, speakers: int = 1, duplicates: bool = False
) -> Synthesizer:
    """A network with random weights that speaks at an ordinary pace and loudness."""
    config = replace(NetworkConfig() if full else MINIATURE, n_speakers=speakers)
    network = Synthesizer(config).requires_grad_(False).eval()
    generator = torch.Generator().manual_seed(seed)
    for name, module in network.named_modules():
        _randomise(name, module, generator)
    if not duplicates:
        for name, parameter in network.named_parameters():
            if name.endswith(("gamma", "beta")):
                parameter.add_(_normal(parameter, 0.1, generator))
    _set_pace(network, generator)
    _set_loudness(network, generator)
    return network


def save_checkpoint(network: Synthesizer, path: Path) -> None:
    """Write a checkpoint as HayaKoe publishes them, with what inference needs."""
    weights: dict[str, Tensor] = {"iteration": torch.zeros(1, dtype=torch.int64)}
    for key, weight in network.state_dict().items():
        layer = key.removesuffix("weight")
        if key.startswith(("dec.ups.", "dec.resblocks.")) and layer != key:
            gain = torch.linalg.vector_norm(weight, dim=(1, 2), keepdim=True)
            weights[f"{layer}parametrizations.weight.original0"] = gain
            weights[f"{layer}parametrizations.weight.original1"] = weight
        else:
            weights[key] = weight
    save_file(weights, path)


def _normal(like: Tensor, std: float, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator) * std


def _randomise(name: str, module: nn.Module, generator: torch.Generator) -> None:
    """Weights that keep the strength of what passes through."""
    if isinstance(module, nn.Embedding):
        std = 1.0 if name == "emb_g" else module.embedding_dim**-0.5
        module.weight.copy_(_normal(module.weight, std, generator))
    elif isinstance(module, (nn.Conv1d, nn.Linear, nn.ConvTranspose1d)):
        weight = module.weight
        fan_in = weight[0].numel()
        if isinstance(module, nn.ConvTranspose1d):
            fan_in = weight.shape[0] * weight.shape[2] // module.stride[0]
        gain = next((gain for part, gain in _GAINS.items() if part in name), 1.0)
        weight.copy_(_normal(weight, gain * fan_in**-0.5, generator))
        if module.bias is not None:
            module.bias.copy_(_normal(module.bias, 0.05, generator))
    for part in ("emb_rel_k", "emb_rel_v", "m", "logs"):
        parameter = module._parameters.get(part)
        if parameter is not None:
            std = 0.05 if part in ("m", "logs") else 96**-0.5
            parameter.copy_(_normal(parameter, std, generator))


_GAINS = {
    "spk_emb_linear": 0.3,
    "enc_p.proj": 0.6,
    "bert_proj": 0.05,
    "style_proj": 0.05,
    "dp.proj": 0.7,
    "cond": 0.3,
    ".post": 0.3,
    "dec.ups": 1.4,
    "resblocks": 0.7,
}
"""Part of a layer's name to the strength of its output for an input of strength 1."""


def _set_pace(network: Synthesizer, generator: torch.Generator) -> None:
    encoded = _encode_anything(network, generator)
    # Rounding up adds half a frame.
    pace = math.log(_FRAMES_PER_PHONE - 0.5)
    logs = network.dp(encoded.hidden, encoded.mask, encoded.speaker_vector)
    network.dp.proj.bias += pace - logs.exp().mean().log()
    affine = network.sdp.flows["0"]
    affine.logs.fill_(1.0)
    affine.m.fill_(-pace * math.e)


def _set_loudness(network: Synthesizer, generator: torch.Generator) -> None:
    encoded = _encode_anything(network, generator)
    durations = torch.full_like(encoded.mask, 4.0)
    frames = int(durations.sum())
    noise = torch.randn(1, network.config.inter_channels, frames, generator=generator)
    prior, mask = network.sample_prior(encoded, durations, noise_scale=0.6, noise=noise)
    z = network.latent(prior, mask, encoded.speaker_vector)
    # Where the hyperbolic tangent at the end is still a straight line.
    network.dec.conv_post.weight *= 1e-3
    faint = network.decode(z, encoded.speaker_vector)
    network.dec.conv_post.weight *= _LOUDNESS / float(faint.std())


def _encode_anything(network: Synthesizer, generator: torch.Generator) -> Encoded:
    """Random Japanese: every other phone is a blank, which has tone 0 and language 0."""
    length = 61
    spoken = torch.arange(length) % 2
    phones = torch.randint(1, PHONE_COUNT, (1, length), generator=generator) * spoken
    tones = torch.randint(6, 8, (1, length), generator=generator) * spoken
    return network.encode(
        phones,
        torch.tensor([length]),
        tones,
        spoken.unsqueeze(0),
        torch.randn(1, network.config.bert_width, length, generator=generator),
        torch.randn(1, STYLE_WIDTH, generator=generator) * _STYLE_STRENGTH,
        torch.tensor([0]),
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--full", action="store_true", help="sizes of a real voice")
    parser.add_argument("--durations", action="store_true", help="second output `durations`")
    parser.add_argument("--duplicates", action="store_true", help="equal layer normalisations")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    make_voice(
        arguments.folder,
        full=arguments.full,
        seed=arguments.seed,
        with_durations=arguments.durations,
        duplicates=arguments.duplicates,
        duration_predictor=True,
        checkpoint=True,
    )


if __name__ == "__main__":
    main()
