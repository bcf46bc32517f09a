"""Text to audio for every kind of server: chooses the voice, keeps the limits, writes the log."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from hayakoe_engine.audio import Audio
from hayakoe_engine.errors import (
    BusyError,
    EmptyText,
    HayakoeError,
    StyleNotFound,
    TextTooLong,
    VoiceNotFound,
)
from hayakoe_engine.scheduler import Priority
from wyoming_hayakoe.pacing import Pacing
from wyoming_hayakoe.spoken import Spoken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hayakoe_engine.passage import Replacement
    from hayakoe_engine.text.reading import Reading
    from hayakoe_engine.utterance import Markup, Utterance
    from wyoming_hayakoe.pacing import Pacer
    from wyoming_hayakoe.spoken import Observer
    from wyoming_hayakoe.voices import Choice, VoiceBook

_LOG = logging.getLogger(__name__)

NOTHING_SPOKEN_S: Final = 0.2
"""Silence for a text without anything to speak. Clients take no audio at all for a failure, or
keep the empty answer for ever."""

_HOLD_STEP_S: Final = 0.1
_AT_ONCE_S: Final = 0.05
"""Of a text that takes longer to come, it is not known who waited for whom."""


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
        identification: Of the request, for the log; None is a number.
        is_lenient: Whether an unknown voice or style is replaced, with a warning, rather than
            refused: where nobody reads an error, a spoken answer beats silence.
        may_fall_back: Whether the embedded voice may step in.
        max_chars: Characters of its text; None is the limit of whoever speaks.
    """

    voice: str | None = None
    style: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    markup: Markup | None = None
    priority: Priority | None = None
    interface: str
    identification: str | None = None
    is_lenient: bool = False
    may_fall_back: bool = True
    max_chars: int | None = None


