"""Publishing a voice: checked, heard, uploaded, brought back and heard again."""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from hayakoe_engine.disk import sha256_of
from hayakoe_engine.errors import BadOption, BadVoiceFiles, SourceError, SourceNotFound, VoiceError
from hayakoe_engine.sources.access import SourceAccess
from hayakoe_engine.sources.layout import LANGUAGE_MODEL, voice_prefix
from hayakoe_engine.sources.source import open_source
from hayakoe_engine.tts import TTS
from hayakoe_engine.voices.facts import VoiceFacts, is_web_address
from hayakoe_engine.voices.model_card import MODEL_CARD, write_card
from hayakoe_engine.voices.sbv2.aivmx import AIVMX_SUFFIX, aivmx_files
from hayakoe_engine.voices.sbv2.files import VoiceFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hayakoe_engine.sources.source import Source

__all__ = ["TEST_SENTENCE", "Publication", "publish_voice"]

_LOG = logging.getLogger(__name__)

TEST_SENTENCE: Final = "テスト音声です。"
"""What a voice says before and after it is published."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_CHECKPOINT: Final = ".safetensors"
_LEAST_AUDIO_S: Final = 0.2
_LEAST_PEAK: Final = 1e-3
_SUMS: Final = "SHA256SUMS"
"""What some sources add."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A voice that has been published.

    Attributes:
        name: What it is called there.
        uri: Where it is.
        prefix: Its folder there.
        sizes_bytes: Its files by name.
        audio_s: How long it took to say the test sentence, in seconds of audio.
    """

    name: str
    uri: str
    prefix: str
    sizes_bytes: Mapping[str, int]
    audio_s: float


def publish_voice(
    voice: Path,
    uri: str,
    *,
    name: str | None = None,
    facts: VoiceFacts | None = None,
    may_replace: Callable[[str], bool] = lambda _: False,
    bert_source: str | None = None,
    access: SourceAccess | None = None,
) -> Publication:
    """Publish a voice so that anybody who may read the place can load it by its name.

    It says a sentence before anything is uploaded, and again as it came back.

    Args:
        voice: Its folder, with the files of a published voice, an AIVMX file or a checkpoint; or
            such a file.
        uri: Where to: ``hf://USER/REPO``, ``s3://BUCKET/PREFIX``, ``file:///PATH`` or a path.
        name: What it is called there; None is the name of the folder or the AIVMX file.
        facts: What its model card says; the licence must be known. None is what the voice says of
            itself. A folder with a ``README.md`` has its card already.
        may_replace: Asked, with the place, whether the voice that is there may be replaced.
        bert_source: Where the language model is that it speaks with; None is where it is
            published, or else where the official voices are.
        access: To sources, and the cache for the language model and the installed voice.

    Raises:
        BadOption: The name, the licence or the address of its terms cannot be one.
        BadVoiceFiles: Something is wrong with the files.
        VoiceError: It does not speak.
        SourceError: It cannot be uploaded, or something else came back, or it may not be replaced.
        OSError: There is no room for copies of it.
    """
    access = access or SourceAccess()
    source = open_source(uri, access)
    name = _checked_name(name or (voice.stem if voice.is_file() else voice.resolve().name))
    prefix = voice_prefix(name)
    where = f"{uri}: {prefix}"
    with tempfile.TemporaryDirectory(prefix="hayakoe-publish-") as temporary:
        folder = Path(temporary)
        staged = folder / "voice"
        files = _stage(voice, staged, name)
        _write_card(files, staged / MODEL_CARD, facts, name=name, uri=uri)
        language_model = bert_source or _language_model(source, uri)
        _speak(staged, name, language_model, access)
        _LOG.info("voice %s is in order and speaks", name)
        _make_way(source, prefix, where, staged, may_replace)
        source.upload(prefix, staged)
        _LOG.info("uploaded %s", where)
        fresh = replace(access, cache=folder / "cache")
        came_back = open_source(uri, fresh).fetch(prefix)
        _compare(staged, came_back, where)
        audio_s = _speak(came_back, name, language_model, access)
        _LOG.info("what came back is the same and speaks")
        sizes_bytes = {file.name: file.stat().st_size for file in sorted(staged.iterdir())}
    return Publication(name, uri, prefix, sizes_bytes, audio_s)


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadOption(
            f"{name!r} is no name for a voice",
            hint="up to 64 Latin letters, digits, _, . and -, a letter or a digit first",
        )
    return name


def _stage(voice: Path, staged: Path, name: str) -> VoiceFiles:
    """Put what belongs to the voice, and nothing else, into a new folder."""
    checkpoint = _checkpoint_of(voice)
    if checkpoint is None:
        files = VoiceFiles.open(voice)
        staged.mkdir()
        for file in (*files.paths, files.duration_predictor):
            if file is not None:
                is_all = file.suffix.lower() == AIVMX_SUFFIX
                _link(file, staged / (name + AIVMX_SUFFIX if is_all else file.name))
    else:
        _convert(checkpoint, staged)
    card = voice / MODEL_CARD
    if card.is_file():
        _link(card, staged / MODEL_CARD)
    return VoiceFiles.open(staged)


def _checkpoint_of(voice: Path) -> Path | None:
    """The checkpoint that the voice must be made of; None if it is made already."""
    if voice.is_file():
        return voice if voice.suffix == _CHECKPOINT else None
    if (voice / "synthesizer.onnx").exists() or aivmx_files(voice):
        return None
    match sorted(voice.glob(f"*{_CHECKPOINT}")):
        case []:
            return None
        case [checkpoint]:
            return checkpoint
        case several:
            names = ", ".join(file.name for file in several)
            raise BadVoiceFiles(
                f"{voice}: has more than one checkpoint: {names}",
                hint="name one of these files instead of the folder",
            )


def _convert(checkpoint: Path, folder: Path) -> None:
    _LOG.info("converting %s", checkpoint)
    try:
        from hayakoe_engine.voices.sbv2.convert import convert_voice  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise BadVoiceFiles(
            f"{checkpoint}: has to be converted, which needs {error.name}",
            hint="pip install 'wyoming-hayakoe[torch]'",
        ) from error
    convert_voice(checkpoint, folder)


def _link(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:  # another disk, or somebody else's file
        shutil.copyfile(file, target)


def _write_card(
    files: VoiceFiles, card: Path, facts: VoiceFacts | None, *, name: str, uri: str
) -> None:
    """Say in a card what is said of the voice, unless there is a card already."""
    has_card = card.exists()
    if has_card and facts is not None:
        raise BadOption(
            f"the voice has a {MODEL_CARD}, which is published as it is",
            hint="say there what is to be said of the voice, or move it away",
        )
    said = files.facts or VoiceFacts()
    if facts is not None:
        said = replace(said, **{key: value for key, value in asdict(facts).items() if value})
    if not said.licence:
        raise BadOption(
            "it must be known under which licence the voice may be used",
            hint=f"say so in {MODEL_CARD}, as docs/publishing.md shows"
            if has_card
            else "for example CC BY-SA 4.0; only who owns the rights can say",
        )
    if said.url and not is_web_address(said.url):
        raise BadOption(f"the address of the terms must be one of the web, not {said.url!r}")
    if not has_card:
        text = write_card(said, name=name, uri=uri, styles=files.config.styles)
        card.write_text(text, encoding="utf-8")


def _language_model(source: Source, uri: str) -> str | None:
    """The place itself, if the language model is there, too."""
    try:
        source.fetch(LANGUAGE_MODEL)
    except SourceNotFound:
        return None
    return uri


def _speak(voice: Path, name: str, bert_source: str | None, access: SourceAccess) -> float:
    """Have it say the test sentence, and return how many seconds that were."""
    with TTS(
        cache_dir=access.cache,
        bert_source=bert_source,
        hf_token=access.hf_token,
        offline=access.offline,
        on_progress=access.on_progress,
        precision="exact",
    ) as tts:
        speaker = tts.load(name, source=str(voice)).prepare(warmup=False).speakers[name]
        audio = speaker.generate(TEST_SENTENCE, seed=0)
    peak = float(np.abs(audio.samples).max(initial=0))
    if audio.duration_s < _LEAST_AUDIO_S or not peak > _LEAST_PEAK:
        raise VoiceError(f"voice {name} says nothing when it is to say {TEST_SENTENCE}")
    return audio.duration_s


def _make_way(
    source: Source, prefix: str, where: str, staged: Path, may_replace: Callable[[str], bool]
) -> None:
    """Make sure that nothing is lost by the upload, and that nothing is mixed.

    Raises:
        SourceError: Something would be.
    """
    there = source.list_files(prefix)
    others = there - {file.name for file in staged.iterdir()} - {_SUMS}
    if there and not may_replace(where):
        raise SourceError(
            f"{where} is there already", hint="choose another name, or replace it with --yes"
        )
    if others:
        raise SourceError(
            f"{where} has files that the new voice would not replace: {', '.join(sorted(others))}",
            hint="delete them there, or choose another name",
        )


def _compare(staged: Path, came_back: Path, where: str) -> None:
    """Make sure that the same has come back.

    Raises:
        SourceError: Something else has.
    """
    for file in staged.iterdir():
        copy = came_back / file.name
        if not copy.is_file() or sha256_of(copy) != sha256_of(file):
            raise SourceError(
                f"{where}: {file.name} came back as something else",
                hint="somebody else may publish there at the same time; try again",
            )
