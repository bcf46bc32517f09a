"""Voices, readings and the dictionary over REST."""

from __future__ import annotations

import asyncio
import io

import numpy as np
import pytest
import soundfile
from yarl import URL

from hayakoe_engine.tts import TTS
from hayakoe_engine.voices.voice import VoiceInfo
from wyoming_hayakoe.added_voices import AddedVoices
from wyoming_hayakoe.settings import Settings
from wyoming_hayakoe.voice_library import VoiceLibrary

HANG_S = 60.0


class Hum:
    """A voice that is made at once."""

    def __init__(self, name):
        self.info = VoiceInfo(
            name=name,
            title=f"{name} hums",
            sample_rate_hz=16_000,
            licence="CC0-1.0",
            credit="nobody",
            url="https://example.com",
            version="2",
            styles=("Low", "High"),
        )

    def begin(self, reading, options, rng):  # noqa: ARG002 - a voice is called like this
        yield rng.uniform(-0.5, 0.5, 1600).astype(np.float32)

    def close(self):
        pass


@pytest.fixture
def own_engine(tmp_path):
    """An engine with a dictionary of its own."""
    with TTS(threads=1, dictionary=tmp_path / "dictionary.yaml").load("mei").prepare() as tts:
        yield tts


@pytest.fixture
def library(own_engine, tmp_path):
    """Voices that hum, but for one that cannot be had."""

    def origin(name, _):
        def make():
            if name == "broken":
                raise OSError("it is hoarse")
            return Hum(name)

        return make

    library = VoiceLibrary(
        own_engine, Settings(), AddedVoices(tmp_path / "voices.yaml"), origin=origin
    )
    library.start()
    yield library
    assert library.stop()


# Voices


async def test_voices_are_listed_with_what_must_be_known_of_them(serve):
    presets = {"night": {"voice": "mei", "title": "夜", "volume": 0.5}}
    served = await serve(presets=presets, default="night")
    night, mei = (await served.ask("GET", "/voices"))["voices"]
    info = served.tts.speakers["mei"].info
    assert (night["name"], night["title"], night["voice"]) == ("night", "夜", "mei")
    assert (night["is_default"], mei["is_default"]) == (True, False)
    assert (night["options"]["volume"], mei["options"]["volume"]) == (0.5, 1.0)
    assert (mei["licence"], mei["credit"], mei["url"]) == (info.licence, info.credit, info.url)
    assert mei["sample_rate"] == info.sample_rate_hz
    assert set(mei["ignored_options"]) == info.ignored_options
    assert mei == await served.ask("GET", "/voices/mei")
    error = (await served.ask("GET", "/voices/nobody", 404))["error"]
    assert error["code"] == "voice-not-found"
    assert "mei, night" in error["message"]


async def test_a_sample_is_sound(serve):
    served = await serve()
    for audio_format in ("wav", "mp3"):
        query = {"format": audio_format}
        data = await served.ask("GET", "/voices/mei/sample", params=query)
        samples, _ = soundfile.read(io.BytesIO(data), dtype="int16")
        assert np.abs(samples).max() > 1000
    await served.ask("GET", "/voices/nobody/sample", 404)


async def test_a_voice_is_added_speaks_is_made_anew_and_removed(serve, library, own_engine):
    served = await serve(tts=own_engine, library=library)
    library.follow(lambda book: setattr(served.speech, "voices", book))
    available = (await served.ask("GET", "/voices/available"))["voices"]
    known = next(voice for voice in available if voice["name"] == "jvnv-F1-jp")
    assert known["state"] == "available"
    assert known["terms"].startswith("https://")
    new = {"name": known["name"], "source": known["source"], "title": "花子"}
    begun = await served.ask("POST", "/voices", 202, json=new)
    assert (begun["name"], begun["is_added"]) == ("jvnv-F1-jp", True)
    status = await settled(served, "jvnv-F1-jp")
    assert (status["state"], status["failure"]) == ("ready", None)
    assert (await served.ask("GET", "/voices/jvnv-F1-jp"))["title"] == "花子"
    body = {"text": "はい", "voice": "jvnv-F1-jp", "style": "High", "format": "pcm"}
    assert len(await served.ask("POST", "/synthesize", json=body)) == 2 * 1600
    await served.ask("POST", "/voices/jvnv-F1-jp/reload", 202)
    assert (await settled(served, "jvnv-F1-jp"))["state"] == "ready"
    available = (await served.ask("GET", "/voices/available"))["voices"]
    assert "ready" in {voice["state"] for voice in available if voice["name"] == "jvnv-F1-jp"}
    error = (await served.ask("POST", "/voices", 422, json=new))["error"]
    assert "already" in error["message"]
    await served.ask("DELETE", "/voices/jvnv-F1-jp", 204)
    assert (await served.ask("GET", "/voices/status"))["voices"] == []
    await served.ask("DELETE", "/voices/jvnv-F1-jp", 404)
    await served.ask("POST", "/voices/mei/reload", 404)


