"""What handlers find in the application: ``request.app[SPEECH]``."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from hayakoe_engine import tts
from wyoming_hayakoe.http_settings import HttpSettings
from wyoming_hayakoe.metrics import Metrics
from wyoming_hayakoe.speech import Speech
from wyoming_hayakoe.voice_library import VoiceLibrary

SPEECH: Final = web.AppKey("speech", Speech)
TTS: Final = web.AppKey("tts", tts.TTS)
SETTINGS: Final = web.AppKey("settings", HttpSettings)
LIBRARY: Final = web.AppKey("library", VoiceLibrary)
"""Absent where no voices come and go."""
METRICS: Final = web.AppKey("metrics", Metrics)
"""Absent where nothing is measured."""
STOPPING: Final = web.AppKey("stopping", asyncio.Event)
"""Set when the server begins to stop: what is being answered may end, nothing new begins."""
