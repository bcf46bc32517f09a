"""Text to audio for every kind of server: chooses the voice, keeps the limits, writes the log."""

from __future__ import annotations

import itertools
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from hayakoe_engine.audio import Audio
from hayakoe_engine.errors import (
    EmptyText,
    HayakoeError,
    StyleNotFound,
    TextTooLong,
    VoiceNotFound,
)
from hayakoe_engine.scheduler import Priority

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hayakoe_engine.utterance import Markup, Utterance
    from wyoming_hayakoe.voices import Choice, VoiceBook

_LOG = logging.getLogger(__name__)

NOTHING_SPOKEN_S: Final = 0.2
"""Silence for a text without anything to speak. Clients take no audio at all for a failure, or
keep the empty answer for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asks for.

    Attributes:
        voice: Name of the choice; None is the default one. It may end with a priority:
            ``mei@alarm``.
        style: One of the voice's styles; None is the voice's own.
        options: Names and values of ``SynthesisOptions`` that the client sets itself.
        markup: What its text is, other than plain.
        priority: Who goes first; None is what the voice's name says, or else interactive.
        interface: By which way it came, for the log and the metrics: ``wyoming``, ``rest``…
        is_lenient: Whether an unknown voice or style is replaced, with a warning, rather than
            refused: where nobody reads an error, a spoken answer beats silence.
        may_fall_back: Whether the embedded voice may step in.
    """

    voice: str | None = None
    style: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    markup: Markup | None = None
    priority: Priority | None = None
    interface: str
    is_lenient: bool = False
    may_fall_back: bool = True


class Speech:
    """Speaks for clients.

    Args:
        voices: What may be chosen.
        max_text_chars: Characters of one utterance.
        log_text: Whether the text may appear in the log.
    """

    def __init__(self, voices: VoiceBook, *, max_text_chars: int, log_text: bool = False) -> None:
        self.voices = voices
        self.max_text_chars = max_text_chars
        self._log_text = log_text
        self._ids = itertools.count(1)

    def begin(self, request: Request) -> Narration:
        """Begin an utterance.

        Raises:
            VoiceNotFound: There is no such voice, and the request is not lenient.
            StyleNotFound: The voice has no such style, and the request is not lenient.
            BadOption: An option is unknown or out of range, or the voice has no such speaker.
            BusyError: Too many utterances at once.
        """
        choice, priority = self._choose(request)
        utterance = choice.speaker.open(
            choice.options.changed(**request.options), markup=request.markup, priority=priority
        )
        return Narration(next(self._ids), choice, utterance, self.max_text_chars, self._log_text)

    def _choose(self, request: Request) -> tuple[Choice, Priority]:
        name, named_priority = _split_priority(request.voice)
        wishes = (request.priority, named_priority, Priority.INTERACTIVE)
        priority = next(wish for wish in wishes if wish is not None)
        try:
            return self.voices.find(name, request.style), priority
        except VoiceNotFound as error:
            if not request.is_lenient:
                raise
            choice = self.voices.default
            _LOG.warning("%s; the default voice %s speaks", error, choice.name)
        except StyleNotFound as error:
            if not request.is_lenient:
                raise
            choice = self.voices.find(name)
            _LOG.warning("%s; it speaks in its own", error)
        return choice, priority


def _split_priority(voice: str | None) -> tuple[str | None, Priority | None]:
    """A voice's name without the priority at its end, and that priority."""
    name, at, priority = (voice or "").rpartition("@")
    if not at or priority.upper() not in Priority.__members__:
        return voice, None
    return name or None, Priority[priority.upper()]


class Narration:
    """One utterance: push text, finish, and take the audio with ``async for``.

    Close it when you are done; that is also how it is cancelled.
    """

    def __init__(
        self, number: int, choice: Choice, utterance: Utterance, max_chars: int, log_text: bool
    ) -> None:
        self._number = number
        self._choice = choice
        self._utterance = utterance
        self._max_chars = max_chars
        self._text: list[str] | None = [] if log_text else None
        self._begun = time.monotonic()
        self._first_audio_s: float | None = None
        self._outcome = "cancelled"
        self._unspoken_chars = 0
        self._closed = False

    @property
    def choice(self) -> Choice:
        """Who speaks, and how."""
        return self._choice

    @property
    def sample_rate_hz(self) -> int:
        """Rate of all its audio."""
        return self._utterance.sample_rate_hz

    @property
    def is_speaking(self) -> bool:
        """Whether there is audio to be made or to be taken, without further text."""
        return self._utterance.is_speaking

    def push(self, text: str) -> None:
        """Append text.

        Raises:
            TextTooLong: The utterance would exceed its limit; the text is not taken.
        """
        if self._utterance.characters + len(text) > self._max_chars:
            self._outcome = TextTooLong.code
            raise TextTooLong(f"the text is longer than {self._max_chars} characters")
        if not self._utterance.characters:
            self._begun = time.monotonic()
        if self._text is not None:
            self._text.append(text)
        self._unspoken_chars += len(text)
        self._utterance.push(text)

    def flush(self) -> None:
        """Speak what has come although its sentence is not complete."""
        if self._unspoken_chars:
            self._unspoken_chars = 0
            self._utterance.flush()

    def finish(self) -> None:
        """Say that all text has come."""
        self._utterance.finish()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Audio:
        """The next window; a short silence if there is nothing to speak at all.

        Raises:
            HayakoeError: Speaking failed.
        """
        try:
            audio = await anext(self._utterance)
        except StopAsyncIteration:
            self._outcome = "done"
            raise
        except EmptyText:
            return Audio.silence(NOTHING_SPOKEN_S, self.sample_rate_hz)
        except HayakoeError as error:
            self._outcome = error.code
            raise
        if self._first_audio_s is None:
            self._first_audio_s = time.monotonic() - self._begun
        return audio

    def close(self) -> None:
        """Stop, and write the utterance's line into the log."""
        if self._closed:
            return
        self._closed = True
        self._utterance.close()
        audio_s, work_s = self._utterance.audio_s, self._utterance.work_s
        fields = {
            "utterance": self._number,
            "voice": self._choice.name,
            "characters": self._utterance.characters,
            "ttfa_ms": None if self._first_audio_s is None else round(self._first_audio_s * 1000),
            "audio_s": round(audio_s, 2),
            "rtf": round(work_s / audio_s, 3) if audio_s else None,
            "outcome": self._outcome,
        }
        if self._text is not None:
            fields["text"] = "".join(self._text)
        line = " ".join(f"{key}={value}" for key, value in fields.items() if value is not None)
        _LOG.info("spoke: %s", line, extra={"fields": fields})
