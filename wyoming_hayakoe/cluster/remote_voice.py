"""A voice that speaks somewhere else."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from hayakoe_engine.errors import BusyError, InferenceFailed
from hayakoe_engine.scheduler import Priority
from hayakoe_engine.voices.sbv2.phones import phones_of
from hayakoe_engine.voices.sbv2.phrase_cache import phrase_key, windows_of
from hayakoe_engine.window import MadeWindow, Window
from wyoming_hayakoe.cluster.sentence import Sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from hayakoe_engine.options import SynthesisOptions
    from hayakoe_engine.text.delivery import Delivery
    from hayakoe_engine.text.reading import Reading
    from hayakoe_engine.voices.sbv2.phrase_cache import PhraseCache
    from hayakoe_engine.voices.voice import VoiceInfo
    from wyoming_hayakoe.cluster.sentence import Description, VoiceReference

_T = TypeVar("_T")

ROUNDS: Final = 3
"""How often all pools are asked for a sentence."""


class ReplicaLost(Exception):
    """A replica ended, or nothing came from it any more; another one may speak."""


class Asks(Protocol):
    """Replicas that may be asked for a sentence."""

    def ask(self, sentence: Sentence) -> Iterator[MadeWindow]:
        """Have it spoken.

        Raises:
            ReplicaLost: Whoever spoke it is gone.
            BusyError: Too many sentences are waiting already.
            HayakoeError: It cannot be spoken.
        """
        ...

    def measure(self, sentence: Sentence) -> Delivery:
        """Have it measured.

        Raises:
            HayakoeError: As ``ask``.
            ReplicaLost: As ``ask``.
        """
        ...


class RemoteVoice:
    """A voice whose sentences replicas speak, or that are remembered here.

    A sentence that breaks off is asked for again. The same sentence gives the same samples, so what
    was heard is left out then.

    Args:
        reference: Which voice.
        description: What a replica says of it.
        pools: Gives the replicas to ask, the preferred first; none if the cluster is not there.
        phrases: Remembers what was said.
        await_pools: Waits until there are replicas to ask, and returns whether there are.
    """

    def __init__(
        self,
        reference: VoiceReference,
        description: Description,
        pools: Callable[[], Sequence[Asks]],
        phrases: PhraseCache,
        await_pools: Callable[[], bool],
    ) -> None:
        self._reference = reference
        self._description = description
        self._pools = pools
        self._phrases = phrases
        self._await_pools = await_pools

    @property
    def info(self) -> VoiceInfo:
        """Facts about the voice."""
        return self._description.info

    def begin(
        self, reading: Reading, options: SynthesisOptions, rng: np.random.Generator
    ) -> Iterator[Window]:
        """Speak one sentence, window by window; ``next()`` waits for the replica."""
        return self.begin_for(Priority.INTERACTIVE, reading, options, rng)

    def begin_for(
        self, priority: int, reading: Reading, options: SynthesisOptions, rng: np.random.Generator
    ) -> Iterator[Window]:
        """As ``begin``; on replicas, too, the most urgent goes first."""
        key = self._key(reading, options)
        known = None if key is None else self._phrases.get(key, options.remember)
        if known is not None:
            yield from windows_of(known)
            return
        sentence = Sentence(
            self._reference, reading, _asked_of_replicas(options), rng, Priority(priority)
        )
        heard = _Heard()
        phrase = []
        for made in self._try(lambda pool: heard.rest_of(pool.ask(sentence)), heard):
            made.samples.flags.writeable = False  # the next listener gets the same array
            phrase.append(made)
            yield Window(partial(_made, made), len(made.samples))
        if key is not None:
            self._phrases.put(key, tuple(phrase), options.remember)
            if options.remember == "until-spoken":
                self._phrases.flush()

    def _key(self, reading: Reading, options: SynthesisOptions) -> bytes | None:
        """What a sentence is remembered under; as by the voice itself, where it is the same."""
        identity = self._description.identity
        if identity is None:
            return None
        return phrase_key(identity, self.info, phones_of(reading), reading, options)

    def measure(
        self, reading: Reading, options: SynthesisOptions, rng: np.random.Generator
    ) -> Generator[NDArray[np.float32], None, Delivery]:
        """How it would deliver a reading, as ``MeasurableVoice.measure``."""
        yield from ()
        sentence = Sentence(self._reference, reading, options, rng)
        (delivery,) = self._try(lambda pool: iter([pool.measure(sentence)]))
        return delivery

    def _try(
        self, ask: Callable[[Asks], Iterator[_T]], heard: _Heard | None = None
    ) -> Iterator[_T]:
        """What a pool gives; if it breaks off, what the next one gives."""
        trouble: Exception = ReplicaLost("the cluster is not there")
        for number in range(ROUNDS):
            # Nobody else can say the rest of a sentence that sounds; all of one, somebody may.
            if number and heard and not self._await_pools():
                break
            for pool in self._pools():
                try:
                    yield from ask(pool)
                except (ReplicaLost, BusyError) as error:
                    trouble = error
                else:
                    return
        if isinstance(trouble, BusyError):
            raise trouble
        raise InferenceFailed(f"no replica could speak: {trouble}")

    def close(self) -> None:
        """Nothing is held here."""


class _Heard:
    """What has been heard of a sentence."""

    def __init__(self) -> None:
        self._length = 0

    def __bool__(self) -> bool:
        """Whether anything has."""
        return self._length > 0

    def rest_of(self, windows: Iterator[MadeWindow]) -> Iterator[MadeWindow]:
        """What of these windows, which begin with the sentence, has not been heard."""
        position = 0
        for made in windows:
            known = self._length - position
            position += len(made.samples)
            if known < len(made.samples):
                self._length = position
                # The phones that begin in the rest of a window are few, and rarely asked for.
                yield made if known <= 0 else MadeWindow(made.samples[known:])


def _asked_of_replicas(options: SynthesisOptions) -> SynthesisOptions:
    """What is made ahead waits here; replicas need not keep it, too."""
    return options.changed(remember="yes") if options.remember == "until-spoken" else options


def _made(made: MadeWindow) -> MadeWindow:
    return made
