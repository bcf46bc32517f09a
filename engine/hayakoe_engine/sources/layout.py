"""Where things lie in a repository of voices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hayakoe_engine.sources.cached import CachedSource
from hayakoe_engine.sources.source import DEFAULT_SOURCE, open_source

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGE_MODEL: Final = "onnx/bert/q8"
TORCH_LANGUAGE_MODEL: Final = "pytorch/bert/fp32"
TOKENIZER: Final = "bert/tokenizer"


def voice_prefix(name: str) -> str:
    """Where a voice lies."""
    return f"onnx/speakers/{name}"


def language_model_sources(source: str, bert_source: str | None) -> list[str]:
    """Where the language model of a voice may come from, the likeliest place first.

    Args:
        source: URI that the voice comes from.
        bert_source: URI where the language model is said to be; None if nothing is said.
    """
    return [bert_source] if bert_source else [source, DEFAULT_SOURCE]


def needed_downloads(
    voices: Mapping[str, str], bert_source: str | None = None
) -> set[tuple[str, str]]:
    """The downloads that voices may need, as pairs of URI and prefix; see ``DownloadCache.prune``.

    Args:
        voices: URIs of the sources by names of the voices.
        bert_source: As in ``TTS``.

    Raises:
        SourceError: No source is written like one of these.
    """
    wanted = {(source, voice_prefix(name)) for name, source in voices.items()}
    for source in voices.values():
        for place in language_model_sources(source, bert_source):
            prefixes = (LANGUAGE_MODEL, TORCH_LANGUAGE_MODEL, TOKENIZER)
            wanted |= {(place, prefix) for prefix in prefixes}
    opened = {(open_source(uri), prefix) for uri, prefix in wanted}
    return {(source.uri, prefix) for source, prefix in opened if isinstance(source, CachedSource)}
