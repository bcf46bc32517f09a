"""What is known of an utterance when it is over, for the log and the metrics."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from hayakoe_engine.errors import HayakoeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hayakoe_engine.passage import Replacement

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """An utterance that is over.

    Attributes:
        request: Its identification, also in other lines of the log.
        interface: By which way it came.
        voice: Name of the choice.
        characters: Length of its text.
        queue_ms: Time before anybody began to work on it; None if nobody did.
        ttfa_ms: Time to first audio; None if there was none.
        audio_s: Audio that was made.
        rtf: Real-time factor: processing time by the length of the audio; None if there was none.
        stand_ins: Sentences that the embedded voice said in place of the chosen one.
        outcome: ``done``, ``cancelled``, or the code of the error that ended it.
        text: What was said; None as it is private.
    """

    request: str
    interface: str
    voice: str
    characters: int
    queue_ms: int | None
    ttfa_ms: int | None
    audio_s: float
    rtf: float | None
    stand_ins: int
    outcome: str
    text: str | None = None

    def fields(self) -> dict[str, object]:
        """What there is to be told."""
        fields = asdict(self)
        if not self.stand_ins:
            del fields["stand_ins"]
        return {key: value for key, value in fields.items() if value is not None}

    def line(self) -> str:
        """The same for people."""
        return " ".join(f"{key}={value}" for key, value in self.fields().items())


class Observer(Protocol):
    """Told what is spoken, on the event loop; must not block."""

    def spoke(self, spoken: Spoken) -> None:
        """An utterance is over."""
        ...

    def stood_in(self, voice: str, reason: str) -> None:
        """The embedded voice has said a sentence in place of this one.

        Args:
            voice: The choice.
            reason: ``loading``, ``late``, or the code of an error.
        """
        ...


class Notices:
    """Tells the log, and who else wants to know.

    Args:
        observers: Told what is spoken; more may be added.
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def spoke(self, spoken: Spoken) -> None:
        """An utterance is over."""
        _LOG.info("spoke: %s", spoken.line(), extra={"fields": spoken.fields()})
        for observer in self._observers:
            observer.spoke(spoken)

    def stood_in(self, request: str, voice: str, replacement: Replacement | None) -> None:
        """The embedded voice has said a sentence; without a replacement, all of them."""
        reason, why = _reason(replacement)
        lost = (
            ", and the rest of that sentence is lost" if replacement and replacement.is_lost else ""
        )
        _LOG.warning(
            "the embedded voice speaks for %s, which %s%s (request %s)", voice, why, lost, request
        )
        for observer in self._observers:
            observer.stood_in(voice, reason)


def _reason(replacement: Replacement | None) -> tuple[str, str]:
    """Why another voice spoke, for metrics and for people."""
    if replacement is None:
        return "loading", "is not ready yet"
    match replacement.reason:
        case None:
            return "late", "was not heard in time"
        case HayakoeError(code=code) as error:
            return code, f"failed: {error}"
        case error:
            return HayakoeError.code, f"failed: {error}"
