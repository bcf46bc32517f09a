"""Reading JSON that others wrote: every field is checked, and errors name it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BadField", "Fields"]

_MAX_STYLES: Final = 4096
_MAX_NAME_CHARACTERS: Final = 200
_MAX_NUMBERS: Final = 10


class BadField(ValueError):
    """The message names the field and what is wrong with it."""


class Fields:
    """The fields of one JSON object; its methods raise ``BadField``.

    Args:
        fields: The object.
        prefix: What its fields are called by people: names of the objects around it, each with a
            dot.
    """

    def __init__(self, fields: dict[str, Any], prefix: str = "") -> None:
        self._fields = fields
        self._prefix = prefix

    @classmethod
    def parse(cls, text: str) -> Self:
        """The fields of a document."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadField(f"is no JSON: {error}") from error
        if not isinstance(document, dict):
            raise BadField("must be a JSON object")
        return cls(document)

    def section(self, name: str) -> Fields:
        """An object inside; one that is not there has no fields."""
        fields = self._fields.get(name, {})
        if not isinstance(fields, dict):
            raise BadField(f"{self._prefix}{name} must be an object")
        return Fields(fields, f"{self._prefix}{name}.")

    def sections(self, name: str) -> Iterator[Fields]:
        """The objects of a list; one that is not there is empty."""
        items = self._fields.get(name, [])
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise BadField(f"{self._prefix}{name} must be a list of objects")
        return (Fields(item, f"{self._prefix}{name}.") for item in items)

    def text(self, name: str, default: str) -> str:
        """A text."""
        value = self._fields.get(name, default)
        if not isinstance(value, str):
            raise BadField(f"{self._prefix}{name} must be a text")
        return value

    def optional_text(self, name: str) -> str:
        """A text; the empty one where there is none or null."""
        return "" if self._fields.get(name) is None else self.text(name, "")

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; one that is not there is empty."""
        values = self._fields.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise BadField(f"{self._prefix}{name} must be a list of texts")
        return tuple(values)

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self._fields.get(name, default)
        if not isinstance(value, bool):
            raise BadField(f"{self._prefix}{name} must be true or false")
        return value

    def integer(self, name: str, default: int | None, bounds: tuple[int, int]) -> int:
        """A whole number; a default of None is for one that must be there."""
        return _integer(f"{self._prefix}{name}", self._fields.get(name, default), bounds)

    def integers(
        self, name: str, default: tuple[int, ...], bounds: tuple[int, int]
    ) -> tuple[int, ...]:
        """A short list of whole numbers."""
        return _integers(f"{self._prefix}{name}", self._fields.get(name, default), bounds)

    def integer_lists(
        self, name: str, default: tuple[tuple[int, ...], ...], bounds: tuple[int, int]
    ) -> tuple[tuple[int, ...], ...]:
        """A short list of them."""
        where = f"{self._prefix}{name}"
        return tuple(
            _integers(where, item, bounds) for item in _list(where, self._fields.get(name, default))
        )

    def rows(self, name: str, default: dict[str, int]) -> dict[str, int]:
        """Rows of the style vectors by the name of the style."""
        rows = self._fields.get(name, default)
        where = f"{self._prefix}{name}"
        if not isinstance(rows, dict) or not 1 <= len(rows) <= _MAX_STYLES:
            raise BadField(f"{where} must be an object with 1 to {_MAX_STYLES} styles")
        for style, row in rows.items():
            check_style(where, style)
            _integer(f"{where}.{style}", row, STYLE_ROWS)
        return rows


STYLE_ROWS: Final = (0, _MAX_STYLES - 1)
"""Of style vectors: the least and the greatest."""


def check_style(where: str, style: str) -> None:
    """Look whether a text is the name of a style.

    Raises:
        BadField: It is not.
    """
    if not style.strip() or not style.isprintable() or len(style) > _MAX_NAME_CHARACTERS:
        raise BadField(f"{where}: {style[:20]!r} is no name of a style")


def _integer(where: str, value: object, bounds: tuple[int, int]) -> int:
    if type(value) is not int or not bounds[0] <= value <= bounds[1]:
        raise BadField(f"{where} must be a whole number from {bounds[0]} to {bounds[1]}")
    return value


def _integers(where: str, values: object, bounds: tuple[int, int]) -> tuple[int, ...]:
    return tuple(_integer(where, value, bounds) for value in _list(where, values))


def _list(where: str, values: object) -> list[object] | tuple[object, ...]:
    if not isinstance(values, (list, tuple)) or not 1 <= len(values) <= _MAX_NUMBERS:
        raise BadField(f"{where} must be a list of 1 to {_MAX_NUMBERS}")
    return values
