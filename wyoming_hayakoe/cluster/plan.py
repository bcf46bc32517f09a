"""What a server wants of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from wyoming_hayakoe.cluster.sentence import VoiceReference, recipe_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wyoming_hayakoe.cluster.sentence import Recipe
    from wyoming_hayakoe.cluster_settings import Pool
    from wyoming_hayakoe.settings import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """Which cluster, and what is to run there.

    Attributes:
        address: ``HOST:PORT`` of its head, or ``auto`` for the one that this machine is a node of.
        pools: By name, the preferred first, with what their replicas are made of.
        voices: Those that replicas open when they start.
    """

    address: str
    pools: Mapping[str, tuple[Pool, Recipe]]
    voices: tuple[VoiceReference, ...]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What the settings say."""
        return cls(
            address=settings.cluster.address or "auto",
            pools={
                name: (pool, recipe_for(settings, pool))
                for name, pool in settings.cluster.pools.items()
            },
            voices=tuple(
                VoiceReference(name, voice.source) for name, voice in settings.voices.items()
            ),
        )
