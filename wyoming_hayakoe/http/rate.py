"""How often one client may ask."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from typing import Final

from wyoming_hayakoe.http.errors import TooManyRequests

MAX_CLIENTS: Final = 10_000
"""Clients that are remembered; who has not asked for longest is forgotten first."""


class RateLimit:
    """Lets every client ask as often as is allowed for a minute, all at once if it likes.

    Args:
        per_minute: Requests; 0 is no limit.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count(self, client: str) -> None:
        """Take one request of the client into account.

        Raises:
            TooManyRequests: It is one too many.
        """
        if not self._per_minute:
            return
        now = time.monotonic()
        left, then = self._left.pop(client, (float(self._per_minute), now))
        left = min(left + (now - then) * self._per_minute / 60, self._per_minute)
        is_allowed = left >= 1
        self._left[client] = (left - is_allowed, now)
        if len(self._left) > MAX_CLIENTS:
            self._left.popitem(last=False)
        if not is_allowed:
            wait_s = math.ceil((1 - left) * 60 / self._per_minute)
            raise TooManyRequests(
                f"more than {self._per_minute} requests in a minute", retry_after_s=wait_s
            )
