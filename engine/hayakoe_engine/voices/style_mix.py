"""Styles of a voice, and mixes of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hayakoe_engine.errors import StyleNotFound

if TYPE_CHECKING:
    from hayakoe_engine.voices.voice import VoiceInfo


def style_shares(style: str, voice: VoiceInfo) -> dict[str, float]:
    """Which styles a style is made of.

    Args:
        style: A name, or several joined by ``+``, each with its share after a ``*`` if they are
            not equal: ``Happy*0.7+Sad*0.3``.
        voice: Whose style it is.

    Returns:
        Share of each style; they add up to 1.

    Raises:
        StyleNotFound: There is no such style, or a share is no number above 0.
    """
    styles = voice.styles
    if style in styles:
        return {style: 1.0}
    shares: dict[str, float] = {}
    for part in style.split("+"):
        name, _, share = part.strip().partition("*")
        try:
            value = float(share or "1")
        except ValueError:
            value = 0.0
        name = name.strip()
        if name not in styles or not (value > 0 and math.isfinite(value)):
            has = f"its styles are {', '.join(styles)}" if styles else "it has no styles"
            raise StyleNotFound(f"voice {voice.name} has no style {style!r}; {has}")
        shares[name] = shares.get(name, 0.0) + value
    total = sum(shares.values())
    return {name: value / total for name, value in shares.items()}
