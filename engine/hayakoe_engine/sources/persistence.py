"""Asking again, with pauses, but not for ever."""

from __future__ import annotations

import logging
from time import sleep
from typing import TYPE_CHECKING, TypeVar

from hayakoe_engine.errors import SourceUnreachable
from hayakoe_engine.sources.remote import TryAgain

if TYPE_CHECKING:
    from collections.abc import Callable

    from hayakoe_engine.sources.access import Patience

_LOG = logging.getLogger(__name__)

T = TypeVar("T")


class Attempts:
    """The failures in a row of one undertaking.

    Args:
        patience: How many there may be, and how long the pauses are.
        source: What is asked, for messages.
    """

    def __init__(self, patience: Patience, source: str) -> None:
        self._patience = patience
        self._source = source
        self._failed = 0

    def wait_after(self, failure: TryAgain) -> None:
        """Pause before the next attempt.

        Raises:
            SourceUnreachable: There shall be none.
        """
        self._failed += 1
        patience = self._patience
        if self._failed >= patience.attempts:
            raise SourceUnreachable(
                f"{self._source}: {failure}, after {self._failed} attempts",
                hint="try again later; what has arrived is kept",
            ) from failure
        pause_s = patience.first_delay_s * 2 ** (self._failed - 1)
        if failure.after_s is not None:
            if failure.after_s > patience.longest_delay_s:
                raise SourceUnreachable(
                    f"{self._source}: {failure}", hint=f"try again in {failure.after_s:.0f} s"
                ) from failure
            pause_s = max(pause_s, failure.after_s)
        pause_s = min(pause_s, patience.longest_delay_s)
        _LOG.warning("%s: %s; trying again in %.0f s", self._source, failure, pause_s)
        sleep(pause_s)

    def succeeded(self) -> None:
        """Start counting anew: something was achieved."""
        self._failed = 0


def persist(action: Callable[[], T], patience: Patience, source: str) -> T:
    """What an action gives, tried as often as patience allows.

    Raises:
        SourceUnreachable: It never worked.
    """
    attempts = Attempts(patience, source)
    while True:
        try:
            return action()
        except TryAgain as failure:
            attempts.wait_after(failure)
