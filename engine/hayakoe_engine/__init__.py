"""Japanese text to speech: text in, audio out, while it is made.

>>> from hayakoe_engine import TTS
>>> tts = TTS().load("mei").prepare()
>>> tts.speakers["mei"].generate("こんにちは").save("hello.wav")

Importing this package loads nothing heavy; names are resolved at their first use.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

# onnxruntime 1.29 and newer report to their maker unless told otherwise before they are imported,
# and Open JTalk imports onnxruntime where it is installed. What is said here stays here.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # noqa: TID251

if TYPE_CHECKING:
    from hayakoe_engine import errors
    from hayakoe_engine.audio import Audio, PhoneTiming, streaming_wav_header
    from hayakoe_engine.options import SynthesisOptions
    from hayakoe_engine.speaker import Speaker
    from hayakoe_engine.text.delivery import Delivery, MoraDelivery
    from hayakoe_engine.text.text_options import TextOptions
    from hayakoe_engine.tts import TTS
    from hayakoe_engine.utterance import Utterance
    from hayakoe_engine.voices.voice import Voice, VoiceInfo
    from hayakoe_engine.window import MadeWindow, Window

__all__ = [
    "TTS",
    "Audio",
    "Delivery",
    "MadeWindow",
    "MoraDelivery",
    "PhoneTiming",
    "Speaker",
    "SynthesisOptions",
    "TextOptions",
    "Utterance",
    "Voice",
    "VoiceInfo",
    "Window",
    "errors",
    "streaming_wav_header",
]

_HOMES = {
    "TTS": "tts",
    "TextOptions": "text.text_options",
    "Audio": "audio",
    "Delivery": "text.delivery",
    "MoraDelivery": "text.delivery",
    "PhoneTiming": "audio",
    "Speaker": "speaker",
    "SynthesisOptions": "options",
    "Utterance": "utterance",
    "Voice": "voices.voice",
    "VoiceInfo": "voices.voice",
    "Window": "window",
    "MadeWindow": "window",
    "streaming_wav_header": "audio",
}


def __getattr__(name: str) -> object:
    if name == "errors":
        return importlib.import_module("hayakoe_engine.errors")
    if name in _HOMES:
        return getattr(importlib.import_module(f"hayakoe_engine.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'hayakoe_engine' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
