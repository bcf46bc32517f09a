"""Commands for published voices: what they are, and one more of them."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from hayakoe_engine.voices.facts import VoiceFacts

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from hayakoe_engine.sources.access import SourceAccess
    from wyoming_hayakoe.settings import Settings


def list_catalogue(*, as_json: bool) -> Iterator[str]:
    """Lines about the voices that are known to be published."""
    from hayakoe_engine.voices.catalogue import catalogue  # noqa: PLC0415

    if as_json:
        yield json.dumps([asdict(voice) for voice in catalogue()], ensure_ascii=False, indent=2)
        return
    for voice in catalogue():
        languages, styles = ", ".join(voice.languages), ", ".join(voice.styles)
        yield (
            f"{voice.name}\t{voice.title}\t{languages}\t{styles}\t"
            f"{voice.licence}\t{voice.credit}\t{voice.terms}"
        )


def with_known(settings: Settings, names: Iterable[str]) -> Settings:
    """The settings, with those of the named voices that are known though they do not name them."""
    from hayakoe_engine.voices.catalogue import catalogue  # noqa: PLC0415
    from wyoming_hayakoe.settings import NeuralVoice  # noqa: PLC0415

    sources = {voice.name: voice.source for voice in catalogue()}
    missing = {
        name: NeuralVoice(source=sources[name])
        for name in names
        if name in sources and name not in settings.voices
    }
    return settings.model_copy(update={"voices": {**settings.voices, **missing}})


def add_publish_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``publish`` takes."""
    parser.add_argument(
        "files", type=Path, metavar="VOICE", help="folder of the voice, AIVMX file or checkpoint"
    )
    parser.add_argument(
        "target", metavar="URI", help="where to: hf://USER/REPO, s3://BUCKET/PREFIX, file:///PATH"
    )
    parser.add_argument("--name", help="what it is called there (default: that of VOICE)")
    parser.add_argument("--title", help="what people call it")
    parser.add_argument("--licence", help="name of its licence, which must be known")
    parser.add_argument("--credit", help="what to say when its audio is published")
    parser.add_argument("--terms", metavar="URL", help="web page with the licence")
    parser.add_argument(
        "--yes", action="store_true", help="replace the voice of this name that is there"
    )


def publish(
    arguments: argparse.Namespace, access: SourceAccess, bert_source: str | None
) -> Iterator[str]:
    """Publish a voice.

    Yields:
        Lines about what is there now.

    Raises:
        HayakoeError: As for ``publish_voice``.
    """
    from hayakoe_engine.publish import TEST_SENTENCE, publish_voice  # noqa: PLC0415

    facts = VoiceFacts(
        title=arguments.title or "",
        licence=arguments.licence or "",
        credit=arguments.credit or "",
        url=arguments.terms or "",
    )
    published = publish_voice(
        arguments.files,
        arguments.target,
        name=arguments.name,
        facts=None if facts == VoiceFacts() else facts,
        may_replace=lambda where: arguments.yes or _confirm_replacing(where),
        bert_source=bert_source,
        access=access,
    )
    for name, size_bytes in published.sizes_bytes.items():
        yield f"{published.prefix}/{name}\t{size_bytes / 1e6:.1f} MB"
    yield (
        f"voice {published.name} is at {published.uri}; it said {TEST_SENTENCE} in "
        f"{published.audio_s:.1f} s"
    )


def _confirm_replacing(where: str) -> bool:
    """Ask whoever is at the terminal; no if nobody is."""
    if sys.stdin is None or sys.stderr is None or not sys.stdin.isatty():
        return False
    sys.stderr.write(f"{where} is there already. Replace it? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
