"""OpenAI's own client against the server."""

import base64
import io
import json

import numpy as np
import openai
import pytest
import soundfile

TEXT = "お風呂が沸きました。"


@pytest.fixture
async def served(serve):
    return await serve(presets={"slow": {"voice": "mei", "speed": 0.5}})


@pytest.fixture
async def client(served):
    async with openai.AsyncOpenAI(
        base_url=f"{served.url}/v1", api_key="none-is-needed", max_retries=0
    ) as client:
        yield client


async def speak(client, **changes):
    wanted = {"model": "tts-1", "voice": "alloy", "input": TEXT, **changes}
    return await client.audio.speech.create(**wanted)


@pytest.mark.parametrize(
    ("response_format", "media_type", "container"),
    [
        ("mp3", "audio/mpeg", "MP3"),
        ("opus", "audio/ogg", "OGG"),
        ("flac", "audio/flac", "FLAC"),
        ("wav", "audio/wav", "WAV"),
    ],
)
async def test_every_format_is_what_it_is_called(client, response_format, media_type, container):
    response = await speak(client, response_format=response_format)
    assert response.response.headers["Content-Type"] == media_type
    file = soundfile.SoundFile(io.BytesIO(response.content))
    assert file.format == container
    # A stream does not say how long it is, so what can be read of it depends on the reader.
    first = file.read(file.samplerate // 2, dtype="float32")
    assert len(first) == file.samplerate // 2
    assert np.abs(first).max() > 0.1


async def test_mp3_is_the_default(client):
    response = await speak(client)
    assert response.response.headers["Content-Type"] == "audio/mpeg"


async def test_pcm_is_24_khz(client):
    pcm = np.frombuffer((await speak(client, response_format="pcm")).content, "<i2")
    wav = soundfile.SoundFile(io.BytesIO((await speak(client, response_format="wav")).content))
    assert len(pcm) / 24_000 == pytest.approx(wav.frames / wav.samplerate, abs=0.1)
    assert np.abs(pcm).max() > 3000


async def test_audio_is_streamed(client):
    text = TEXT + "ごゆっくりどうぞ。" * 5
    speaking = client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="mei", input=text, response_format="pcm"
    )
    async with speaking as response:
        assert "Content-Length" not in response.headers
        pieces = [piece async for piece in response.iter_bytes()]
    assert len(pieces) > 3
    assert b"".join(pieces) == (await speak(client, input=text, response_format="pcm")).content


async def test_events_carry_the_same_audio(client):
    speaking = client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="mei", input=TEXT, response_format="pcm", stream_format="sse"
    )
    async with speaking as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        lines = [line async for line in response.iter_lines() if line]
    events = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    audio = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert audio == (await speak(client, response_format="pcm")).content
    assert events[-1]["type"] == "speech.audio.done"
    assert events[-1]["usage"]["input_tokens"] == len(TEXT)


async def test_speed_is_that_of_the_voice_times_what_is_asked_for(client):
    async def seconds(**changes):
        pcm = (await speak(client, response_format="pcm", **changes)).content
        return len(pcm) / 48_000

    natural = await seconds()
    assert await seconds(speed=2.0) == pytest.approx(natural / 2, rel=0.15)
    slow = await seconds(voice="slow")
    assert slow == pytest.approx(natural * 2, rel=0.15)
    assert await seconds(voice="slow", speed=2.0) == pytest.approx(natural, rel=0.05)


@pytest.mark.parametrize("speed", [0.2, 4.1])
async def test_other_speeds_are_refused(client, speed):
    with pytest.raises(openai.BadRequestError, match="speed") as caught:
        await speak(client, speed=speed)
    assert caught.value.param == "speed"


async def test_an_unknown_voice_is_told_which_there_are(client):
    with pytest.raises(openai.BadRequestError, match="the voices are mei, slow") as caught:
        await speak(client, voice="nobody")
    assert caught.value.param == "voice"
    assert caught.value.type == "invalid_request_error"


async def test_a_preset_may_have_the_name_of_one_of_their_voices(serve):
    served = await serve(presets={"alloy": {"voice": "mei", "speed": 2.0}})
    async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="-") as client:
        fast = await speak(client, voice="alloy", response_format="pcm")
        natural = await speak(client, voice="nova", response_format="pcm")
    assert len(fast.content) < 0.7 * len(natural.content)


async def test_a_voice_may_be_an_object_and_end_with_a_priority(client):
    await speak(client, voice={"id": "mei@alarm"})


@pytest.mark.parametrize("changes", [{"input": ""}, {"response_format": "m4a"}, {"voice": 7}])
async def test_what_is_wrong_is_a_bad_request(client, changes):
    with pytest.raises(openai.BadRequestError, match=next(iter(changes))):
        await speak(client, **changes)


async def test_a_field_that_is_not_known_is_ignored(client):
    await speak(client, extra_body={"lang_code": "j"})


async def test_models_are_listed(client):
    models = {model.id async for model in await client.models.list()}
    assert {"hayakoe", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"} <= models
    assert (await client.models.retrieve("tts-1")).id == "tts-1"
    with pytest.raises(openai.NotFoundError, match="the models are hayakoe"):
        await client.models.retrieve("whisper-1")
    with pytest.raises(openai.NotFoundError, match="the models are hayakoe"):
        await speak(client, model="whisper-1")
    await speak(client, model="gpt-4o-mini-tts-2025-12-15")


async def test_voices_are_listed(served):
    async with served.client.get("/v1/audio/voices") as response:
        voices = (await response.json())["voices"]
    assert [voice["id"] for voice in voices] == ["mei", "slow"]
    assert voices[0]["name"] == "メイ（女性・内蔵）"


async def test_the_key_is_the_one_of_the_client(serve):
    served = await serve(api_keys=["secret-key-1"])
    for key, error in (("secret-key-1", None), ("another-key", openai.AuthenticationError)):
        async with openai.AsyncOpenAI(
            base_url=f"{served.url}/v1", api_key=key, max_retries=0
        ) as client:
            if error is None:
                await speak(client)
                continue
            with pytest.raises(error):
                await speak(client)


def test_instructions_name_a_style():
    from types import SimpleNamespace

    from wyoming_hayakoe.http.openai import _style_in

    info = SimpleNamespace(styles=("Neutral", "Happy", "怒り"))
    assert _style_in("Speak in a happy, not angry tone.", info) == "Happy"
    assert _style_in("怒りを込めて", info) == "怒り"
    assert _style_in("Speak slowly.", info) is None
