"""Texts over REST."""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile

import numpy as np
import pytest
import soundfile

TEXT = "お風呂が沸きました。"


def samples_of(data):
    return soundfile.read(io.BytesIO(data), dtype="int16")


async def test_a_text_is_spoken_as_the_engine_speaks_it(serve):
    served = await serve()
    expected = served.tts.speakers["mei"].generate(TEXT, speed=1.2)
    body = {"text": TEXT, "speed": 1.2}
    async with served.client.post("/synthesize", json=body) as answer:
        data = await answer.read()
        assert answer.status == 200
        assert answer.content_type == "audio/wav"
        assert answer.headers["X-Sample-Rate"] == str(expected.sample_rate_hz)
        assert float(answer.headers["X-Audio-Seconds"]) == round(expected.duration_s, 3)
        assert int(answer.headers["Content-Length"]) == len(data)
        assert "first-audio;dur=" in answer.headers["Server-Timing"]
        assert "total;dur=" in answer.headers["Server-Timing"]
    samples, rate_hz = samples_of(data)
    assert rate_hz == expected.sample_rate_hz
    assert np.array_equal(samples, expected.pcm16())


async def test_a_stream_is_one_wav_without_a_length(serve):
    served = await serve()
    expected = served.tts.speakers["mei"].generate(TEXT)
    async with served.client.post("/synthesize/stream", json={"text": TEXT}) as answer:
        pieces = [piece async for piece in answer.content.iter_any()]
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert answer.headers["X-Sample-Rate"] == str(expected.sample_rate_hz)
        assert "first-audio;dur=" in answer.headers["Server-Timing"]
    data = b"".join(pieces)
    assert len(pieces) > 1
    assert data.count(b"RIFF") == 1
    assert struct.unpack("<I", data[40:44]) == (0xFFFFFFFF,)
    assert data[44:] == expected.pcm_bytes()


async def test_an_address_speaks_the_same(serve):
    served = await serve()
    query = {"text": TEXT, "speaker_name": "mei", "speed": "1.5", "seed": "7"}
    whole = await served.ask("GET", "/api/tts", params=query)
    streamed = await served.ask("GET", "/api/tts/stream", params={**query, "format": "pcm"})
    expected = served.tts.speakers["mei"].generate(TEXT, speed=1.5)
    assert whole[44:] == streamed == expected.pcm_bytes()


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-1", slice(0, 2)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-50", slice(-50, None)),
        ("bytes=5-1000000000", slice(5, None)),
    ],
)
async def test_players_may_ask_for_parts(serve, wanted, part):
    served = await serve()
    query = {"text": TEXT, "format": "mp3"}
    whole = await served.ask("GET", "/api/tts", params=query)
    async with served.client.get("/api/tts", params=query, headers={"Range": wanted}) as answer:
        data = await answer.read()
        assert answer.status == 206
        start, stop, _ = part.indices(len(whole))
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
    assert data == whole[part]


@pytest.mark.parametrize("wanted", ["bytes=9999999-", "bytes=2-1", "lines=1", "bytes=0-1,5-6"])
async def test_parts_that_make_no_sense_are_the_whole(serve, wanted):
    served = await serve()
    query = {"text": "はい。"}
    await served.ask("GET", "/api/tts", 200, params=query, headers={"Range": wanted})


@pytest.mark.parametrize(
    ("audio_format", "media_type", "begin"),
    [
        ("wav", "audio/wav", b"RIFF"),
        ("pcm", "audio/pcm", b""),
        ("flac", "audio/flac", b"fLaC"),
        ("ogg", "audio/ogg", b"OggS"),
        ("opus", "audio/ogg", b"OggS"),
        ("mp3", "audio/mpeg", b""),
    ],
)
@pytest.mark.parametrize("path", ["/synthesize", "/synthesize/stream"])
async def test_every_format_comes_as_what_it_is_called(
    serve, path, audio_format, media_type, begin
):
    served = await serve()
    body = {"text": "はい。", "format": audio_format, "sample_rate": 24_000}
    async with served.client.post(path, json=body) as answer:
        data = await answer.read()
        assert answer.status == 200
        assert answer.content_type == media_type
        assert answer.headers["X-Sample-Rate"] == "24000"
    assert data.startswith(begin)
    if audio_format not in ("pcm", "flac"):
        samples, rate_hz = samples_of(data)
        assert rate_hz in (24_000, 48_000)
        assert np.abs(samples).max() > 1000


async def test_ssml_presets_and_priorities_are_understood(serve):
    served = await serve(presets={"quick": {"voice": "mei", "speed": 2.0}})
    ssml = "<speak>はい<break time='2s'/>いいえ</speak>"
    paused = await served.ask("POST", "/synthesize", json={"text": ssml, "markup": "ssml"})
    plain = await served.ask("POST", "/synthesize", json={"text": "はいいいえ"})
    assert len(paused) - len(plain) > 2 * 1.5 * 48_000
    quick = await served.ask("POST", "/synthesize", json={"text": TEXT, "voice": "quick"})
    body = {"text": TEXT, "speed": 2.0, "priority": "alarm"}
    assert quick == await served.ask("POST", "/synthesize", json=body)


