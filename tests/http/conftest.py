"""An HTTP server on the loopback interface with real voices, and a client.

Helpers are fixtures because the tests are no package.
"""

from __future__ import annotations

from contextlib import AsyncExitStack

import aiohttp
import pytest

from hayakoe_engine.tts import TTS
from wyoming_hayakoe.http.server import HttpServer
from wyoming_hayakoe.http_settings import HttpSettings
from wyoming_hayakoe.settings import Preset, SpeechSettings
from wyoming_hayakoe.speech import Speech
from wyoming_hayakoe.voices import VoiceBook

HANG_S = 60.0
"""Nothing in these tests takes so long; only a hang does."""


class Served:
    """A running server, what is in it, and a client of it.

    Attributes:
        url: Without a slash at the end.
        client: Its requests go to the server: ``client.get("/voices")``.
    """

    def __init__(self, tts, speech, server, address):
        self.tts = tts
        self.speech = speech
        self.server = server
        self.port = address.port
        self.url = f"http://127.0.0.1:{address.port}"
        self.client = aiohttp.ClientSession(
            self.url, timeout=aiohttp.ClientTimeout(HANG_S), trust_env=False
        )


@pytest.fixture(scope="session")
def engine():
    """The engine with the embedded voice, for all tests that leave its dictionary alone."""
    with TTS(threads=2).load("mei").prepare() as tts:
        yield tts


@pytest.fixture
async def serve(engine):
    """Starts servers: ``await serve(presets={…}, tts=…, **http_settings)``."""
    async with AsyncExitStack() as stack:

        async def start(*, tts=engine, presets=None, default="mei", **settings):
            book = VoiceBook(
                tts.speakers,
                SpeechSettings(),
                {name: Preset(**values) for name, values in (presets or {}).items()},
                default,
            )
            speech = Speech(book, max_text_chars=20_000)
            server = HttpServer(
                speech, tts, HttpSettings(**{"port": 0, "requests_per_minute": 0, **settings})
            )
            address, *_ = await server.start()
            stack.push_async_callback(server.stop)
            served = Served(tts, speech, server, address)
            stack.push_async_callback(served.client.close)
            return served

        yield start
