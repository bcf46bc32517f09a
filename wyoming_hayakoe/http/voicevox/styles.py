"""Voices under the numbers that clients of VOICEVOX know them by."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wyoming_hayakoe.http.errors import NotFound

if TYPE_CHECKING:
    from wyoming_hayakoe.voices import Choice, VoiceBook

__all__ = ["PLAIN_STYLE", "FoundStyle", "VoiceStyles", "find_style", "style_id_of", "voice_styles"]

FOREIGN_IDS: Final = 1000
"""Smaller numbers are never ours: clients that have one built in get the default voice."""
PLAIN_STYLE: Final = "ノーマル"
"""What the style of a voice is called that has one only."""

_NAMESPACE: Final = uuid.UUID("8fb8b7a6-4d50-5d5c-9f0e-5c1e3c1bd0a1")


@dataclass(frozen=True, slots=True)
class VoiceStyles:
    """A voice, or a preset, with its styles.

    Attributes:
        uuid: Never changes.
        choice: The voice in its own style.
        styles: Numbers and choices by the names of the styles.
    """

    uuid: str
    choice: Choice
    styles: dict[str, FoundStyle]


@dataclass(frozen=True, slots=True)
class FoundStyle:
    """One style.

    Attributes:
        id: Never changes.
        choice: Who speaks in it.
    """

    id: int
    choice: Choice


def style_id_of(name: str) -> int:
    """The number of what clients of other interfaces ask for by this name.

    It is made of the name alone, so it stays the same whatever other voices there are.
    """
    digest = hashlib.sha256(name.encode()).digest()
    return FOREIGN_IDS + int.from_bytes(digest[:4], "big") % (2**31 - FOREIGN_IDS)


def voice_styles(voices: VoiceBook) -> list[VoiceStyles]:
    """All voices and presets, the default one first."""
    choices = {choice.name: choice for choice in voices}
    found: dict[str, VoiceStyles] = {}
    for name, choice in choices.items():
        base, _, style = name.partition(":")
        if not style or base not in choices or choices[base].speaker is not choice.speaker:
            base, style = name, ""
        entry = found.setdefault(base, VoiceStyles(_uuid_of(base), choices[base], {}))
        if style:
            entry.styles[style] = FoundStyle(style_id_of(name), choice)
    for base, entry in found.items():
        if not entry.styles:
            entry.styles[PLAIN_STYLE] = FoundStyle(style_id_of(base), entry.choice)
    return list(found.values())


def find_style(voices: VoiceBook, style_id: int) -> Choice:
    """Who speaks under this number.

    Raises:
        NotFound: Nobody does.
    """
    if 0 <= style_id < FOREIGN_IDS:
        return voices.default
    for choice in voices:
        if style_id_of(choice.name) == style_id:
            return choice
    known = ", ".join(f"{style_id_of(choice.name)} ({choice.name})" for choice in voices)
    raise NotFound(f"there is no style {style_id}; the styles are {known}")


def _uuid_of(name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, name))
