"""Wyoming events on a byte stream, with limits.

The framing of the protocol: a JSON object on a line, then the data block and the payload whose
lengths it gives. The reader of the ``wyoming`` library believes any length; this one does not.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from wyoming.event import Event

from hayakoe_engine.errors import RequestError

if TYPE_CHECKING:
    import asyncio

MAX_LINE_BYTES: Final = 65_536
"""Longest header line; the limit to open stream readers with."""

_BLOCK_BYTES = 65_536


class BadEvent(RequestError):
    """What came is no Wyoming event, or it is too large."""

    code = "bad-event"


async def read_event(reader: asyncio.StreamReader, max_bytes: int) -> Event | None:
    """The next event; None at the end of the stream.

    A payload is read and dropped: no event that a speech server understands has one.

    Args:
        reader: Opened with the limit ``MAX_LINE_BYTES``.
        max_bytes: Largest data block and largest payload.

    Raises:
        BadEvent: The stream cannot be followed any further.
        asyncio.IncompleteReadError: It ended within an event.
        ConnectionError: It broke.
    """
    try:
        line = await reader.readline()
    except ValueError as error:
        raise BadEvent(f"an event's first line is longer than {MAX_LINE_BYTES} bytes") from error
    if not line:
        return None
    header = _parse_object(line, "an event's first line")
    kind = header.get("type")
    if not isinstance(kind, str):
        raise BadEvent("an event has no type")
    data = header.get("data") or {}
    if not isinstance(data, dict):
        raise BadEvent("an event's data is no object")
    if length := _length(header, "data_length", max_bytes):
        data |= _parse_object(await reader.readexactly(length), "an event's data")
    remaining = _length(header, "payload_length", max_bytes)
    while remaining:
        remaining -= len(await reader.readexactly(min(remaining, _BLOCK_BYTES)))
    return Event(kind, data)


def _parse_object(text: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadEvent(f"{what} is not JSON") from error
    if not isinstance(value, dict):
        raise BadEvent(f"{what} is no object")
    return value


def _length(header: dict[str, Any], key: str, most: int) -> int:
    length = header.get(key) or 0
    if type(length) is not int or not 0 <= length <= most:
        raise BadEvent(f"an event's {key} is not a number from 0 to {most}")
    return length
