"""What a handler is for, said beside it; ``openapi`` makes the document of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeVar

from pydantic import BaseModel

Content: TypeAlias = type[BaseModel] | str | None
"""What a body is: a model as JSON, media types such as ``audio/*, text/csv``, or nothing."""

_ATTRIBUTE: Final = "documentation"
_H = TypeVar("_H", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Documentation:
    """What is said of a handler.

    Attributes:
        summary: One line.
        tag: The group that it belongs to.
        description: More of it.
        body: What the request sends.
        query: What stands after the question mark.
        responses: What comes back, by status. Those of errors are added.
        is_list: Whether what comes back as a model is a list of it.
        is_open: Whether no key is ever needed.
    """

    summary: str
    tag: str
    description: str = ""
    body: Content = None
    query: type[BaseModel] | None = None
    responses: Mapping[int, Content] = field(default_factory=dict)
    is_list: bool = False
    is_open: bool = False


def documented(
    summary: str,
    *,
    tag: str,
    description: str = "",
    body: Content = None,
    query: type[BaseModel] | None = None,
    responses: Mapping[int, Content] | None = None,
    is_list: bool = False,
    is_open: bool = False,
) -> Callable[[_H], _H]:
    """Say what a handler is for; the arguments are those of ``Documentation``."""
    documentation = Documentation(
        summary, tag, description, body, query, responses or {}, is_list, is_open
    )

    def mark(handler: _H) -> _H:
        setattr(handler, _ATTRIBUTE, documentation)
        return handler

    return mark


def documentation_of(handler: object) -> Documentation | None:
    """What was said of it; None is for what is no part of the API."""
    found = getattr(handler, _ATTRIBUTE, None)
    return found if isinstance(found, Documentation) else None
