"""The server answers as its OpenAPI document says, whatever is sent."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CHECKS, load_all_checks

from hayakoe_engine.tts import TTS
from wyoming_hayakoe.added_voices import AddedVoices
from wyoming_hayakoe.http.server import HttpServer
from wyoming_hayakoe.http_settings import HttpSettings
from wyoming_hayakoe.metrics import Metrics
from wyoming_hayakoe.settings import Settings
from wyoming_hayakoe.speech import Speech
from wyoming_hayakoe.voice_library import VoiceLibrary

EXAMPLES = 3
"""Of every operation; correct requests and wrong ones."""

load_all_checks()
CHECK_NAMES = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)


class InThread:
    """An event loop that runs beside the test, because the client blocks."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def nobody(name, _):
    """Where voices come from that clients add: nowhere."""

    def make():
        raise OSError(f"there is no {name}")

    return make


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A server that has everything."""
    folder = tmp_path_factory.mktemp("schema")
    loop = InThread()
    with TTS(threads=2, dictionary=folder / "dictionary.yaml").load("mei").prepare() as tts:
        library = VoiceLibrary(tts, Settings(), AddedVoices(folder / "voices.yaml"), origin=nobody)
        library.start()
        speech = Speech(library.book, max_text_chars=50)
        server = HttpServer(
            speech,
            tts,
            HttpSettings(port=0, requests_per_minute=0, max_text_chars=50),
            library=library,
            metrics=Metrics(dict),
        )
        (address,) = loop.run(server.start())
        yield f"http://127.0.0.1:{address.port}"
        loop.run(server.stop())
        library.stop()
    loop.close()


def test_no_request_makes_it_fail(url):
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 20
    for operation in operations:
        for mode in schemathesis.GenerationMode:
            # With some operations nothing can be wrong.
            with suppress(Unsatisfiable):
                send_many(operation, mode, url)


def send_many(operation, mode, url):
    """Send requests made by the schema, right or wrong ones, and look at the answers."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case):
        case.call_and_validate(base_url=url, checks=CHECKS.get_by_names(CHECK_NAMES))

    send()
