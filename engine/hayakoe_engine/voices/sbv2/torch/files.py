"""What a voice is made of for torch: its checkpoint, or else the graph that its weights are in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.model_card import MODEL_CARD, read_card
from hayakoe_engine.voices.sbv2.config import VoiceConfig
from hayakoe_engine.voices.sbv2.files import VoiceFiles
from hayakoe_engine.voices.sbv2.styles import StyleVectors

if TYPE_CHECKING:
    from pathlib import Path

    from hayakoe_engine.voices.facts import VoiceFacts

_CONFIG: Final = "config.json"
_STYLE_VECTORS: Final = "style_vectors.npy"
_CHECKPOINTS: Final = "*.safetensors"


@dataclass(frozen=True, slots=True)
class TorchVoiceFiles:
    """A voice.

    Attributes:
        paths: Its files; if one of them changes, it is another voice.
        config: What the voice says of itself.
        styles: Its styles.
        facts: What its publisher says of it, if anything.
        checkpoint: Its weights, safetensors; None if they must be read out of the graph.
        synthesizer: The published graph, or the checkpoint in its place.
    """

    paths: tuple[Path, ...]
    config: VoiceConfig
    styles: StyleVectors
    facts: VoiceFacts | None
    checkpoint: Path | None
    synthesizer: Path

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read what is small.

        Args:
            path: A folder with ``config.json``, ``style_vectors.npy`` and one checkpoint, or any
                voice that is published as ONNX.

        Raises:
            BadVoiceFiles: A file is missing, damaged or something else; the message names it.
        """
        checkpoints = sorted(path.glob(_CHECKPOINTS)) if path.is_dir() else []
        if len(checkpoints) > 1:
            names = ", ".join(file.name for file in checkpoints)
            raise BadVoiceFiles(
                f"{path}: has more than one checkpoint: {names}", hint="leave one of them there"
            )
        if not checkpoints:
            files = VoiceFiles.open(path)
            return cls(
                files.paths, files.config, files.styles, files.facts, None, files.synthesizer
            )
        config = VoiceConfig.load(path / _CONFIG)
        return cls(
            paths=(path / _CONFIG, path / _STYLE_VECTORS, *checkpoints),
            config=config,
            styles=StyleVectors.load(path / _STYLE_VECTORS, config.styles),
            facts=read_card(path / MODEL_CARD),
            checkpoint=checkpoints[0],
            synthesizer=checkpoints[0],
        )
