"""A sentence on its way through the scheduler, and who else may say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    from hayakoe_engine.window import Window

    Made: TypeAlias = NDArray[np.float32] | Window
    Windows: TypeAlias = Iterator[Made]


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """A sentence that is to be spoken.

    Attributes:
        text: What it says, as it was written.
        begin: Begins to make its windows.
        instead: Begins to make the windows of a voice that stands in, if the first one fails or
            takes too long; None if nobody does.
    """

    text: str
    begin: Callable[[], Windows]
    instead: Callable[[], Windows] | None = None


@dataclass(frozen=True, slots=True)
class Replacement:
    """A sentence that another voice has said, or that was broken off.

    Attributes:
        text: Of the sentence.
        reason: What was wrong; None if nothing was heard of it in time.
        is_lost: Whether the rest of it was left out, because its beginning had gone out already.
    """

    text: str
    reason: Exception | None
    is_lost: bool


class Source:
    """What windows are taken from: a piece of work, or a sentence that it has come to.

    All of it is used with the lock of the scheduler held, but for ``advance``.

    Attributes:
        number: Place in the order of the request.
        asked_at: When it was asked for, on the scheduler's clock.
        passage: The sentence; None for a piece of work.
        is_stand_in: Whether it is the other voice that makes it.
        has_begun: Whether a window of it has been taken from it.
        went_out: Whether audio of it has been given to the consumer.
        is_advancing: Whether a worker is in ``advance``.
        is_dropped: Whether nobody wants it any more.
    """

    def __init__(
        self,
        begin: Callable[[], Iterator[Made | Passage]],
        number: int,
        asked_at: float,
        passage: Passage | None = None,
        *,
        is_stand_in: bool = False,
    ) -> None:
        self._begin = begin
        self._iterator: Iterator[Made | Passage] | None = None
        self.number = number
        self.asked_at = asked_at
        self.passage = passage
        self.is_stand_in = is_stand_in
        self.has_begun = False
        self.went_out = False
        self.is_advancing = False
        self.is_dropped = False

    @property
    def has_other_voice(self) -> bool:
        """Whether there is another voice for it."""
        return (
            self.passage is not None and self.passage.instead is not None and not self.is_stand_in
        )

    @property
    def can_be_replaced(self) -> bool:
        """Whether the other voice could say it from its beginning."""
        return self.has_other_voice and not self.went_out

    def advance(self) -> Made | Passage | None:
        """What comes next; None at its end. Called by one worker at a time, without the lock."""
        if self._iterator is None:
            self._iterator = self._begin()
        return next(self._iterator, None)

    def close(self) -> None:
        """Let it clean up; nobody may be in ``advance``."""
        close = getattr(self._iterator, "close", None)
        self._iterator = None
        if close is not None:
            close()
