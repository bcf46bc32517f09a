"""Voices that are known to be published, with what their publishers ask for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from hayakoe_engine.voices.facts import VoiceFacts

__all__ = ["CatalogueVoice", "catalogue", "known_facts"]

_FILE: Final = "catalogue.json"
_HUB: Final = "https://huggingface.co/"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueVoice:
    """A voice that is published.

    Attributes:
        name: What its publisher calls it.
        title: What people call it, in Japanese.
        languages: BCP 47 tags.
        styles: Names of its styles, its own first.
        licence: Name of its licence or of its terms.
        credit: Whom to name when its audio is published; the terms say how.
        terms: Web page with the licence or the terms, which alone are binding.
        source: URI that it can be loaded from.
    """

    name: str
    title: str
    languages: tuple[str, ...]
    styles: tuple[str, ...]
    licence: str
    credit: str
    terms: str
    source: str


@cache
def catalogue() -> tuple[CatalogueVoice, ...]:
    """The known voices."""
    text = files("hayakoe_engine.voices").joinpath(_FILE).read_text("utf-8")
    entries: list[dict[str, Any]] = json.loads(text)
    for entry in entries:
        entry.update(languages=tuple(entry["languages"]), styles=tuple(entry["styles"]))
    return tuple(CatalogueVoice(**entry) for entry in entries)


def known_facts(name: str, source: str) -> VoiceFacts | None:
    """What is known of a voice, if it is in the catalogue.

    Args:
        name: What its publisher calls it.
        source: URI that it is loaded from, with or without a revision.
    """
    for voice in catalogue():
        if voice.name == name and _same_source(voice.source, source):
            return VoiceFacts(
                title=voice.title, licence=voice.licence, credit=voice.credit, url=voice.terms
            )
    return None


def _same_source(known: str, source: str) -> bool:
    return _without_revision(known) == _without_revision(source)


def _without_revision(uri: str) -> str:
    """The URI of a repository, however its revision is written."""
    if uri.startswith(_HUB):
        uri = "hf://" + uri.removeprefix(_HUB).partition("/tree/")[0]
    return uri.partition("@")[0].rstrip("/")
