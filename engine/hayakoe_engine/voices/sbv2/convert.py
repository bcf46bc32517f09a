"""A trained checkpoint to a folder in the published layout, as the engine installs voices from."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.checkpoint import load_checkpoint
from hayakoe_engine.voices.sbv2.config import VoiceConfig
from hayakoe_engine.voices.sbv2.exporter import SYNTHESIZER, export_synthesizer
from hayakoe_engine.voices.sbv2.files import VoiceFiles
from hayakoe_engine.voices.sbv2.network_config import NetworkConfig
from hayakoe_engine.voices.sbv2.styles import StyleVectors

CONFIG = "config.json"
STYLE_VECTORS = "style_vectors.npy"


def convert_voice(
    checkpoint: Path,
    folder: Path,
    *,
    config: Path | None = None,
    style_vectors: Path | None = None,
) -> VoiceFiles:
    """Make a voice folder of a checkpoint; it appears whole or not at all.

    Needs about six times the checkpoint's size of memory.

    Args:
        checkpoint: The trained voice, safetensors.
        folder: What is made; must not be there yet.
        config: ``config.json`` of the training; None for the one beside the checkpoint.
        style_vectors: ``style_vectors.npy``; None for the one beside the checkpoint.

    Raises:
        BadVoiceFiles: A file is missing or damaged, or does not fit the others, or the folder is
            there already or cannot be written; the message names it.
    """
    if folder.exists():
        raise BadVoiceFiles(f"{folder}: is there already", hint="choose another folder")
    config = config or checkpoint.with_name(CONFIG)
    voice = VoiceConfig.load(config)
    styles = StyleVectors.load(style_vectors or checkpoint.with_name(STYLE_VECTORS), voice.styles)
    network = load_checkpoint(checkpoint, NetworkConfig.of(voice))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            shutil.copyfile(config, making / CONFIG)
            np.save(making / STYLE_VECTORS, styles.vectors)
            export_synthesizer(network, making / SYNTHESIZER)
            making.chmod(0o755)
            making.rename(folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    except OSError as error:
        raise BadVoiceFiles(f"{folder}: cannot be written: {error.strerror or error}") from error
    return VoiceFiles.open(folder)
