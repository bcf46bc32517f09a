"""Text that is rewritten in steps and still knows what it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Replacement:
    """One change.

    Attributes:
        start: First character replaced.
        stop: After the last character replaced.
        text: What stands there instead.
        rule: Name of the rule that asks for it, for people.
    """

    start: int
    stop: int
    text: str
    rule: str


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A text, and for each of its characters where it comes from.

    Attributes:
        text: The text as it is now.
        origins: For each character its span ``[start, stop)`` in the original text.
        rules: For each character the name of the rule that last wrote it; None if it is original.
    """

    text: str
    origins: tuple[tuple[int, int], ...]
    rules: tuple[str | None, ...]

    @classmethod
    def original(cls, text: str) -> Self:
        """A text that nobody has changed."""
        return cls(text, tuple((i, i + 1) for i in range(len(text))), (None,) * len(text))

    def replaced(self, replacements: Iterable[Replacement]) -> Self:
        """Apply changes; they are in order and do not overlap.

        Raises:
            ValueError: They overlap or lie outside the text.
        """
        text: list[str] = []
        origins: list[tuple[int, int]] = []
        rules: list[str | None] = []
        place = 0
        for change in replacements:
            if not place <= change.start <= change.stop <= len(self.text):
                raise ValueError(f"{change} does not fit after character {place}")
            text += (self.text[place : change.start], change.text)
            origins += self.origins[place : change.start]
            origins += (self.origin(change.start, change.stop),) * len(change.text)
            rules += self.rules[place : change.start]
            rules += (change.rule,) * len(change.text)
            place = change.stop
        text.append(self.text[place:])
        origins += self.origins[place:]
        rules += self.rules[place:]
        return type(self)("".join(text), tuple(origins), tuple(rules))

    def origin(self, start: int, stop: int) -> tuple[int, int]:
        """Where the characters from ``start`` to before ``stop`` come from."""
        if start < stop:
            spans = self.origins[start:stop]
            return min(span[0] for span in spans), max(span[1] for span in spans)
        place = self.origins[start - 1][1] if start else 0
        return place, place
