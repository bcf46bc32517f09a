"""When the first sound may leave, so that playback does not run dry on a slow machine.

A machine that takes longer to make audio than audio takes to play falls behind while it is heard.
What it will fall behind can be waited for before the first sound, as far as the listener waits.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

START_LIMIT_S: Final = 1.5
"""From the text to the first sound, if it is held. Satellites give up a sound that they do not
hear within 2 s; what is left is for Home Assistant and the network."""

PIECE_S: Final = 1.0
"""Audio that comes at once, at most; no neural voice makes longer windows."""

HALF_LIFE_S: Final = 30.0
"""Audio after which what was measured before counts half."""

_NOT_MADE_RTF: Final = 0.02
"""What comes faster than this was remembered, and says nothing about how fast it is made."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a voice speaks on this machine.

    Attributes:
        rtf: Real-time factor: seconds by the clock that a second of audio takes to be made.
        chars_per_s: Characters of text in a second of audio.
    """

    rtf: float
    chars_per_s: float


def preroll_s(
    pace: Pace, made_audio_s: float, chars: int, elapsed_s: float, piece_s: float = PIECE_S
) -> float:
    """How long playback must wait from now on so that it does not run dry.

    Args:
        pace: Of the voice.
        made_audio_s: Audio that there is already.
        chars: Length of the text, as far as it is known.
        elapsed_s: Since work on it began. Audio that was made faster than the voice's pace is not
            being made at that pace: it was remembered, or the machine has less to do now.
        piece_s: Audio that comes at once, at most. It is heard when the last of it is made.

    Returns:
        0 if the audio is made as fast as it plays.
    """
    rtf = pace.rtf if not made_audio_s else min(pace.rtf, elapsed_s / made_audio_s)
    if rtf < 1.0:
        return 0.0
    remaining_s = max(0.0, chars / pace.chars_per_s - made_audio_s)
    return max(0.0, (rtf - 1.0) * remaining_s - made_audio_s + min(piece_s, remaining_s))


class Pacing:
    """Knows the pace of every voice; for one thread, such as that of an event loop.

    Args:
        limit_s: Nothing is held longer than until so long after its text has come.
        piece_s: Audio that comes at once, at most.
        clock: Seconds since whenever.
    """

    def __init__(
        self,
        limit_s: float = START_LIMIT_S,
        *,
        piece_s: float = PIECE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit_s = limit_s
        self._piece_s = piece_s
        self._clock = clock
        self._measured: dict[str, _Measured] = {}

    def pace(self, voice: str) -> Pace | None:
        """The pace of a voice; None if nothing has been learnt of it."""
        measured = self._measured.get(voice)
        return None if measured is None else measured.pace

    def begin(self, voice: str) -> Pacer:
        """An utterance whose text begins to come now."""
        return Pacer(self.pace(voice), self._limit_s, self._piece_s, self._clock)

    def learn(self, voice: str, *, audio_s: float, work_wall_s: float, chars: int) -> None:
        """Take an utterance that was spoken to its end into account.

        Args:
            voice: Who spoke. One that speaks at another speed is another voice.
            audio_s: Audio that was made.
            work_wall_s: Time by the clock in which it was being made; not that in which there was
                no text to go on with, or nobody took the audio.
            chars: Length of its text.
        """
        if audio_s <= 0 or not chars or work_wall_s < audio_s * _NOT_MADE_RTF:
            return
        before = self._measured.get(voice, _Measured())
        self._measured[voice] = before.and_then(audio_s, work_wall_s, chars)


class Pacer:
    """Holds the first sound of one utterance; made by ``Pacing``.

    >>> while (hold_s := pacer.hold_s(utterance.audio_s, utterance.characters)) > 0:
    ...     await asyncio.sleep(min(hold_s, 0.1))  # there may be more, or more text, by then
    """

    def __init__(
        self, pace: Pace | None, limit_s: float, piece_s: float, clock: Callable[[], float]
    ) -> None:
        self._pace = pace
        self._limit_s = limit_s
        self._piece_s = piece_s
        self._clock = clock
        self._begun_s = clock()

    def hold_s(self, made_audio_s: float, chars: int) -> float:
        """How long the first sound is to be held from now on; nothing is if the pace is unknown.

        Args:
            made_audio_s: Audio that has been made by now.
            chars: Length of the text that has come by now.
        """
        if self._pace is None:
            return 0.0
        elapsed_s = self._clock() - self._begun_s
        needed_s = preroll_s(self._pace, made_audio_s, chars, elapsed_s, self._piece_s)
        return max(0.0, min(needed_s, self._limit_s - elapsed_s))


@dataclass(frozen=True, slots=True)
class _Measured:
    """Sums over utterances, the older ones less and less."""

    audio_s: float = 0.0
    work_wall_s: float = 0.0
    chars: float = 0.0

    def and_then(self, audio_s: float, work_wall_s: float, chars: int) -> _Measured:
        kept = 0.5 ** (audio_s / HALF_LIFE_S)
        return _Measured(
            audio_s=kept * self.audio_s + audio_s,
            work_wall_s=kept * self.work_wall_s + work_wall_s,
            chars=kept * self.chars + chars,
        )

    @property
    def pace(self) -> Pace:
        return Pace(self.work_wall_s / self.audio_s, self.chars / self.audio_s)