@pytest.mark.parametrize(
    ("body", "status", "code", "message"),
    [
        ({}, 422, "invalid", "text: is required"),
        ({"text": ""}, 422, "invalid", "text: "),
        ({"text": "あ" * 5001}, 413, "text-too-long", "at most 5000"),
        ({"text": "あ", "speed": 9}, 422, "invalid", "speed: must be less than or equal to 4"),
        ({"text": "あ", "speed": "1"}, 422, "invalid", "speed: must be a valid number"),
        ({"text": "あ", "sped": 1}, 422, "invalid", "sped: there is no such field"),
        ({"text": "あ", "format": "m4a"}, 422, "invalid", "format: must be 'wav', 'pcm'"),
        ({"text": "あ", "voice": "nobody"}, 404, "voice-not-found", "the voices are mei"),
        ({"text": "あ", "style": "Happy"}, 422, "style-not-found", "Happy"),
        ({"text": "<speak>", "markup": "ssml"}, 422, "bad-markup", "line 1"),
        ({"text": "あ", "speaker_id": 3}, 422, "bad-option", "speaker_id must be from 0 to 0"),
    ],
)
async def test_what_is_wrong_is_said(serve, body, status, code, message):
    served = await serve()
    for path in ("/synthesize", "/synthesize/stream"):
        error = (await served.ask("POST", path, status, json=body))["error"]
        assert error["code"] == code
        assert message in error["message"]


async def test_bodies_that_are_no_json_are_refused(serve):
    served = await serve(max_body_bytes=2000)
    json_type = {"Content-Type": "application/json"}

    async def refused(status, code, **request):
        answer = await served.ask("POST", "/synthesize", status, **request)
        assert answer["error"]["code"] == code

    await refused(415, "unsupported-media-type", data="text=a")
    await refused(415, "unsupported-media-type", data={"text": "a"})
    await refused(400, "bad-request", data=b'{"text": ', headers=json_type)
    await refused(400, "bad-request", data=b'{"text": "\\ud800"}', headers=json_type)
    await refused(400, "bad-request", data=b'{"text": "\xff"}', headers=json_type)
    await refused(400, "bad-request", data=b"[" * 1000, headers=json_type)
    await refused(422, "invalid", data=b"[]", headers=json_type)
    await refused(422, "invalid", data=b'{"text": "a", "speed": NaN}', headers=json_type)
    await refused(413, "too-large", data=b" " * 2001, headers=json_type)


async def test_wrong_addresses_say_what_is_wrong(serve):
    served = await serve()
    for query, message in (
        ({}, "text: is required"),
        ({"text": "a", "speed": "nan"}, "speed: must be a finite number"),
        ({"text": "a", "voice": "mei"}, "voice: there is no such field"),
        ([("text", "a"), ("text", "b")], "text: is there twice"),
    ):
        error = (await served.ask("GET", "/api/tts", 422, params=query))["error"]
        assert error["message"] == message
    error = (await served.ask("GET", "/nowhere", 404))["error"]
    assert error["hint"] == "/openapi.json says what there is"
    async with served.client.put("/synthesize") as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "POST"
        assert (await answer.json())["error"]["code"] == "method-not-allowed"


async def test_a_text_without_anything_to_speak_is_a_short_silence(serve):
    served = await serve()
    samples, rate_hz = samples_of(await served.ask("POST", "/synthesize", json={"text": "。。"}))
    assert 0 < len(samples) < rate_hz
    assert not samples.any()


# Many texts


async def test_a_batch_is_an_archive_with_a_file_for_each_text(serve):
    served = await serve()
    texts = [TEXT, "はい。"]
    data = await served.ask("POST", "/synthesize/batch", json={"texts": texts, "format": "flac"})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        index = json.loads(archive.read("index.json"))
        assert [entry["file"] for entry in index] == ["001.flac", "002.flac"]
        assert [entry["text"] for entry in index] == texts
        for entry in index:
            samples, rate_hz = samples_of(archive.read(entry["file"]))
            expected = served.tts.speakers["mei"].generate(entry["text"])
            assert rate_hz == entry["sample_rate"] == expected.sample_rate_hz
            assert np.array_equal(samples, expected.pcm16())
            assert entry["seconds"] == round(expected.duration_s, 3)


async def test_a_batch_may_be_lines_and_goes_on_after_a_failure(serve):
    served = await serve()
    body = {
        "texts": ["<speak>はい</speak>", "<speak>", "<speak>いいえ</speak>"],
        "markup": "ssml",
        "container": "ndjson",
    }
    async with served.client.post("/synthesize/batch", json=body) as answer:
        assert answer.content_type == "application/x-ndjson"
        lines = [json.loads(line) for line in (await answer.read()).splitlines()]
    assert [line["index"] for line in lines] == [0, 1, 2]
    assert lines[1]["error"]["code"] == "bad-markup"
    for line in (lines[0], lines[2]):
        samples, _ = samples_of(base64.b64decode(line["audio"]))
        assert np.abs(samples).max() > 1000


async def test_a_batch_has_limits(serve):
    served = await serve(max_batch_texts=2)
    path = "/synthesize/batch"
    assert "at most 2" in str(await served.ask("POST", path, 422, json={"texts": ["あ"] * 3}))
    await served.ask("POST", path, 422, json={"texts": []})
    await served.ask("POST", path, 413, json={"texts": ["あ", "あ" * 5001]})
    await served.ask("POST", path, 404, json={"texts": ["あ"], "voice": "nobody"})
