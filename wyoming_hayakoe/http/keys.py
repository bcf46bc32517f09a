"""What handlers find in the application: ``request.app[SPEECH]``."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from hayakoe_engine import tts
from wyoming_hayakoe.http_settings import HttpSettings
from wyoming_hayakoe.speech import Speech

SPEECH: Final = web.AppKey("speech", Speech)
TTS: Final = web.AppKey("tts", tts.TTS)
SETTINGS: Final = web.AppKey("settings", HttpSettings)
STOPPING: Final = web.AppKey("stopping", asyncio.Event)
"""Set when the server begins to stop: what is being answered may end, nothing new begins."""
