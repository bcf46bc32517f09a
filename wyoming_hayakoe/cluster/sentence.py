"""What travels between a server and the replicas that speak for it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

from hayakoe_engine.scheduler import Priority
from hayakoe_engine.window import MadeWindow
from wyoming_hayakoe import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from hayakoe_engine.options import SynthesisOptions
    from hayakoe_engine.text.reading import Reading
    from hayakoe_engine.voices.voice import VoiceInfo
    from wyoming_hayakoe.cluster_settings import Pool
    from wyoming_hayakoe.settings import Settings

_ALARMS: Final = 16
"""Places of a replica that only alarms may take, which servers send also when it is busy."""
PORTION_SAMPLES: Final = 22_000
"""What is larger than 100 KB Ray does not send along, but stores, announces and has fetched."""


@dataclass(frozen=True, slots=True)
class VoiceReference:
    """Which voice is meant.

    Attributes:
        name: What it is called, also by its publisher.
        source: Where its files are, a URI.
    """

    name: str
    source: str

    @property
    def key(self) -> str:
        """It as one text."""
        return f"{self.name} {self.source}"

    @classmethod
    def from_key(cls, key: str) -> Self:
        """What ``key`` gave; names have no spaces."""
        name, _, source = key.partition(" ")
        return cls(name, source)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that has been read, to be spoken elsewhere.

    Attributes:
        voice: Who speaks it.
        reading: How it is read.
        options: How it is spoken.
        rng: Source of all randomness, as it was before the first use.
        priority: Who goes first on a replica, as of ``hayakoe_engine.scheduler``.
    """

    voice: VoiceReference
    reading: Reading
    options: SynthesisOptions
    rng: np.random.Generator
    priority: Priority = Priority.INTERACTIVE


def portions(window: MadeWindow, sample_rate_hz: int) -> Iterator[MadeWindow]:
    """A window in pieces that travel fast, each with the phones that begin in it."""
    for start in range(0, len(window.samples), PORTION_SAMPLES):
        samples = window.samples[start : start + PORTION_SAMPLES]
        start_s = start / sample_rate_hz
        stop_s = (start + PORTION_SAMPLES) / sample_rate_hz
        yield MadeWindow(
            samples,
            tuple(
                replace(timing, start_s=timing.start_s - start_s)
                for timing in window.timings
                if start_s <= timing.start_s < stop_s
            ),
        )


@dataclass(frozen=True, slots=True)
class Description:
    """What a replica says of a voice.

    Attributes:
        info: Facts about the voice.
        identity: Differs from that of every other voice, so what was said can be kept under it;
            None if nothing can.
        version: Of the program that the replica runs.
    """

    info: VoiceInfo
    identity: str | None
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a replica is made of.

    Attributes:
        engine: Arguments for its engine.
        max_voices: Voices that it holds at once.
        max_sentences: Sentences that it speaks or has waiting at once.
        place: What it takes of its node, as the settings say it.
        version: Of the program that it must run.
    """

    engine: dict[str, Any]
    max_voices: int
    max_sentences: int
    place: dict[str, Any]
    version: str = __version__

    @property
    def fingerprint(self) -> str:
        """Differs from that of every other recipe."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


def recipe_for(settings: Settings, pool: Pool) -> Recipe:
    """What the replicas of a pool are made of."""
    own = settings.machine_cache
    return Recipe(
        engine={
            "device": pool.device,
            "cache_dir": settings.cache,
            "tuned_dir": None if own is None else own / "tuned",
            "phrase_cache_mb": settings.phrase_cache.memory_mb,
            "bert_source": settings.neural.bert_source,
            "offline": settings.offline,
            "precision": settings.neural.precision,
            "compiled": settings.neural.compiled,
            "memory_mb": settings.neural.memory_mb,
            "threads": math.ceil(pool.cpus),
        },
        max_voices=settings.cluster.voices_per_replica,
        max_sentences=pool.sentences + pool.max_queued + _ALARMS,
        place=pool.model_dump(),
    )
