"""Weights as torch takes them, read once out of what was published as ONNX, and kept."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from safetensors.numpy import save_file

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.checkpoint import load_checkpoint
from hayakoe_engine.voices.sbv2.installed import NotInstallable
from hayakoe_engine.voices.sbv2.network_config import NetworkConfig
from hayakoe_engine.voices.sbv2.torch import bert_weights

if TYPE_CHECKING:
    from pathlib import Path

    from hayakoe_engine.voices.sbv2.artifacts import ArtifactStore
    from hayakoe_engine.voices.sbv2.files import BertFiles
    from hayakoe_engine.voices.sbv2.torch.deberta import Deberta
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
            raise BadVoiceFiles(
                f"{graph}: reading it needs {error.name}", hint=_PACKAGES
            ) from error
        file = folder / _WEIGHTS
        save_file(dict(read_network(graph)), file)
        try:
            load_checkpoint(file, NetworkConfig.of(files.config))
        except BadVoiceFiles as error:
            reason = str(error).removeprefix(f"{file}: ")
            raise BadVoiceFiles(
                f"{graph}: its weights cannot be read out of it: {reason}",
                hint="put the voice's checkpoint, a .safetensors file, beside its config.json, or "
                "use the device cpu",
            ) from error

    return store.obtain("torch-voice", files.paths, make) / _WEIGHTS


def published_deberta(files: BertFiles, store: ArtifactStore) -> Deberta:
    """The language model of a published graph, in float32 on the CPU.

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

    folder = store.obtain("torch-bert", [files.model], make)
    return bert_weights.load_stored(folder / _WEIGHTS)
