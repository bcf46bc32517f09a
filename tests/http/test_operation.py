"""For whoever keeps the server running."""

from __future__ import annotations

import re

import pytest
from jsonschema_rs import Draft202012Validator

from wyoming_hayakoe import __version__
from wyoming_hayakoe.voices import Choice


async def test_health_tells_what_is_going_on(serve):
    served = await serve()
    health = await served.ask("GET", "/health")
    assert health["status"] == "ok"
    assert health["version"] == __version__
    assert (health["default_voice"], health["voices_loaded"]) == ("mei", ["mei"])
    assert health["device"] == "cpu"
    assert health["uptime_s"] >= 0
    assert (health["queue"], health["queue_limit"]) == (0, 256)
    assert await served.ask("GET", "/livez") == {"status": "alive"}
    assert await served.ask("GET", "/readyz") == {"is_ready": True, "reasons": []}


async def test_it_is_not_ready_while_the_default_voice_is_not(serve):
    served = await serve()
    mei = served.speech.voices.default
    served.speech.voices.default = Choice("new", "New", mei.speaker, mei.options, is_ready=False)
    readiness = await served.ask("GET", "/readyz", 503)
    assert readiness["reasons"] == ["the default voice new is being made ready"]
    assert (await served.ask("GET", "/health"))["status"] == "unready"
    await served.ask("GET", "/livez")


async def test_it_is_not_ready_while_there_is_too_much_to_do(serve):
    served = await serve()
    for _ in range(256):
        served.speech.places.take(None)
    assert (await served.ask("GET", "/readyz", 503))["reasons"] == [
        "256 utterances are in progress"
    ]


async def test_metrics_count_what_was_spoken(serve):
    served = await serve()
    await served.ask("POST", "/synthesize", json={"text": "はい。"})
    text = (await served.ask("GET", "/metrics")).decode()
    assert 'hayakoe_requests_total{interface="rest",outcome="done",voice="mei"} 1.0' in text
    assert re.search(r'hayakoe_ttfa_seconds_count{interface="rest"} 1.0', text)
    assert "hayakoe_characters_total 3.0" in text
    assert "process_open_fds" in text


# The OpenAPI document


@pytest.fixture
async def document(serve):
    served = await serve()
    return await served.ask("GET", "/openapi.json")


async def test_the_document_has_every_address_and_what_may_go_wrong(document):
    assert document["openapi"] == "3.1.0"
    paths = document["paths"]
    for path in (
        "/synthesize",
        "/synthesize/stream",
        "/synthesize/batch",
        "/api/tts",
        "/voices/{name}",
        "/read",
        "/dictionary/{surface}",
        "/health",
        "/v1/audio/speech",
    ):
        assert path in paths
    for methods in paths.values():
        for operation in methods.values():
            assert operation["summary"]
            assert {"400", "422", "429", "503"} <= set(operation["responses"])


async def test_the_schemas_of_the_document_are_those_that_validate(document):
    schema = {
        **document["components"]["schemas"]["Synthesis"],
        "components": document["components"],
    }
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"text": "はい", "speed": 1.5, "voice": None})
    for wrong in ({}, {"text": ""}, {"text": "はい", "speed": 5}, {"text": "はい", "sped": 1}):
        assert not validator.is_valid(wrong)
    query = {one["name"]: one for one in document["paths"]["/api/tts"]["get"]["parameters"]}
    assert query["text"]["required"]
    assert query["speed"]["schema"]["maximum"] == 4


async def test_there_is_a_page_of_the_document_without_scripts(serve):
    served = await serve()
    page = (await served.ask("GET", "/docs")).decode()
    assert "<script" not in page
    assert "style=" not in page
    for word in ("/synthesize", "Speaking rate; 2 is twice as fast", "number, 0.25 to 4"):
        assert word in page
    assert b"font" in await served.ask("GET", "/docs.css")
