"""Weights as torch takes them, read once out of what was published as ONNX, and kept."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from safetensors.numpy import save_file

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.agreement import snr_db
from hayakoe_engine.voices.sbv2.checkpoint import load_checkpoint
from hayakoe_engine.voices.sbv2.installed import NotInstallable
from hayakoe_engine.voices.sbv2.network import STYLE_WIDTH
from hayakoe_engine.voices.sbv2.network_config import NetworkConfig
from hayakoe_engine.voices.sbv2.torch import bert_weights

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from hayakoe_engine.voices.sbv2.artifacts import ArtifactStore
    from hayakoe_engine.voices.sbv2.files import BertFiles
    from hayakoe_engine.voices.sbv2.network import Synthesizer
    from hayakoe_engine.voices.sbv2.torch.files import TorchVoiceFiles

_LOG = logging.getLogger(__name__)

_WEIGHTS: Final = "weights.safetensors"
_PACKAGES: Final = "pip install 'wyoming-hayakoe[torch]'"


def weights_of(files: TorchVoiceFiles, store: ArtifactStore) -> Path:
    """The weights of a voice, a safetensors file.

    Raises:
        BadVoiceFiles: They are in a graph only, and cannot be read out of it.
    """
    if files.checkpoint is not None:
        return files.checkpoint
    graph = files.synthesizer

    def make(folder: Path) -> None:
        _LOG.info("reading the weights out of %s, once", graph)
        try:
            from hayakoe_engine.voices.sbv2.install.network_weights import (  # noqa: PLC0415
                read_network,
            )
        except ModuleNotFoundError as error:
            message = f"{graph}: reading it needs {error.name}"
            raise BadVoiceFiles(message, hint=_PACKAGES) from error
        # What is not contiguous would be written in the order in which it lies in memory.
        weights = {key: np.ascontiguousarray(value) for key, value in read_network(graph).items()}
        file = folder / _WEIGHTS
        save_file(weights, file)
        try:
            network = load_checkpoint(file, NetworkConfig.of(files.config))
        except BadVoiceFiles as error:
            raise _unreadable(graph, str(error).removeprefix(f"{file}: ")) from error
        _check(network, graph)

    return store.obtain("torch-voice", files.paths, make) / _WEIGHTS


def bert_weights_of(files: BertFiles, store: ArtifactStore) -> Path:
    """The weights of a language model that was published as ONNX, for ``load_stored``.

    Raises:
        BadVoiceFiles: It is damaged.
        NotInstallable: It cannot be taken apart.
    """

    def make(folder: Path) -> None:
        _LOG.info("reading the weights out of %s, once", files.model)
        try:
            from hayakoe_engine.voices.sbv2.install.bert import read_weights  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise NotInstallable(f"reading it needs {error.name}: {_PACKAGES}") from error
        bert_weights.store(read_weights(files.model), folder / _WEIGHTS)

    return store.obtain("torch-bert", [files.model], make) / _WEIGHTS


@torch.inference_mode()
def _check(network: Synthesizer, graph: Path) -> None:
    """Make sure that the network says what the graph says.

    Raises:
        BadVoiceFiles: It does not: the graph computes something else with these weights.
    """
    from hayakoe_engine.voices.sbv2.install.check import (  # noqa: PLC0415
        EXACT_SNR_DB,
        random_utterances,
        speak_published,
    )

    utterances = random_utterances(network.config.bert_width, STYLE_WIDTH)
    for utterance, reference in zip(utterances, speak_published(graph, utterances), strict=True):
        said = _say(network, {name: torch.from_numpy(value) for name, value in utterance.items()})
        # A duration at the edge of the next number may fall on either side of it.
        if len(said) == len(reference):
            if snr_db(reference, said) < EXACT_SNR_DB:
                break
            return
    raise _unreadable(graph, "with them the network would say something else")


def _say(network: Synthesizer, utterance: Mapping[str, Tensor]) -> NDArray[np.float32]:
    phones = utterance["phones"]
    encoded = network.encode(
        phones,
        torch.tensor([phones.shape[1]]),
        utterance["tones"],
        utterance["languages"],
        utterance["bert"],
        utterance["style"],
        utterance["speaker"],
    )
    durations = network.durations(
        encoded,
        noise_w=0.0,
        sdp_ratio=utterance["sdp_ratio"],
        length_scale=utterance["length_scale"],
    )
    prior, mask = network.sample_prior(encoded, durations, noise_scale=0.0)
    latent = network.latent(prior, mask, encoded.speaker_vector)
    samples: NDArray[np.float32] = network.decode(latent, encoded.speaker_vector).numpy()[0, 0]
    return samples


def _unreadable(graph: Path, reason: str) -> BadVoiceFiles:
    return BadVoiceFiles(
        f"{graph}: its weights cannot be read out of it: {reason}",
        hint="put the voice's checkpoint, a .safetensors file, beside its config.json, or use the "
        "device cpu",
    )
