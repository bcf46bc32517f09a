"""What a neural voice tells of itself, from its files and from what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hayakoe_engine.voices import world
from hayakoe_engine.voices.catalogue import known_facts
from hayakoe_engine.voices.facts import VoiceFacts
from hayakoe_engine.voices.voice import VoiceInfo

if TYPE_CHECKING:
    from hayakoe_engine.voices.sbv2.config import VoiceConfig


def voice_info(name: str, source: str, config: VoiceConfig, said: VoiceFacts | None) -> VoiceInfo:
    """Facts about a voice.

    Args:
        name: What programs call it.
        source: URI that it comes from, by which its licence may be known.
        config: Of the published voice.
        said: What its publisher says of it, if anything.
    """
    facts = known_facts(name, source) or said or VoiceFacts()
    return VoiceInfo(
        name=name,
        title=facts.title or (name if config.model_name == "Dummy" else config.model_name),
        sample_rate_hz=config.sample_rate_hz,
        licence=facts.licence or "see the voice's publisher",
        credit=facts.credit,
        url=facts.url,
        version=facts.version or config.version,
        styles=tuple(sorted(config.styles, key=lambda style: config.styles[style])),
        speakers=config.n_speakers,
        ignored_options=frozenset() if world.is_available() else world.OPTIONS,
    )
