"""How far a fetch has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FetchProgress:
    """A moment of a fetch; there is at least one for the beginning and one for the end of a file.

    Attributes:
        source: URI of the source.
        prefix: What is fetched.
        file: The file that is arriving, below the prefix.
        file_bytes: What is here of it. More than 0 at the beginning if a fetch is resumed.
        file_size_bytes: Its size; as much as ``file_bytes`` once it is complete.
        done_bytes: What is here of everything under the prefix.
        total_bytes: The size of everything under the prefix.
    """

    source: str
    prefix: str
    file: str
    file_bytes: int
    file_size_bytes: int
    done_bytes: int
    total_bytes: int
