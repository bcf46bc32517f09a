"""What is on the other side of a network: listed, read from any byte on, and added to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from _hashlib import HASH
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a file's content must have.

    Attributes:
        kind: How it is computed: ``git-sha1`` is that of a blob in git, which has a header.
        digest: Hexadecimal digits, in lower case.
    """

    kind: Literal["sha256", "git-sha1", "md5"]
    digest: str

    def start(self, size_bytes: int) -> HASH:
        """A hash of nothing yet, for a content of this size."""
        if self.kind == "sha256":
            return hashlib.sha256()
        if self.kind == "md5":
            return hashlib.md5(usedforsecurity=False)
        return hashlib.sha1(b"blob %d\0" % size_bytes, usedforsecurity=False)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that a remote offers.

    Attributes:
        path: Below the prefix, with slashes.
        size_bytes: Its size.
        version: Changes whenever the content does, as far as the remote can tell.
        checksum: None where the remote knows none.
    """

    path: str
    size_bytes: int
    version: str
    checksum: Checksum | None


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies under a prefix at one moment.

    Attributes:
        revision: Names that moment.
        files: In no particular order.
    """

    revision: str
    files: tuple[RemoteFile, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """Content that is arriving.

    Attributes:
        start: Number of the first byte that arrives: what was asked for, or 0.
        chunks: The bytes from there on, perhaps not to the end.
    """

    start: int
    chunks: Iterator[bytes]


class TryAgain(Exception):
    """It did not work this time, which means nothing for the next.

    Attributes:
        after_s: Pause that the other side asks for, in seconds; None if it does not say.
    """

    def __init__(self, message: str, *, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class ContentChanged(Exception):
    """What was listed is not there any more; something else is."""


class Remote(Protocol):
    """A kind of source that needs a network; one class for each.

    Methods may be called from several threads at once.
    """

    @property
    def uri(self) -> str:
        """The source's URI in its one canonical form, without anything secret."""
        ...

    def list_files(self, prefix: str) -> Listing:
        """Everything that lies under a prefix now, at least one file.

        Raises:
            TryAgain: It did not work this time.
            SourceError: It will not work another time either.
        """
        ...

    def read(
        self, prefix: str, listing: Listing, file: RemoteFile, start: int
    ) -> AbstractContextManager[Body]:
        """The content of a listed file from this byte on, as it is read from ``chunks``.

        Raises:
            TryAgain: It did not work this time; also while the chunks are read.
            ContentChanged: There is something else now.
            SourceError: It will not work another time either.
        """
        ...

    def upload(self, prefix: str, local_dir: Path) -> None:
        """As for ``Source``.

        Raises:
            TryAgain: It did not work this time.
            SourceError: It will not work another time either.
        """
        ...
