"""A voice on torch without an engine around it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from benchmarks.support.published_files import VOICE
from hayakoe_engine.voices.residency import Residency, Resident
from hayakoe_engine.voices.sbv2.checkpoint import load_checkpoint
from hayakoe_engine.voices.sbv2.language_model import LanguageModel
from hayakoe_engine.voices.sbv2.network_config import NetworkConfig
from hayakoe_engine.voices.sbv2.rehearsal import Rehearsal
from hayakoe_engine.voices.sbv2.tokenizer import Tokenizer
from hayakoe_engine.voices.sbv2.torch import bert_weights
from hayakoe_engine.voices.sbv2.torch.backend import TorchBackend
from hayakoe_engine.voices.sbv2.torch.files import TorchVoiceFiles
from hayakoe_engine.voices.sbv2.torch.language_model import TorchBert
from hayakoe_engine.voices.sbv2.voice_info import voice_info

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from hayakoe_engine.voices.sbv2.installed import Precision
    from hayakoe_engine.voices.sbv2.torch.device import Device


def rehearse(root: Path, device: Device, precision: Precision) -> tuple[NDArray[np.float32], int]:
    """What voices are measured with, said in a precision; the language model is always in 32 bits.

    Returns:
        Samples, float32 ``[n]``, and their rate.
    """
    files = TorchVoiceFiles.open(root / "onnx" / "speakers" / VOICE)
    network = load_checkpoint(files.synthesizer, NetworkConfig.of(files.config))
    backend = TorchBackend(network.to(device.place), device, precision=precision)
    info = voice_info(VOICE, "", files.config, files.facts)
    rehearsal = Rehearsal(info, files.config, files.styles, _language_model(root, device))
    return rehearsal.speak(backend), info.sample_rate_hz


def _language_model(root: Path, device: Device) -> LanguageModel:
    bert = _bert(root / "pytorch" / "bert" / "fp32" / "model.safetensors", device)
    tokenizer = Tokenizer.load(root / "bert" / "tokenizer" / "vocab.txt")
    return LanguageModel(tokenizer, Resident(Residency(), 0, lambda: bert), "")


@cache
def _bert(checkpoint: Path, device: Device) -> TorchBert:
    network = bert_weights.load_checkpoint(checkpoint).to(device.place)
    return TorchBert(network, device)
