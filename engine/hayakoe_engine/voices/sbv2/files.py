"""The files of a published voice and of the language model, checked before they are used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.sources.left_out import PublishedLeftOut, left_out
from hayakoe_engine.voices.model_card import MODEL_CARD, read_card
from hayakoe_engine.voices.sbv2.aivmx import AIVMX_SUFFIX, Aivmx, aivmx_files
from hayakoe_engine.voices.sbv2.config import VoiceConfig
from hayakoe_engine.voices.sbv2.onnx_file import check_onnx
from hayakoe_engine.voices.sbv2.reading_files import blaming
from hayakoe_engine.voices.sbv2.styles import StyleVectors
from hayakoe_engine.voices.sbv2.tokenizer import Tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from hayakoe_engine.voices.facts import VoiceFacts

__all__ = ["BertFiles", "StyleVectors", "VoiceConfig", "VoiceFiles", "check_onnx"]

_CONFIG: Final = "config.json"
_STYLE_VECTORS: Final = "style_vectors.npy"
_SYNTHESIZER: Final = "synthesizer.onnx"
_SYNTHESIZER_WEIGHTS: Final = "synthesizer.onnx.data"
_DURATION_PREDICTOR: Final = "duration_predictor.onnx"


@dataclass(frozen=True, slots=True)
class VoiceFiles:
    """What a published voice is made of.

    Attributes:
        folder: Where it is.
        paths: Its files; if one of them changes, it is another voice.
        config: What the voice says of itself.
        styles: Its styles.
        synthesizer: The network, an ONNX file, which may have been left out.
        duration_predictor: A network that only predicts durations, if there is one.
        facts: What its publisher says of it, if anything.
    """

    folder: Path
    paths: tuple[Path, ...]
    config: VoiceConfig
    styles: StyleVectors
    synthesizer: Path
    duration_predictor: Path | None
    facts: VoiceFacts | None

    @property
    def networks(self) -> tuple[Path, ...]:
        """Files of which nothing is needed any more when the voice has been installed."""
        small = {self.folder / _CONFIG, self.folder / _STYLE_VECTORS}
        files = (*self.paths, self.duration_predictor)
        return tuple(
            file
            for file in files
            if file is not None and file not in small and file.suffix.lower() != AIVMX_SUFFIX
        )

    @classmethod
    def open(cls, path: Path, *, whole: bool = True) -> Self:
        """Read what is small and look whether the rest is whole.

        Args:
            path: An AIVMX file, or a folder: with one of them, or with ``config.json``,
                ``style_vectors.npy`` and ``synthesizer.onnx``.
            whole: Whether the network is needed as it was published.

        Raises:
            PublishedLeftOut: It is, but it was left out.
            BadVoiceFiles: A file is missing, damaged or something else; the message names it.
        """
        if path.suffix.lower() == AIVMX_SUFFIX and path.is_file():
            return cls._of_aivmx(path, None)
        if not (path / _SYNTHESIZER).exists() and left_out(path / _SYNTHESIZER) is None:
            match aivmx_files(path):
                case []:
                    pass
                case [file]:
                    return cls._of_aivmx(file, read_card(path / MODEL_CARD))
                case several:
                    names = ", ".join(file.name for file in several)
                    raise BadVoiceFiles(
                        f"{path}: holds more than one voice: {names}",
                        hint="name one of these files instead of the folder",
                    )
        return cls._of_folder(path, whole=whole)

    @classmethod
    def _of_aivmx(cls, file: Path, card: VoiceFacts | None) -> Self:
        voice = Aivmx.open(file)
        return cls(
            folder=file.parent,
            paths=(file,),
            config=voice.config,
            styles=voice.styles,
            synthesizer=file,
            duration_predictor=None,
            facts=card or voice.facts,
        )

    @classmethod
    def _of_folder(cls, folder: Path, *, whole: bool) -> Self:
        paths = [folder / name for name in (_CONFIG, _STYLE_VECTORS, _SYNTHESIZER)]
        for file in (folder / _CONFIG, folder / _STYLE_VECTORS):
            _check_there(file)
        _check_network(folder / _SYNTHESIZER, whole=whole)
        config = VoiceConfig.load(folder / _CONFIG)
        styles = StyleVectors.load(folder / _STYLE_VECTORS, config.styles)
        weights = folder / _SYNTHESIZER_WEIGHTS
        if weights.is_file() or left_out(weights) is not None:
            paths.append(weights)
        durations = folder / _DURATION_PREDICTOR
        if durations.is_file():
            check_onnx(durations)
        return cls(
            folder=folder,
            paths=tuple(paths),
            config=config,
            styles=styles,
            synthesizer=folder / _SYNTHESIZER,
            duration_predictor=durations if durations.is_file() else None,
            facts=read_card(folder / MODEL_CARD),
        )


@dataclass(frozen=True, slots=True)
class BertFiles:
    """The language model that all voices share.

    Attributes:
        model: The network, an ONNX file, which may have been left out.
        vocabulary: Its characters; a text file.
        tokenizer: What the vocabulary says.
    """

    model: Path
    vocabulary: Path
    tokenizer: Tokenizer

    @classmethod
    def open(cls, model_folder: Path, tokenizer_folder: Path, *, whole: bool = True) -> Self:
        """Read the vocabulary and look whether the network is whole.

        Args:
            model_folder: Has the network.
            tokenizer_folder: Has the vocabulary.
            whole: Whether the network is needed as it was published.

        Raises:
            PublishedLeftOut: It is, but it was left out.
            BadVoiceFiles: One is missing, damaged or something else; the message names it.
        """
        model, vocabulary = model_folder / "bert_q8.onnx", tokenizer_folder / "vocab.txt"
        _check_there(vocabulary)
        _check_network(model, whole=whole)
        return cls(model, vocabulary, Tokenizer.load(vocabulary))


def _check_network(path: Path, *, whole: bool) -> None:
    if left_out(path) is None:
        _check_there(path)
        check_onnx(path)
    elif whole:
        raise PublishedLeftOut(path, "this works with what was published")


def _check_there(path: Path) -> None:
    with blaming(path):
        if path.is_file():
            return
    raise BadVoiceFiles(
        f"{path}: is {'no file' if path.exists() else 'missing'}",
        hint="a voice has config.json, style_vectors.npy and synthesizer.onnx, or is an AIVMX "
        "file; the language model has bert_q8.onnx and vocab.txt",
    )
