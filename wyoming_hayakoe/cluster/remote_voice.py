"""A voice that speaks somewhere else."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from hayakoe_engine.errors import BusyError, InferenceFailed
from hayakoe_engine.window import MadeWindow, Window
from wyoming_hayakoe.cluster.sentence import Sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from hayakoe_engine.options import SynthesisOptions
    from hayakoe_engine.text.reading import Reading
    from hayakoe_engine.voices.voice import VoiceInfo
    from wyoming_hayakoe.cluster.sentence import VoiceReference

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


class RemoteVoice:
    """A voice that replicas speak with.

    If the one that speaks a sentence is lost, another one speaks it anew, and what has been heard
    already is left out: the same sentence gives the same samples.

    Args:
        reference: What the replicas know it by.
        info: Facts about it.
        pools: Gives the replicas to ask, the preferred first.
    """

    def __init__(
        self, reference: VoiceReference, info: VoiceInfo, pools: Callable[[], Sequence[Asks]]
    ) -> None:
        self._reference = reference
        self._info = info
        self._pools = pools

    @property
    def info(self) -> VoiceInfo:
        """Facts about the voice."""
        return self._info

    def begin(
        self, reading: Reading, options: SynthesisOptions, rng: np.random.Generator
    ) -> Iterator[Window]:
        """Speak one sentence, window by window; ``next()`` waits for the replica."""
        sentence = Sentence(self._reference, reading, options, rng)
        heard = 0
        trouble: Exception | None = None
        for _ in range(ROUNDS):
            for pool in self._pools():
                position = 0
                try:
                    for made in pool.ask(sentence):
                        rest = _after(made, heard - position)
                        position += len(made.samples)
                        if rest is not None:
                            heard = position
                            yield Window(partial(_made, rest), len(rest.samples))
                except (ReplicaLost, BusyError) as error:
                    trouble = error
                else:
                    return
        if isinstance(trouble, BusyError):
            raise trouble
        raise InferenceFailed(f"no replica could speak: {trouble}")

    def close(self) -> None:
        """Nothing is held here."""


def _after(made: MadeWindow, heard: int) -> MadeWindow | None:
    """What of a window has not been heard; None if all of it has."""
    if heard <= 0:
        return made
    if heard >= len(made.samples):
        return None
    # The phones that begin in the rest are few, and rarely asked for.
    return MadeWindow(made.samples[heard:])


def _made(made: MadeWindow) -> MadeWindow:
    return made
