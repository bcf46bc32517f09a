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
from wyoming_hayakoe.metrics import Metrics
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
        addresses: Where it listens.
    """

    def __init__(self, tts, speech, server, addresses):
        self.tts = tts
        self.speech = speech
        self.server = server
        self.addresses = addresses
        self.port = addresses[0].port
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = aiohttp.ClientSession(
            self.url, timeout=aiohttp.ClientTimeout(HANG_S), trust_env=False
        )

    async def ask(self, method, path, status=200, **request):
        """The JSON of an answer of this status, or its bytes if it is something else."""
        async with self.client.request(method, path, **request) as answer:
            data = await answer.read()
            assert answer.status == status, data[:500]
            if answer.content_type == "application/json":
                return await answer.json()
            return data


@pytest.fixture(scope="session")
def engine():
    """The engine with the embedded voice, for all tests that leave its dictionary alone."""
    with TTS(threads=2).load("mei").prepare() as tts:
        yield tts


@pytest.fixture
async def serve(engine):
    """Starts servers: ``await serve(presets={…}, tts=…, library=…, **http_settings)``."""
    async with AsyncExitStack() as stack:

        async def start(
            *,
            tts=engine,
            presets=None,
            default="mei",
            library=None,
            fallback_after_s=None,
            max_utterances=256,
            **settings,
        ):
            book = library.book if library else None
            book = book or VoiceBook(
                tts.speakers,
                SpeechSettings(),
                {name: Preset(**values) for name, values in (presets or {}).items()},
                default,
            )
            metrics = Metrics(lambda: {"queue": speech.active})
            speech = Speech(
                book,
                max_text_chars=20_000,
                max_utterances=max_utterances,
                fallback_after_s=fallback_after_s,
                observers=[metrics],
            )
            server = HttpServer(
                speech,
                tts,
                HttpSettings(**{"port": 0, "requests_per_minute": 0, **settings}),
                library=library,
                metrics=metrics,
            )
            addresses = await server.start()
            stack.push_async_callback(server.stop)
            served = Served(tts, speech, server, addresses)
            stack.push_async_callback(served.client.close)
            return served

        yield start
