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
    BadOption,
    BusyError,
    EmptyText,
    HayakoeError,
    StyleNotFound,
    TextTooLong,
    VoiceNotFound,
)
from hayakoe_engine.scheduler import MAX_STREAMS, Priority
from wyoming_hayakoe.pacing import Pacing
from wyoming_hayakoe.places import Places
from wyoming_hayakoe.setting_types import MAX_DEADLINE_S, MIN_DEADLINE_S
from wyoming_hayakoe.spoken import Notices, Spoken
from wyoming_hayakoe.voice_suffixes import split_suffixes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        voice: Name of the choice; None is the default one. It may end with a priority and a
            deadline: ``mei@alarm@0.5s``.
        style: One of the voice's styles; None is the voice's own.
        options: Names and values of ``SynthesisOptions`` that the client sets itself.
        markup: What its text is, other than plain.
        priority: Who goes first; None is what the voice's name says, or else interactive.
        interface: By which way it came, for the log and the metrics: ``wyoming``, ``rest``…
        identification: Of the request, for the log; None is a number.
        is_lenient: Whether an unknown voice or style is replaced, with a warning, rather than
            refused: where nobody reads an error, a spoken answer beats silence.
        may_fall_back: Whether the embedded voice may step in.
        deadline_s: It does when nothing has been heard of a sentence for so long; None is what the
            voice's name says, or else the settings.
        max_chars: Characters of its text; None is the limit of whoever speaks.
        client: Who asks, as far as they can be told from others; one does not get all places.
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
    deadline_s: float | None = None
    max_chars: int | None = None
    client: str | None = None


