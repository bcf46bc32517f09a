"""Asking again, with pauses, but not for ever."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, TypeVar

from hayakoe_engine.errors import SourceError, SourceUnreachable
from hayakoe_engine.sources.remote import TryAgain

if TYPE_CHECKING:
    from collections.abc import Callable

    from hayakoe_engine.sources.access import SourceAccess

_LOG = logging.getLogger(__name__)

T = TypeVar("T")


class Attempts:
    """The failures in a row of one undertaking.

    Args:
        access: Says how many there may be, and how long the pauses are.
        source: What is asked, for messages.
        limit_s: Time after the beginning in which the last attempt must begin, unless the other
            side itself asks for a pause; None is no limit.
    """

    def __init__(self, access: SourceAccess, source: str, *, limit_s: float | None = None) -> None:
        self._access = access
        self._patience = access.patience
        self._source = source
        self._limit_s = limit_s
        self._begun_s = time.monotonic()
        self._failed = 0

    def wait_after(self, failure: TryAgain) -> None:
        """Pause before the next attempt.

        Raises:
            SourceUnreachable: There shall be none.
            SourceError: It is to break off.
        """
        self._failed += 1
        patience = self._patience
        pause_s = patience.first_delay_s * 2 ** (self._failed - 1)
        if self._failed >= patience.attempts or self._is_too_late(failure, pause_s):
            attempts = "1 attempt" if self._failed == 1 else f"{self._failed} attempts"
            raise SourceUnreachable(
                f"{self._source}: {failure}, after {attempts}",
                hint="try again later; what has arrived is kept",
            ) from failure
        if failure.after_s is not None:
            if failure.after_s > patience.longest_delay_s:
                raise SourceUnreachable(
                    f"{self._source}: {failure}", hint=f"try again in {failure.after_s:.0f} s"
                ) from failure
            pause_s = max(pause_s, failure.after_s)
        pause_s = min(pause_s, patience.longest_delay_s)
        _LOG.warning("%s: %s; trying again in %.0f s", self._source, failure, pause_s)
        self._access.stop.wait(pause_s)
        check_wanted(self._access, self._source)

    def _is_too_late(self, failure: TryAgain, pause_s: float) -> bool:
        if self._limit_s is None or failure.after_s is not None:
            return False
        return time.monotonic() + pause_s > self._begun_s + self._limit_s

    def succeeded(self) -> None:
        """Start counting anew: something was achieved."""
        self._failed = 0


def persist(
    action: Callable[[], T], access: SourceAccess, source: str, *, limit_s: float | None = None
) -> T:
    """What an action gives, tried as often as patience allows.

    Args:
        action: What is tried.
        access: Says how often.
        source: What is asked, for messages.
        limit_s: As for ``Attempts``.

    Raises:
        SourceUnreachable: It never worked.
        SourceError: It is to break off.
    """
    attempts = Attempts(access, source, limit_s=limit_s)
    while True:
        try:
            return action()
        except TryAgain as failure:
            attempts.wait_after(failure)


def check_wanted(access: SourceAccess, source: str) -> None:
    """Make sure that nobody wants a fetch to break off.

    Raises:
        SourceError: Somebody does.
    """
    if access.stop.is_set():
        raise SourceError(f"{source}: broken off", hint="what has arrived is kept")
