"""Full-context labels, as Open JTalk gives them and the HTS engine takes them."""

from __future__ import annotations

import re
from typing import Final

SILENCES: Final = frozenset({"sil", "pau"})
"""What labels call silence at the ends of a sentence, and in it."""

_PHONE: Final = re.compile(r"-([^+]*)\+")


def phone_of(label: str) -> str:
    """The phone that a full-context label stands for."""
    match = _PHONE.search(label)
    return match[1] if match else ""