class Speech:
    """Speaks for clients.

    Args:
        voices: What may be chosen.
        max_text_chars: Characters of one utterance, unless its request says otherwise.
        log_text: Whether the text may appear in the log.
        fallback_after_s: Time after which the embedded voice says a sentence of which nothing has
            been heard; None leaves the voice that was asked for alone, also when it fails.
        pacing: Knows how long the first sound is to be held.
        observers: Told what is spoken.

    Attributes:
        voices: May be replaced at any time, by a whole one.
        active: Utterances in progress.
    """

    def __init__(
        self,
        voices: VoiceBook,
        *,
        max_text_chars: int,
        log_text: bool = False,
        fallback_after_s: float | None = None,
        pacing: Pacing | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.voices = voices
        self.max_text_chars = max_text_chars
        self.active = 0
        self._log_text = log_text
        self._fallback_after_s = fallback_after_s
        self._pacing = pacing or Pacing()
        self._observers = observers
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
        may_fall_back = request.may_fall_back and self._fallback_after_s is not None
        if not choice.is_ready and not may_fall_back:
            raise BusyError(
                f"voice {choice.name} is being made ready", hint="try again in a minute"
            )
        utterance = choice.speaker.open(
            choice.options.changed(**request.options),
            markup=request.markup,
            priority=priority,
            stand_in=self.voices.embedded if may_fall_back else None,
            deadline_s=None if priority is Priority.BATCH else self._fallback_after_s,
        )
        return Narration(
            utterance,
            choice,
            identification=request.identification or str(next(self._ids)),
            interface=request.interface,
            max_chars=request.max_chars or self.max_text_chars,
            log_text=self._log_text,
            pacing=self._pacing,
            speech=self,
        )

    def find(self, voice: str | None, style: str | None = None) -> Choice:
        """Who would speak for a request of this voice; a priority at its end makes no difference.

        Raises:
            VoiceNotFound: There is no such voice.
            StyleNotFound: The voice has no such style.
        """
        return self.voices.find(_split_priority(voice)[0], style)

    def spoke(self, spoken: Spoken) -> None:
        """An utterance is over: tell the log and the observers."""
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


def _split_priority(voice: str | None) -> tuple[str | None, Priority | None]:
    """A voice's name without the priority at its end, and that priority."""
    name, at, priority = (voice or "").rpartition("@")
    if not at or priority.upper() not in Priority.__members__:
        return voice, None
    return name or None, Priority[priority.upper()]


class Narration:
    """One utterance: push text, finish, and take the audio with ``async for``.

    Close it when you are done; that is also how it is cancelled. Made by ``Speech``.

    Attributes:
        identification: Of the request, as in the log.
    """

    def __init__(
        self,
        utterance: Utterance,
        choice: Choice,
        *,
        identification: str,
        interface: str,
        max_chars: int,
        log_text: bool,
        pacing: Pacing,
        speech: Speech,
    ) -> None:
        self.identification = identification
        self._utterance = utterance
        self._choice = choice
        self._interface = interface
        self._max_chars = max_chars
        self._text: list[str] | None = [] if log_text else None
        self._pacing = pacing
        self._pacer: Pacer | None = None
        self._speech = speech
        self._begun = time.monotonic()
        self._first_audio_s: float | None = None
        self._waiting_s = 0.0
        self._came_at_once = False
        self._outcome = "cancelled"
        self._unspoken_chars = 0
        self._stand_ins = 0
        self._closed = False
        speech.active += 1

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

    @property
    def stand_ins(self) -> int:
        """Sentences so far that the embedded voice has said in place of the chosen one."""
        return self._stand_ins

    def push(self, text: str) -> None:
        """Append text.

        Raises:
            TextTooLong: The utterance would exceed its limit; the text is not taken.
        """
        if self._utterance.characters + len(text) > self._max_chars:
            self._outcome = TextTooLong.code
            raise TextTooLong(f"the text is longer than {self._max_chars} characters")
        if self._pacer is None:
            self._begun = time.monotonic()
            self._pacer = self._pacing.begin(self._choice.name)
        if self._text is not None:
            self._text.append(text)
        self._unspoken_chars += len(text)
        self._utterance.push(text)

    def say(self, reading: Reading) -> None:
        """Speak a sentence as it is read here. Whoever read it keeps the limit of the text."""
        if self._text is not None:
            self._text.append(reading.text)
        self._utterance.say(reading)

    def pause(self, seconds: float) -> None:
        """Be silent for a time."""
        self._utterance.pause(seconds)

    def flush(self) -> None:
        """Speak what has come although its sentence is not complete."""
        if self._unspoken_chars:
            self._unspoken_chars = 0
            self._utterance.flush()

    def finish(self) -> None:
        """Say that all text has come."""
        self._came_at_once = time.monotonic() - self._begun < _AT_ONCE_S
        self._utterance.finish()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Audio:
        """The next window; a short silence if there is nothing to speak at all.

        Raises:
            HayakoeError: Speaking failed.
        """
        asked = time.monotonic()
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
        finally:
            self._waiting_s += time.monotonic() - asked
        self._note_stand_ins()
        if self._first_audio_s is None:
            await self._hold()
            self._first_audio_s = time.monotonic() - self._begun
        return audio

    async def _hold(self) -> None:
        """Wait until playback will not run dry, on machines slower than speech."""
        while self._pacer is not None:
            hold_s = self._pacer.hold_s(self._utterance.audio_s, self._utterance.characters)
            if hold_s <= 0 or not self._utterance.is_speaking:
                return
            step_s = min(hold_s, _HOLD_STEP_S)
            await asyncio.sleep(step_s)
            self._waiting_s += step_s

    def _note_stand_ins(self) -> None:
        """Tell of sentences that were said by the embedded voice since the last time."""
        if not self._choice.is_ready and not self._stand_ins:
            self._stand_ins = 1
            self._speech.stood_in(self.identification, self._choice.name, None)
        told = self._stand_ins - (not self._choice.is_ready)
        for replacement in self._utterance.replacements[told:]:
            self._stand_ins += 1
            self._speech.stood_in(self.identification, self._choice.name, replacement)

    def close(self) -> None:
        """Stop, and tell the log."""
        if self._closed:
            return
        self._closed = True
        self._note_stand_ins()
        self._utterance.close()
        self._speech.active -= 1
        utterance = self._utterance
        if self._outcome == "done" and self._came_at_once and not self._stand_ins:
            self._pacing.learn(
                self._choice.name,
                audio_s=utterance.audio_s,
                work_wall_s=self._waiting_s,
                chars=utterance.characters,
            )
        self._speech.spoke(
            Spoken(
                request=self.identification,
                interface=self._interface,
                voice=self._choice.name,
                characters=utterance.characters,
                queue_ms=_ms(utterance.queue_s),
                ttfa_ms=_ms(self._first_audio_s),
                audio_s=round(utterance.audio_s, 2),
                rtf=round(utterance.work_s / utterance.audio_s, 3) if utterance.audio_s else None,
                stand_ins=self._stand_ins,
                outcome=self._outcome,
                text=None if self._text is None else "".join(self._text),
            )
        )


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
