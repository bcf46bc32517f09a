"""A number of places that no client can take all of."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Final

from hayakoe_engine.errors import BusyError

SHARE: Final = 4
"""A client may hold this many times what is free: four fifths of all places if it is alone, less
the more others hold."""


class Places:
    """Places that clients take and give back, such as connections.

    Whoever holds none gets one as long as one is free, and who holds many leaves some free. So a
    client that asks for all it can get, such as a broken one, cannot lock the others out, and one
    that is alone, such as the one of a whole house, has most of them.

    Args:
        most: Places.
        what: What they are, in the plural, for people.

    Attributes:
        taken: Places that are taken.
    """

    def __init__(self, most: int, what: str) -> None:
        self.taken = 0
        self._most = most
        self._what = what
        self._held: Counter[str] = Counter()

    def take(self, client: str | None) -> None:
        """Take a place.

        Args:
            client: Whose it is; None is nobody who could be told from others.

        Raises:
            BusyError: None is free, or the client holds its share already.
        """
        free = self._most - self.taken
        if free < 1:
            raise BusyError(
                f"there are {self._most} {self._what} already", hint="try again in a moment"
            )
        if client is not None:
            held = self._held[client]
            if held and held + 1 > SHARE * free:
                raise BusyError(
                    f"{held} of {self._most} {self._what} are yours already, and the others are "
                    "kept for others",
                    hint="try again when one of yours is over",
                )
            self._held[client] += 1
        self.taken += 1

    def give_back(self, client: str | None) -> None:
        """Give a place back that was taken for this client."""
        self.taken -= 1
        if client is not None:
            self._held[client] -= 1
            if not self._held[client]:
                del self._held[client]


def household(address: str) -> str | None:
    """What an address is counted as: a home has 2^64 addresses of IPv6.

    Returns:
        The address, or its network of IPv6; None if it is none.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return None
    if isinstance(found, IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((int(found), 64), strict=False))
