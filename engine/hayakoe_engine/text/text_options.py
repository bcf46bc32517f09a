"""What is done with the parts of a text that are no words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from hayakoe_engine.errors import BadOption

Urls = Literal["skip", "say"]
Emoji = Literal["skip", "name"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOptions:
    """How every text is cleaned.

    Attributes:
        urls: URLs and mail addresses: ``skip`` leaves them out, ``say`` says リンク and
            メールアドレス.
        emoji: ``skip`` leaves them out, ``name`` says their Japanese names (Unicode CLDR).

    Raises:
        BadOption: A value is none of these.
    """

    urls: Urls = "skip"
    emoji: Emoji = "skip"

    def __post_init__(self) -> None:
        for name, allowed in (("urls", get_args(Urls)), ("emoji", get_args(Emoji))):
            value = getattr(self, name)
            if value not in allowed:
                raise BadOption(f"{name} must be {' or '.join(allowed)}, not {value!r}")
