"""A place that voices come from, chosen by its URI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from hayakoe_engine.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path


class Source(Protocol):
    """Where folders of published files can be had."""

    def fetch(self, prefix: str) -> Path:
        """A local folder with everything that lies under this prefix.

        Raises:
            SourceError: It cannot be had.
        """
        ...


def open_source(uri: str) -> Source:
    """The source that a URI names: ``file:///path``, or a path.

    Raises:
        SourceError: The scheme is unknown, or the path is not absolute.
    """
    from hayakoe_engine.sources.local import LocalSource  # noqa: PLC0415

    scheme, separator, _ = uri.partition("://")
    if not separator:
        return LocalSource(uri)
    if scheme.lower() != "file":
        raise SourceError(f"{uri}: unknown kind of source; known are file:///PATH and a path")
    parts = urlsplit(uri)
    if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
        raise SourceError(f"{uri}: a file has three slashes, as in file:///share/voices")
    return LocalSource(unquote(parts.path))
