"""What the rest of the engine may know of a voice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from hayakoe_engine.text.delivery import Delivery, MoraDelivery

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from hayakoe_engine.options import SynthesisOptions
    from hayakoe_engine.text.reading import Reading
    from hayakoe_engine.window import Window

ORDINARY_VOWEL_S: Final = 0.09
ORDINARY_CONSONANT_S: Final = 0.06
ORDINARY_PAUSE_S: Final = 0.3
"""What is said of a voice that does not know how long it speaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceInfo:
    """Facts about a voice.

    Attributes:
        name: What programs call it; ASCII, never changes.
        title: What people call it, in Japanese.
        sample_rate_hz: Rate of the audio it makes.
        licence: Name of the licence of the voice.
        credit: What must be said when its audio is published.
        url: Where the voice comes from.
        version: Of the voice data.
        languages: BCP 47 tags.
        styles: Names of its styles, its own first; empty if it has one only.
        speakers: How many speakers it has.
        precision: How a neural voice computes: "exact", "balanced" or "fast"; None for others.
        ignored_options: Names of the ``SynthesisOptions`` that change nothing.
    """

    name: str
    title: str
    sample_rate_hz: int
    licence: str
    credit: str
    url: str
    version: str
    languages: tuple[str, ...] = ("ja",)
    styles: tuple[str, ...] = ()
    speakers: int = 1
    precision: str | None = None
    ignored_options: frozenset[str] = frozenset()


class Voice(Protocol):
    """A voice: from a reading to audio. Its methods may be called from many threads at once."""

    @property
    def info(self) -> VoiceInfo:
        """Facts about the voice; the same object for its whole life."""
        ...

    def begin(
        self, reading: Reading, options: SynthesisOptions, rng: np.random.Generator
    ) -> Iterator[NDArray[np.float32] | Window]:
        """Speak one sentence, window by window.

        Every ``next()`` is one bounded piece of work, run by any one thread at a time. All
        randomness comes from ``rng``. The sentence ends with its pause, which is exact if the
        reading says how long it is.

        Returns:
            An iterator of samples at ``info.sample_rate_hz``, float32 ``[n]``, or of windows that
            are still to be made, by any thread, also several at once. No samples, ``[0]``, only
            let other requests go first.
        """
        ...

    def close(self) -> None:
        """Free what the voice holds; no sentence is in progress."""
        ...


@runtime_checkable
class MeasurableVoice(Protocol):
    """A voice that can tell how long it will speak each mora, and be told otherwise."""

    def measure(
        self, reading: Reading, options: SynthesisOptions, rng: np.random.Generator
    ) -> Generator[NDArray[np.float32], None, Delivery]:
        """How it would deliver a reading at normal speed.

        Work is done as in ``Voice.begin``, but no samples come of it. Given back within the
        reading, with the same options and random numbers, the delivery changes nothing.
        """
        ...


@runtime_checkable
class RememberingVoice(Protocol):
    """A voice that may say a sentence as it has said it before."""

    @property
    def identity(self) -> str:
        """Differs from that of every voice that sounds otherwise."""
        ...


@runtime_checkable
class DistantVoice(Protocol):
    """A voice that speaks elsewhere, where sentences of others wait, too."""

    def begin_for(
        self, priority: int, reading: Reading, options: SynthesisOptions, rng: np.random.Generator
    ) -> Iterator[NDArray[np.float32] | Window]:
        """As ``Voice.begin``.

        Args:
            priority: Who goes first there, as of the scheduler.
            reading: How the sentence is read.
            options: How it is spoken.
            rng: Source of all randomness.
        """
        ...


def measure(
    voice: Voice, reading: Reading, options: SynthesisOptions, rng: np.random.Generator
) -> Generator[NDArray[np.float32], None, Delivery]:
    """As ``MeasurableVoice.measure``; of another voice ordinary lengths, which it will ignore."""
    if isinstance(voice, MeasurableVoice):
        return (yield from voice.measure(reading, options, rng))
    moras = tuple(
        MoraDelivery(ORDINARY_VOWEL_S, ORDINARY_CONSONANT_S if len(phones) > 1 else None)
        for phones in reading.mora_phones
    )
    pauses = sum(phrase.pause_after for phrase in reading.accent_phrases)
    return Delivery(moras, (ORDINARY_PAUSE_S,) * pauses)