async def test_a_voice_that_cannot_be_had_says_why(serve, library, own_engine):
    served = await serve(tts=own_engine, library=library)
    new = {"name": "broken", "source": "hf://somebody/voices"}
    await served.ask("POST", "/voices", 202, json=new)
    status = await settled(served, "broken")
    assert status["state"] == "failed"
    assert "it is hoarse" in status["failure"]
    health = await served.ask("GET", "/health")
    assert health["status"] == "degraded"
    assert "voice broken: " in health["reasons"][0]


@pytest.mark.parametrize(
    "new",
    [
        {"name": "a", "source": "file:///etc"},
        {"name": "a", "source": "/etc"},
        {"name": "a", "source": "s3://internal/bucket"},
        {"name": "a", "source": "hf://user/repo/../../etc"},
        {"name": "a", "source": "hf://user"},
        {"name": "../a", "source": "hf://user/repo"},
        {"name": "mei", "source": "hf://user/repo"},
        {"name": "a"},
    ],
)
async def test_clients_cannot_have_files_of_the_server_read(serve, library, own_engine, new):
    served = await serve(tts=own_engine, library=library)
    await served.ask("POST", "/voices", 422, json=new)
    assert library.statuses() == []


async def settled(served, name):
    """How it is with a voice when it is no longer being made."""
    async with asyncio.timeout(HANG_S):
        while True:
            statuses = (await served.ask("GET", "/voices/status"))["voices"]
            status = next(status for status in statuses if status["name"] == name)
            if status["state"] != "loading":
                return status
            await asyncio.sleep(0.01)


# Readings


async def test_a_reading_has_words_moras_accents_and_where_they_come_from(serve):
    served = await serve()
    read = await served.ask("POST", "/read", json={"text": "23時に、お風呂が沸いた。本当？"})
    assert read["kana"] == "ニジューサンジニ、オフロガワイタ。ホントー？"
    first, second = read["sentences"]
    assert first["text"] == "23時に、お風呂が沸いた。"
    assert second["is_question"]
    words = {word["surface"]: word for word in first["words"] if word["surface"]}
    assert words["風呂"]["kana"] == "フロ"
    assert first["text"][words["風呂"]["start"] : words["風呂"]["end"]] == "風呂"
    moras = [mora for phrase in first["accent_phrases"] for mora in phrase["moras"]]
    spans = [tuple(span) for phrase in first["accent_phrases"] for span in phrase["spans"]]
    assert "".join(moras) == "ニジューサンジニオフロガワイタ"
    assert len(spans) == len(moras)
    assert first["text"][slice(*spans[moras.index("フ")])] == "風呂"
    assert sum(phrase["pause_after"] for phrase in first["accent_phrases"]) == 1
    (sentence,) = (await served.ask("POST", "/read", json={"text": "気温は5℃です。"}))["sentences"]
    assert any(word["rule"] for word in sentence["words"])
    assert (await served.ask("POST", "/read", json={"text": "。"}))["sentences"] == []
    await served.ask("POST", "/read", 413, json={"text": "あ" * 5001})


# The dictionary


