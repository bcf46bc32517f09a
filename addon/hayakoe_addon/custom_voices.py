"""Finds the voices that users have put into their folders."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

from hayakoe_engine.sources.layout import LANGUAGE_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOG = logging.getLogger(__name__)

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SPEAKERS: Final = "onnx/speakers"
_REPOSITORY_FOLDERS: Final = frozenset({"onnx", "bert", "pytorch"})
_MAX_VOICES: Final = 200


def find_voices(folders: tuple[Path, ...]) -> dict[str, Path]:
    """Voices by name, each with what to load it from.

    A voice is an AIVMX file, a folder with one, a folder with ``synthesizer.onnx``, or a folder
    below ``onnx/speakers`` of a folder that is laid out as a repository.

    Args:
        folders: Where to look; of voices with one name the first counts.
    """
    voices: dict[str, Path] = {}
    for folder in folders:
        try:
            found = sorted(_voices_in(folder))
        except OSError as error:
            _LOG.warning("cannot look for voices in %s: %s", folder, error.strerror or error)
            continue
        for name, source in found:
            if not _NAME.fullmatch(name):
                _LOG.warning(
                    "voice %s is left out: rename it to letters a-z, digits, '_', '.' and '-'",
                    source,
                )
            elif name in voices:
                _LOG.warning("voice %s is left out: %s has the name, too", source, voices[name])
            elif len(voices) == _MAX_VOICES:
                _LOG.warning("voice %s is left out: there are %d others", source, _MAX_VOICES)
            else:
                voices[name] = source
    return voices


def find_language_model(folders: tuple[Path, ...]) -> Path | None:
    """The first of these folders that has the language model of neural voices."""
    return next((folder for folder in folders if (folder / LANGUAGE_MODEL).is_dir()), None)


def _voices_in(folder: Path) -> Iterator[tuple[str, Path]]:
    if not folder.is_dir():
        return
    for name in _speakers_of(folder):
        yield name, folder
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in _REPOSITORY_FOLDERS:
            continue
        if path.is_file():
            if path.suffix.lower() == ".aivmx":
                yield path.stem, path
        elif (path / "synthesizer.onnx").is_file() or any(path.glob("*.[aA][iI][vV][mM][xX]")):
            yield path.name, path
        else:
            for name in _speakers_of(path):
                yield name, path


def _speakers_of(folder: Path) -> Iterator[str]:
    speakers = folder / _SPEAKERS
    if speakers.is_dir():
        yield from (voice.name for voice in speakers.iterdir() if voice.is_dir())
