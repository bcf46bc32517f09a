"""The language model's alphabet: characters to numbers."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from hayakoe_engine.voices.sbv2.reading_files import blaming, read_text

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Tokenizer"]

_START: Final = "[CLS]"
_END: Final = "[SEP]"
_UNKNOWN: Final = "[UNK]"
_WORD_PART: Final = "##"
_HIRAGANA: Final = frozenset(map(chr, range(ord("あ"), ord("ん")))) - {"ゎ", "ゐ", "ゑ"}


class Tokenizer:
    """One number for every character, whatever it is.

    Args:
        entries: The vocabulary, in the order of its numbers.

    Raises:
        ValueError: These are no characters of Japanese, or a mark of the model is missing.
    """

    def __init__(self, entries: list[str]) -> None:
        self._ids = {entry: number for number, entry in enumerate(entries)}
        for entry in (_START, _END, _UNKNOWN):
            if entry not in self._ids:
                raise ValueError(f"lacks {entry}: it is no vocabulary of this language model")
        if any(entry.startswith(_WORD_PART) and entry != _WORD_PART for entry in entries):
            raise ValueError("has parts of words; the language model takes single characters")
        missing = min(_HIRAGANA - self._ids.keys(), default=None)
        if missing is not None:
            raise ValueError(f"lacks {missing}: it is damaged or of another language")
        self._size = len(entries)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a ``vocab.txt``: one entry a line, in UTF-8.

        Raises:
            BadVoiceFiles: It cannot be read or is something else; the message names the file.
        """
        with blaming(path):
            # Not splitlines(): characters at which that splits may be entries.
            text = read_text(path).replace("\r\n", "\n").removesuffix("\n")
            return cls(text.split("\n"))

    @property
    def size(self) -> int:
        """How many numbers there are; the model must have an embedding for each."""
        return self._size

    def ids(self, text: str) -> NDArray[np.int64]:
        """Start mark, one number per character, end mark: int64 ``[len(text) + 2]``."""
        unknown = self._ids[_UNKNOWN]
        characters = [
            self._ids.get(unicodedata.normalize("NFKC", character), unknown) for character in text
        ]
        return np.array([self._ids[_START], *characters, self._ids[_END]], np.int64)
