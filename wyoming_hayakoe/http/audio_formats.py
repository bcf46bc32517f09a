"""The formats that requests may ask for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator

from hayakoe_engine.aac import NO_AAC, can_encode_aac


def _check_made_here(name: str) -> str:
    if name == "aac" and not can_encode_aac():
        raise ValueError(NO_AAC)
    return name


_MadeHere = AfterValidator(_check_made_here)

AudioFormat = Annotated[Literal["wav", "pcm", "flac", "ogg", "opus", "mp3", "aac"], _MadeHere]
"""Those of this server."""
OpenAIFormat = Annotated[Literal["mp3", "opus", "aac", "flac", "wav", "pcm"], _MadeHere]
"""Those of OpenAI."""
