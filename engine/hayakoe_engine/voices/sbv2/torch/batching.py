"""What several sentences ask of a device at the same moment is computed at once.

Whoever comes while nothing is computed is served alone, at once: nobody waits for company. What is
asked for meanwhile gathers, and what of it can be computed together is, next.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_In = TypeVar("_In")
_Out = TypeVar("_Out")

_AnyTicket: TypeAlias = "_Ticket[Any, Any]"

MAX_ROWS: Final = 32
"""Of one batch."""
MOST_PADDING: Final = 2
"""A row is not computed with one that is more than so many times as long."""


class Gate:
    """The way to a device: one batch at a time, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._waiting: deque[_AnyTicket] = deque()
        self._is_busy = False

    def enter(self, ticket: _AnyTicket) -> list[_AnyTicket]:
        """Wait; returns what is to be computed now, nothing if somebody else has done it."""
        with self._turn:
            self._waiting.append(ticket)
            while not ticket.is_done and (self._is_busy or self._waiting[0] is not ticket):
                self._turn.wait()
            if ticket.is_done:
                return []
            batch = ticket.batcher.choose(self._waiting)
            self._waiting = deque(other for other in self._waiting if other not in batch)
            self._is_busy = True
            return batch

    def leave(self, batch: Sequence[_AnyTicket]) -> None:
        """Say that a batch is done."""
        with self._turn:
            for ticket in batch:
                ticket.is_done = True
            self._is_busy = False
            self._turn.notify_all()


class Batcher(Generic[_In, _Out]):
    """A computation of which rows can be batched. May be called from many threads at once.

    Args:
        gate: Of the device it runs on.
        run: Computes rows together.
        length_of: How long a row is; shorter ones are padded.
        max_cells: Rows times the longest of them, of one batch.
    """

    def __init__(
        self,
        gate: Gate,
        run: Callable[[Sequence[_In]], Sequence[_Out]],
        length_of: Callable[[_In], int],
        *,
        max_cells: int,
    ) -> None:
        self._gate = gate
        self._run = run
        self._length_of = length_of
        self._max_cells = max_cells

    def __call__(self, row: _In) -> _Out:
        """Compute a row, with others if others are asked for now."""
        ticket = _Ticket(self, row, self._length_of(row))
        batch = self._gate.enter(ticket)
        if batch:
            try:
                self._compute(batch)
            finally:
                self._gate.leave(batch)
        if isinstance(ticket.outcome, Exception):
            raise ticket.outcome
        return cast("_Out", ticket.outcome)

    def choose(self, waiting: Sequence[_AnyTicket]) -> list[_AnyTicket]:
        """The first that waits, which is one of these rows, and what can be computed with it."""
        batch = [waiting[0]]
        shortest = longest = batch[0].length
        for ticket in list(waiting)[1:]:
            if ticket.batcher is not self or len(batch) == MAX_ROWS:
                continue
            new_shortest, new_longest = min(shortest, ticket.length), max(longest, ticket.length)
            fits = (len(batch) + 1) * new_longest <= self._max_cells
            if fits and new_longest <= MOST_PADDING * new_shortest:
                batch.append(ticket)
                shortest, longest = new_shortest, new_longest
        return batch

    def _compute(self, batch: Sequence[_AnyTicket]) -> None:
        try:
            outcomes = self._run([ticket.row for ticket in batch])
        except Exception as failure:  # noqa: BLE001 - whoever asked for the row gets it
            if len(batch) == 1:
                batch[0].outcome = failure
                return
        else:
            for ticket, outcome in zip(batch, outcomes, strict=True):
                ticket.outcome = outcome
            return
        # A row that cannot be computed, or memory for one batch of this size: the others must not
        # suffer for it. By now the error is gone, and what it held.
        for ticket in batch:
            self._compute([ticket])


def alone(gate: Gate, work: Callable[[], _Out]) -> _Out:
    """Do something on a device while nobody computes there."""
    each: Batcher[Callable[[], _Out], _Out] = Batcher(
        gate, lambda works: [one() for one in works], lambda _: 1, max_cells=1
    )
    return each(work)


class _Ticket(Generic[_In, _Out]):
    """A row that is asked for.

    Attributes:
        batcher: Computes it.
        row: What is computed.
        length: Of it.
        outcome: What came of it, be it an error.
        is_done: Whether something has.
    """

    def __init__(self, batcher: Batcher[_In, _Out], row: _In, length: int) -> None:
        self.batcher = batcher
        self.row = row
        self.length = length
        self.outcome: _Out | Exception | None = None
        self.is_done = False
