"""Whether there is a cluster at an address; Ray itself would try for minutes."""

from __future__ import annotations

import socket
from typing import Final

from hayakoe_engine.errors import SourceUnreachable

KNOCK_S: Final = 5.0


def knock(address: str) -> None:
    """Find out whether anybody is there.

    Args:
        address: ``HOST:PORT`` of the head of a cluster, or ``auto``, where nobody is asked.

    Raises:
        SourceUnreachable: Nobody is.
    """
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()
    except (OSError, OverflowError) as error:
        raise SourceUnreachable(
            f"cannot join the Ray cluster {address}: {error}",
            hint="`ray start --head --port=PORT` begins one",
        ) from error