async def test_words_are_added_changed_heard_and_removed(serve, own_engine):
    served = await serve(tts=own_engine)

    async def kana(text):
        return (await served.ask("POST", "/read", json={"text": text}))["kana"]

    new = {"surface": "HAYAKOE", "reading": "はやこえ", "accent": 2}
    word = await served.ask("POST", "/dictionary", 201, json=new)
    assert word["reading"] == "ハヤコエ"
    assert word["moras"] == ["ハ", "ヤ", "コ", "エ"]
    assert await kana("HAYAKOEです") == "ハヤコエデス"
    assert await served.ask("GET", "/dictionary/hayakoe") == word
    assert (await served.ask("GET", "/dictionary"))["words"] == [word]
    await served.ask("POST", "/dictionary", 200, json={**new, "reading": "ハヤゴエ"})
    changed = await served.ask("PATCH", "/dictionary/HAYAKOE", json={"accent": None})
    assert (changed["reading"], changed["accent"]) == ("ハヤゴエ", None)
    assert await kana("HAYAKOEです") == "ハヤゴエデス"
    await served.ask("DELETE", "/dictionary/HAYAKOE", 204)
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"accent": 1})):
        error = (await served.ask(method, "/dictionary/HAYAKOE", 404, json=body))["error"]
        assert error["code"] == "word-not-found"


async def test_words_may_have_any_characters(serve, own_engine):
    served = await serve(tts=own_engine)
    new = {"surface": "50%/日", "reading": "テスト"}
    await served.ask("POST", "/dictionary", 201, json=new)
    word = await served.ask("GET", URL("/dictionary/50%25%2F%E6%97%A5", encoded=True))
    assert word["surface"] == "50%/日"


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ({"surface": "猫", "reading": "neko"}, "reading"),
        ({"surface": "猫", "reading": "ネコ", "accent": 3}, "not within 0 to 2"),
        ({"surface": "猫", "reading": "ネコ", "priority": 11}, "less than or equal to 10"),
        ({"surface": "猫"}, "reading: is required"),
        ({"surface": "\n", "reading": "ネコ"}, "surface is empty"),
    ],
)
async def test_wrong_words_are_refused(serve, own_engine, new, message):
    served = await serve(tts=own_engine)
    error = (await served.ask("POST", "/dictionary", 422, json=new))["error"]
    assert message in error["message"]
    assert (await served.ask("GET", "/dictionary"))["words"] == []


async def test_lists_of_words_go_in_and_out(serve, own_engine):
    served = await serve(tts=own_engine)

    async def send(content, media_type, status=200, **query):
        return await served.ask(
            "POST",
            "/dictionary/import",
            status,
            data=content.encode(),
            headers={"Content-Type": media_type},
            params=query,
        )

    yaml = "- surface: 猫\n  reading: ネコ\n- surface: 犬\n  reading: イヌ\n"
    assert await send(yaml, "application/yaml") == {"added": 2, "replaced": 0, "refused": []}
    csv = "surface,reading\n猫,ニャンコ\n鳥,???\n"
    error = await send(csv, "text/csv", 422, format="csv")
    assert error["error"]["code"] == "bad-dictionary-entry"
    imported = await send(csv, "text/csv", format="csv", skip_wrong="true")
    assert (imported["added"], imported["replaced"]) == (0, 1)
    assert "鳥" in imported["refused"][0]
    await send("猫", "text/plain", 415)
    await send("a: [", "application/yaml", 422)
    async with served.client.get("/dictionary/export", params={"format": "csv"}) as answer:
        assert answer.content_type == "text/csv"
        assert 'filename="dictionary.csv"' in answer.headers["Content-Disposition"]
        assert "猫,ニャンコ" in await answer.text()
    exported = (await served.ask("GET", "/dictionary/export")).decode()
    assert await send(exported, "application/yaml") == {"added": 0, "replaced": 2, "refused": []}


async def test_a_dictionary_that_cannot_be_written_changes_nothing(serve, tmp_path):
    folder = tmp_path / "file"
    folder.write_text("not a folder", "utf-8")
    with TTS(threads=1, dictionary=folder / "dictionary.yaml").load("mei").prepare() as tts:
        served = await serve(tts=tts)
        new = {"surface": "猫", "reading": "ニャンコ"}
        error = (await served.ask("POST", "/dictionary", 503, json=new))["error"]
        assert error["code"] == "dictionary-unavailable"
        assert (await served.ask("GET", "/dictionary"))["words"] == []
