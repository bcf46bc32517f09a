"""The language model that all neural voices share: characters to features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hayakoe_engine.voices.residency import Resident
    from hayakoe_engine.voices.sbv2.backend import Features
    from hayakoe_engine.voices.sbv2.tokenizer import Tokenizer


class CharacterFeatures(Protocol):
    """A language model that is open."""

    def features(self, ids: NDArray[np.int64]) -> Features:
        """Characters, int64 ``[L]``, to features, float ``[L, width]``."""
        ...


class LanguageModel:
    """Reads a sentence the way voices are trained with.

    Args:
        tokenizer: Of the model.
        bert: The model itself.
        identity: Differs from that of every other one.

    Attributes:
        identity: As given.
    """

    def __init__(
        self, tokenizer: Tokenizer, bert: Resident[CharacterFeatures], identity: str
    ) -> None:
        self.identity = identity
        self._tokenizer = tokenizer
        self._bert = bert

    def open(self) -> None:
        """Open it now, if it is not open, and not for the first sentence."""
        self._bert.get()

    def features(self, text: str) -> Features:
        """Features of the start token, of every character and of the end token.

        Returns:
            ``[len(text) + 2, width]``; not to be written to.
        """
        return self._bert.get().features(self._tokenizer.ids(text))