class Speech:
    """Speaks for clients.

    Args:
        voices: What may be chosen.
        max_text_chars: Characters of one utterance, unless its request says otherwise.
        max_utterances: Utterances in progress at once.
        log_text: Whether the text may appear in the log.
        fallback_after_s: Time after which the embedded voice says a sentence of which nothing has
            been heard; None leaves the voice that was asked for alone, also when it fails.
        pacing: Knows how long the first sound is to be held.
        observers: Told what is spoken.

    Attributes:
        voices: May be replaced at any time, by a whole one.
        places: Of the utterances in progress.
    """

    def __init__(
        self,
        voices: VoiceBook,
        *,
        max_text_chars: int,
        max_utterances: int = MAX_STREAMS,
        log_text: bool = False,
        fallback_after_s: float | None = None,
        pacing: Pacing | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.voices = voices
        self.max_text_chars = max_text_chars
        self.places = Places(max_utterances, "utterances in progress")
        self._log_text = log_text
        self._fallback_after_s = fallback_after_s
        self._pacing = pacing or Pacing()
        self._notices = Notices(observers)
        self._ids = itertools.count(1)

    @property
    def active(self) -> int:
        """Utterances in progress."""
        return self.places.taken

    def begin(self, request: Request) -> Narration:
        """Begin an utterance.

        Raises:
            VoiceNotFound: There is no such voice, and the request is not lenient.
            StyleNotFound: The voice has no such style, and the request is not lenient.
            BadOption: An option is unknown or out of range, or the voice has no such speaker.
            BusyError: Too many utterances at once, of all clients or of this one.
        """
        named = split_suffixes(request.voice)
        choice = self._choose(named.name, request)
        wishes = (request.priority, named.priority, Priority.INTERACTIVE)
        priority = next(wish for wish in wishes if wish is not None)
        may_fall_back = request.may_fall_back and self._fallback_after_s is not None
        if not choice.is_ready and not may_fall_back:
            raise BusyError(
                f"voice {choice.name} is being made ready", hint="try again in a minute"
            )
        deadline_s = self._deadline_s(request, named.deadline_s)
        if deadline_s is None and priority is not Priority.BATCH:
            deadline_s = self._fallback_after_s
        self.places.take(request.client)
        try:
            utterance = choice.speaker.open(
                choice.options.changed(**request.options),
                markup=request.markup,
                priority=priority,
                stand_in=self.voices.embedded if may_fall_back else None,
                deadline_s=deadline_s,
            )
        except BaseException:
            self.places.give_back(request.client)
            raise
        return Narration(
            utterance,
            choice,
            identification=request.identification or str(next(self._ids)),
            interface=request.interface,
            client=request.client,
            max_chars=request.max_chars or self.max_text_chars,
            log_text=self._log_text,
            pacing=self._pacing,
            places=self.places,
            notices=self._notices,
        )

    def find(self, voice: str | None, style: str | None = None) -> Choice:
        """Who would speak for a request of this voice; what its name ends with changes nothing.

        Raises:
            VoiceNotFound: There is no such voice.
            StyleNotFound: The voice has no such style.
        """
        return self.voices.find(split_suffixes(voice).name, style)

    def _choose(self, name: str | None, request: Request) -> Choice:
        try:
            return self.voices.find(name, request.style)
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
        return choice

    def _deadline_s(self, request: Request, named_s: float | None) -> float | None:
        """That of the request itself."""
        wanted_s = named_s if request.deadline_s is None else request.deadline_s
        if wanted_s is None or MIN_DEADLINE_S <= wanted_s <= MAX_DEADLINE_S:
            return wanted_s
        complaint = f"a deadline is {MIN_DEADLINE_S:g} to {MAX_DEADLINE_S:g} s, not {wanted_s:g} s"
        if not request.is_lenient:
            raise BadOption(complaint)
        _LOG.warning("%s; that of the settings counts", complaint)
        return None


class Narration:
    """One utterance: push text, finish, and take the audio with ``async for``.

    It closes itself when it is over, before anybody can be told so. Close it otherwise; that is how
    it is cancelled. Made by ``Speech``.

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
        client: str | None,
        max_chars: int,
        log_text: bool,
        pacing: Pacing,
        places: Places,
        notices: Notices,
    ) -> None:
        self.identification = identification
        self._utterance = utterance
        self._choice = choice
        self._interface = interface
        self._client = client
        self._max_chars = max_chars
        self._text: list[str] | None = [] if log_text else None
        self._pacing = pacing
        self._pacer: Pacer | None = None
        self._places = places
        self._notices = notices
        self._begun = time.monotonic()
        self._first_audio_s: float | None = None
        self._waiting_s = 0.0
        self._came_at_once = False
        self._outcome = "cancelled"
        self._unspoken_chars = 0
        self._stand_ins = 0
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
        try:
            audio = await self._wait()
        except EmptyText:
            return Audio.silence(NOTHING_SPOKEN_S, self.sample_rate_hz)
        except (StopAsyncIteration, HayakoeError) as end:
            # Who hears that it is over may ask for the next one, which needs its place.
            self._outcome = end.code if isinstance(end, HayakoeError) else "done"
            self.close()
            raise
        self._note_stand_ins()
        if self._first_audio_s is None:
            await self._hold()
            self._first_audio_s = time.monotonic() - self._begun
        return audio

    async def _wait(self) -> Audio:
        asked = time.monotonic()
        try:
            return await anext(self._utterance)
        finally:
            self._waiting_s += time.monotonic() - asked

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
            self._notices.stood_in(self.identification, self._choice.name, None)
        told = self._stand_ins - (not self._choice.is_ready)
        for replacement in self._utterance.replacements[told:]:
            self._stand_ins += 1
            self._notices.stood_in(self.identification, self._choice.name, replacement)

    def close(self) -> None:
        """Stop, and tell the log."""
        if self._closed:
            return
        self._closed = True
        self._note_stand_ins()
        self._utterance.close()
        self._places.give_back(self._client)
        utterance = self._utterance
        if self._outcome == "done" and self._came_at_once and not self._stand_ins:
            self._pacing.learn(
                self._choice.name,
                audio_s=utterance.audio_s,
                work_wall_s=self._waiting_s,
                chars=utterance.characters,
            )
        self._notices.spoke(
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
