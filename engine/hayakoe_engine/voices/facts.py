"""What publishers say of their voices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["VoiceFacts", "is_web_address", "one_line"]

_MAX_CHARACTERS: Final = 200
_MAX_ADDRESS_CHARACTERS: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceFacts:
    """What a publisher says of a voice; empty where nothing is said.

    Attributes:
        title: What people call it.
        licence: Name of its licence.
        credit: What must be said when its audio is published.
        url: Where its terms are.
        version: Of the voice.
    """

    title: str = ""
    licence: str = ""
    credit: str = ""
    url: str = ""
    version: str = ""


def one_line(text: str) -> str:
    """A text by a stranger as it can be shown anywhere: short, printable, without line breaks."""
    words = " ".join(text[: 4 * _MAX_CHARACTERS].split())
    shown = "".join(character for character in words if character.isprintable())
    return shown if len(shown) <= _MAX_CHARACTERS else shown[: _MAX_CHARACTERS - 1] + "…"


def is_web_address(text: str) -> bool:
    """Whether a text is a link that can be shown anywhere."""
    return (
        text.startswith(("https://", "http://"))
        and len(text) <= _MAX_ADDRESS_CHARACTERS
        and text.isprintable()
        and not any(character.isspace() or character in "<>\"'`" for character in text)
    )
