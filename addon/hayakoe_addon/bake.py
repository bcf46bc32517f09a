"""Makes voices a part of the image; run when it is built, with the extras that installing needs.

    python3 -m hayakoe_addon.bake VOICES.YAML FOLDER NAME...

``all`` stands for every voice of the file. A token for a private repository of the hub is read from
the file that ``HF_TOKEN_PATH`` names, a secret of the build.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hayakoe_addon.baked import INDEX, LOCAL, BakedVoice
from hayakoe_engine import TTS
from hayakoe_engine.errors import HayakoeError
from hayakoe_engine.sources.access import SourceAccess
from hayakoe_engine.sources.layout import LANGUAGE_MODEL, TOKENIZER, voice_prefix
from hayakoe_engine.sources.local import LocalSource
from hayakoe_engine.sources.source import DEFAULT_SOURCE, open_source

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOG = logging.getLogger(__name__)

_ALL: Final = "all"
_TIME_S: Final = 1_700_000_000
"""Modification time of all files. An image keeps no fractions of seconds, and by its time a file is
known to be the one that something was made of."""


class VoiceToBake(BaseModel):
    """An entry of the file.

    Attributes:
        source: Where it comes from.
        title: What people see; what the voice calls itself if absent.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[str, Field(min_length=1)] = DEFAULT_SOURCE
    title: str | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Bake voices; returns an exit status."""
    parser = argparse.ArgumentParser(prog="hayakoe_addon.bake", description="Bake voices.")
    parser.add_argument("file", type=Path, help="says where voices come from")
    parser.add_argument("folder", type=Path, help="what the image has them in")
    parser.add_argument("names", nargs="*", help=f"of the voices; {_ALL} is all of the file")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        voices = read_voices(given.file)
        for_gpu = find_spec("torch") is not None
        bake(voices, given.folder, given.names, token=_token(), for_gpu=for_gpu)
    except (HayakoeError, ValueError) as error:
        sys.stderr.write(f"bake: {error}\n")
        return 1
    return 0


def read_voices(file: Path) -> dict[str, VoiceToBake]:
    """What there is to be baked, by name.

    Raises:
        ValueError: The file is wrong; the message says how.
    """
    entries = yaml.safe_load(file.read_text("utf-8"))
    if not isinstance(entries, dict):
        raise ValueError(f"{file}: must hold voices by name")  # noqa: TRY004 - as for the rest
    try:
        return {str(name): VoiceToBake(**(entry or {})) for name, entry in entries.items()}
    except (ValidationError, TypeError) as error:
        raise ValueError(f"{file}: {error}") from error


def bake(
    voices: dict[str, VoiceToBake],
    folder: Path,
    names: Sequence[str],
    *,
    token: str | None = None,
    for_gpu: bool = False,
) -> None:
    """Fetch and install voices into a folder.

    Args:
        voices: What may be baked, by name.
        folder: Becomes a cache; must be where the image will have it.
        names: Which of them; ``all`` is all.
        token: For private repositories of the hub.
        for_gpu: Whether the networks stay as they were published, too: a GPU takes its weights out
            of them.

    Raises:
        ValueError: A name is unknown.
        HayakoeError: A voice cannot be had or installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = list(voices) if _ALL in names else list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in voices]
    if unknown:
        raise ValueError(f"there is no voice {', '.join(unknown)}; there are {', '.join(voices)}")
    if not wanted:
        return
    sources = {name: _bring_here(name, voices[name].source, folder) for name in wanted}
    index: dict[str, BakedVoice] = {}
    with TTS(cache_dir=folder, hf_token=token) as tts:
        for name, source in sources.items():
            tts.load(name, source=source)
        tts.pre_download(keep_published=for_gpu)
    _set_times(folder)
    # With these times, and without network or token: so it will be in the container.
    with TTS(cache_dir=folder, offline=True) as tts:
        for name, source in sources.items():
            tts.load(name, source=source)
        tts.pre_download()
        tts.prepare()
        for name, source in sources.items():
            styles = tts.speakers[name].info.styles
            index[name] = {"source": source, "title": voices[name].title, "styles": list(styles)}
    shutil.rmtree(folder / "tuned", ignore_errors=True)  # of the machine that builds
    for leftover in (*folder.glob("downloads/**/lock"), *folder.glob("installed/.*.lock")):
        leftover.unlink()
    (folder / INDEX).write_text(json.dumps(index, ensure_ascii=False, indent=1), "utf-8")
    for name in index:
        _LOG.info("voice %s is part of the image", name)


def _bring_here(name: str, source: str, folder: Path) -> str:
    """The source a voice will have in the image: a local one is copied to it."""
    origin = open_source(source, SourceAccess(cache=folder))
    if not isinstance(origin, LocalSource):
        return source
    here = LocalSource(str(folder / LOCAL))
    here.upload(voice_prefix(name), _folder_of(origin.fetch(voice_prefix(name))))
    for prefix in (LANGUAGE_MODEL, TOKENIZER):
        if origin.list_files(prefix):
            here.upload(prefix, origin.fetch(prefix))
    return str(folder / LOCAL)


def _folder_of(voice: Path) -> Path:
    if voice.is_dir():
        return voice
    raise ValueError(f"{voice}: to be baked, put the file into a folder of its own")


def _set_times(folder: Path) -> None:
    for path in folder.rglob("*"):
        os.utime(path, (_TIME_S, _TIME_S))


def _token() -> str | None:
    file = os.environ.get("HF_TOKEN_PATH")  # noqa: TID251 - what a build gives its steps
    if not file or not Path(file).is_file():
        return None
    return Path(file).read_text("utf-8").strip() or None


if __name__ == "__main__":
    sys.exit(main())
