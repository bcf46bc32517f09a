"""The files of a published voice and of the language model, checked before they are used."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, Self

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.sbv2.config import VoiceConfig
from hayakoe_engine.voices.sbv2.reading_files import blaming
from hayakoe_engine.voices.sbv2.styles import StyleVectors
from hayakoe_engine.voices.sbv2.tokenizer import Tokenizer

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BertFiles", "StyleVectors", "VoiceConfig", "VoiceFiles", "check_onnx"]

_GIT_LFS: Final = b"version https://git-lfs"
# Of protobuf: the number of the field with the graph, and the kinds of fields that ONNX has.
_ONNX_GRAPH: Final = 7
_MAX_ONNX_FIELDS: Final = 100_000
_VARINT: Final = 0
_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class VoiceFiles:
    """The folder of a published voice.

    Attributes:
        folder: Where they are.
        config: What the voice says of itself.
        styles: Its styles.
        synthesizer: The network, an ONNX file.
        synthesizer_data: Its weights if they are in a file of their own.
        duration_predictor: A network that only predicts durations, if there is one.
    """

    folder: Path
    config: VoiceConfig
    styles: StyleVectors
    synthesizer: Path
    synthesizer_data: Path | None
    duration_predictor: Path | None

    @property
    def paths(self) -> list[Path]:
        """What the voice is made of: if one changes, it is another voice."""
        files = [self.folder / "config.json", self.folder / "style_vectors.npy", self.synthesizer]
        return files if self.synthesizer_data is None else [*files, self.synthesizer_data]

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the small files and look whether the large ones are whole.

        Raises:
            BadVoiceFiles: One is missing, damaged or something else; the message names it.
        """
        for name in ("config.json", "style_vectors.npy", "synthesizer.onnx"):
            _check_there(folder / name)
        config = VoiceConfig.load(folder / "config.json")
        styles = StyleVectors.load(folder / "style_vectors.npy", config.styles)
        check_onnx(folder / "synthesizer.onnx")
        durations = _if_there(folder / "duration_predictor.onnx")
        if durations is not None:
            check_onnx(durations)
        return cls(
            folder=folder,
            config=config,
            styles=styles,
            synthesizer=folder / "synthesizer.onnx",
            synthesizer_data=_if_there(folder / "synthesizer.onnx.data"),
            duration_predictor=durations,
        )


@dataclass(frozen=True, slots=True)
class BertFiles:
    """The language model that all voices share.

    Attributes:
        model: The network, an ONNX file.
        vocabulary: Its characters; a text file.
        tokenizer: What the vocabulary says.
    """

    model: Path
    vocabulary: Path
    tokenizer: Tokenizer

    @classmethod
    def open(cls, model_folder: Path, tokenizer_folder: Path) -> Self:
        """Read the vocabulary and look whether the network is whole.

        Raises:
            BadVoiceFiles: One is missing, damaged or something else; the message names it.
        """
        model, vocabulary = model_folder / "bert_q8.onnx", tokenizer_folder / "vocab.txt"
        _check_there(model)
        _check_there(vocabulary)
        check_onnx(model)
        return cls(model, vocabulary, Tokenizer.load(vocabulary))


def check_onnx(path: Path) -> None:
    """Look whether a file is ONNX and whole, without reading it all.

    Raises:
        BadVoiceFiles: It is not, or cannot be read; the message names it.
    """
    with blaming(path), path.open("rb") as file:
        if file.read(len(_GIT_LFS)) == _GIT_LFS:
            raise BadVoiceFiles(
                f"{path}: is a pointer of Git LFS in place of the file",
                hint="fetch it with: git lfs pull",
            )
        file.seek(0)
        _check_message(file, path.stat().st_size)


def _check_there(path: Path) -> None:
    with blaming(path):
        if path.is_file():
            return
    raise BadVoiceFiles(
        f"{path}: is {'no file' if path.exists() else 'missing'}",
        hint="a voice has config.json, style_vectors.npy and synthesizer.onnx; "
        "the language model has bert_q8.onnx and vocab.txt",
    )


def _if_there(path: Path) -> Path | None:
    return path if path.is_file() else None


def _check_message(file: BinaryIO, size_bytes: int) -> None:
    """Step through the fields of a protobuf message: the last must end where the file does."""
    has_graph = False
    for _ in range(_MAX_ONNX_FIELDS):
        if file.tell() == size_bytes and has_graph:
            return
        field, kind = divmod(_read_varint(file), 8)
        if field == 0 or kind not in {_VARINT, _BYTES}:
            break
        value = _read_varint(file)
        if kind == _BYTES:
            if file.tell() + value > size_bytes:
                raise ValueError(f"is cut off at {size_bytes} bytes")
            file.seek(value, os.SEEK_CUR)
        has_graph |= field == _ONNX_GRAPH
    raise ValueError("is no ONNX file")


def _read_varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 64, 7):
        byte = file.read(1)
        if not byte:
            break
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError("is no ONNX file")
