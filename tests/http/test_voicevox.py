"""A client of VOICEVOX against the server."""

import asyncio
import base64
import io
import json
import threading
import wave
import zipfile

import aiohttp
import numpy as np
import pytest
import vvclient

from hayakoe_engine.tts import TTS
from hayakoe_engine.voices.voice import VoiceInfo
from wyoming_hayakoe.http.voicevox import samples
from wyoming_hayakoe.http.voicevox.styles import style_id_of
from wyoming_hayakoe.settings import SpeechSettings
from wyoming_hayakoe.speech import Request
from wyoming_hayakoe.voices import VoiceBook

TEXT = "明日は晴れです。夜は、雨が降りますか？"
MEI = style_id_of("mei")


@pytest.fixture(autouse=True)
def be_patient(monkeypatch):
    monkeypatch.setattr(samples, "PATIENCE_S", 60.0)


@pytest.fixture
async def served(serve):
    return await serve(presets={"slow": {"voice": "mei", "speed": 0.5, "title": "ゆっくり"}})


@pytest.fixture
async def client(served):
    async with vvclient.Client(served.url) as client:
        yield client


async def post(served, path, content=None, *, status=200, **query):
    async with served.client.post(path, params=query, json=content) as response:
        body = await response.read()
        assert response.status == status, body
        if response.content_type != "application/json":
            return body
        return json.loads(body)


async def get(served, path, **query):
    async with served.client.get(path, params=query) as response:
        assert response.status == 200, await response.read()
        return await response.json()


async def query_of(served, text=TEXT):
    return await post(served, "/audio_query", text=text, speaker=MEI)


async def speak(served, query, speaker=MEI):
    """Samples of the left channel at 48 kHz, and their number per second."""
    return samples_of(await post(served, "/synthesis", query, speaker=speaker))


def samples_of(content):
    with wave.open(io.BytesIO(content)) as file:
        assert file.getframerate() == 48_000
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return pcm.reshape(-1, file.getnchannels())[:, 0].astype(float)


def seconds(samples):
    return len(samples) / 48_000


def pitch_hz(samples):
    import pyworld

    found_hz, _ = pyworld.harvest(samples / 32768, 48_000)
    return float(np.median(found_hz[found_hz > 0]))


async def test_a_client_speaks(client):
    assert await client.fetch_engine_version()
    assert await client.fetch_core_versions()
    await client.init_speaker(MEI)
    assert await client.is_inited_speaker(MEI) is True
    query = await client.create_audio_query(TEXT, speaker=MEI)
    samples = samples_of(await query.synthesis(speaker=MEI))
    assert 3 < seconds(samples) < 8
    assert np.abs(samples).max() > 3000


async def test_a_client_without_a_number_of_ours_gets_the_default_voice(client):
    query = await client.create_audio_query("はい。", speaker=1)
    assert samples_of(await query.synthesis(speaker=1)).any()


async def test_an_unknown_style_is_told_which_there_are(client):
    with pytest.raises(Exception, match="Not found"):
        await client.create_audio_query("はい。", speaker=5000)


async def test_style_numbers_never_change():
    assert (MEI, style_id_of("hana:Happy")) == (1998039398, 598133654)


async def test_voices_and_presets_are_speakers(served):
    mei, slow = await get(served, "/speakers")
    assert (mei["name"], slow["name"]) == ("メイ（女性・内蔵）", "ゆっくり")
    assert mei["styles"] == [{"name": "ノーマル", "id": MEI, "type": "talk"}]
    info = await get(served, "/speaker_info", speaker_uuid=mei["speaker_uuid"])
    assert "CC BY 3.0" in info["policy"]
    assert base64.b64decode(info["portrait"]).startswith(b"\x89PNG")
    assert [style["id"] for style in info["style_infos"]] == [MEI]
    assert await get(served, "/singers") == []
    natural, slowly = [
        await speak(served, await query_of(served, "はい、そうです。"), speaker=style["id"])
        for style in (mei["styles"][0], slow["styles"][0])
    ]
    assert seconds(slowly) > 1.5 * seconds(natural)


def sample_of(content):
    """Samples of a file, and their seconds."""
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getframerate(), file.getnchannels()) == (24_000, 1)
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    return pcm, len(pcm) / 24_000


def decoded(info):
    """The samples of the first style."""
    return [base64.b64decode(text) for text in info["style_infos"][0]["voice_samples"]]


async def test_every_voice_and_preset_lets_itself_be_heard(served):
    mei, slow = await get(served, "/speakers")
    info = await get(served, "/speaker_info", speaker_uuid=mei["speaker_uuid"])
    natural = [sample_of(content) for content in decoded(info)]
    assert len(natural) == 3
    for pcm, duration_s in natural:
        assert 1 < duration_s < 4
        assert np.abs(pcm).max() > 3000
    expected = served.tts.speakers["mei"].generate(samples.TEXTS[0]).resampled(24_000).pcm16()
    assert np.corrcoef(natural[0][0], expected[: len(natural[0][0])])[0, 1] > 0.99
    slowly = await get(served, "/speaker_info", speaker_uuid=slow["speaker_uuid"])
    for (_, duration_s), content in zip(natural, decoded(slowly), strict=True):
        assert sample_of(content)[1] > 1.5 * duration_s


async def test_samples_are_kept(served, caplog):
    (mei, _) = await get(served, "/speakers")
    first = await get(served, "/speaker_info", speaker_uuid=mei["speaker_uuid"])
    caplog.set_level("INFO", "wyoming_hayakoe.speech")
    assert await get(served, "/speaker_info", speaker_uuid=mei["speaker_uuid"]) == first
    assert not caplog.records


async def test_samples_are_also_behind_addresses(served):
    manifest = await get(served, "/engine_manifest")
    assert manifest["supported_features"]["return_resource_url"] is True
    (mei, _) = await get(served, "/speakers")
    query = {"speaker_uuid": mei["speaker_uuid"], "resource_format": "url"}
    info = await get(served, "/speaker_info", **query)
    (style,) = info["style_infos"]
    assert len(style["voice_samples"]) == 3
    contents = {}
    for address in (info["portrait"], style["icon"], *style["voice_samples"]):
        async with aiohttp.request("GET", address) as response:
            assert response.status == 200
            contents[address] = await response.read()
    assert contents[style["icon"]].startswith(b"\x89PNG")
    inside = await get(served, "/speaker_info", speaker_uuid=mei["speaker_uuid"])
    assert decoded(inside) == [contents[address] for address in style["voice_samples"]]
    assert base64.b64decode(inside["portrait"]) == contents[info["portrait"]]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/speaker_info?speaker_uuid=x&resource_format=file", 422),
        (f"/_resources/{MEI}/sample-4.wav", 404),
        (f"/_resources/{MEI}/sample-１.wav", 404),
        ("/_resources/5000/sample-1.wav", 404),
        ("/_resources/-1/picture.png", 404),
        ("/_resources/12345678901/picture.png", 404),
    ],
)
async def test_resources_that_do_not_exist_are_refused(served, path, status):
    async with served.client.get(path) as response:
        assert response.status == status
        assert (await response.json())["detail"]


async def test_while_somebody_is_spoken_to_no_samples_are_made(served):
    (mei, _) = await get(served, "/speakers")
    narration = served.speech.begin(Request(interface="rest"))
    info = await get(served, "/speaker_info", speaker_uuid=mei["speaker_uuid"])
    assert decoded(info) == []
    narration.close()
    info = await get(served, "/speaker_info", speaker_uuid=mei["speaker_uuid"])
    assert len(decoded(info)) == 3


async def test_a_voice_that_is_not_ready_has_no_samples(served):
    served.speech.voices = VoiceBook(
        served.tts.speakers, SpeechSettings(), {}, "mei", loading=["hana"]
    )
    hana = (await get(served, "/speakers"))[1]
    for resource_format in ("base64", "url"):
        query = {"speaker_uuid": hana["speaker_uuid"], "resource_format": resource_format}
        info = await get(served, "/speaker_info", **query)
        assert info["style_infos"][0]["voice_samples"] == []
    path = f"/_resources/{hana['styles'][0]['id']}/sample-1.wav"
    async with served.client.get(path) as response:
        assert response.status == 503
        assert "Retry-After" in response.headers


class Hana:
    """A voice with styles that hums."""

    info = VoiceInfo(
        name="hana",
        title="ハナ",
        sample_rate_hz=16_000,
        licence="CC0",
        credit="nobody",
        url="",
        version="1",
        styles=("Neutral", "Happy"),
    )

    def begin(self, reading, options, rng):  # noqa: ARG002
        level = 0.5 if options.style == "Happy" else 0.25
        yield np.full(1600 * len(reading.mora_phones), level, np.float32)

    def close(self):
        pass


async def test_styles_of_a_voice_are_styles_of_one_speaker(serve):
    with TTS(threads=1).load("mei").load("hana", source=Hana).prepare() as tts:
        served = await serve(tts=tts)
        hana = (await get(served, "/speakers"))[1]
        assert hana["name"] == "ハナ"
        assert [style["name"] for style in hana["styles"]] == ["Neutral", "Happy"]
        happy = hana["styles"][1]["id"]
        assert happy == style_id_of("hana:Happy")
        query = await post(served, "/audio_query", text="はい。", speaker=happy)
        assert query["outputSamplingRate"] == 16_000
        query["outputSamplingRate"] = 48_000
        assert (await speak(served, query, speaker=happy)).max() == pytest.approx(16_384, rel=0.2)


async def test_a_slow_voice_is_not_waited_for_but_heard_the_next_time(serve, monkeypatch):
    monkeypatch.setattr(samples, "PATIENCE_S", 0.1)
    go_on = threading.Event()

    class Slow(Hana):
        def begin(self, reading, options, rng):
            assert go_on.wait(60)
            return super().begin(reading, options, rng)

    with TTS(threads=1).load("mei").load("hana", source=Slow).prepare() as tts:
        served = await serve(tts=tts)
        hana = (await get(served, "/speakers"))[1]
        assert decoded(await get(served, "/speaker_info", speaker_uuid=hana["speaker_uuid"])) == []
        go_on.set()
        async with asyncio.timeout(30):
            while served.speech.active:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert decoded(await get(served, "/speaker_info", speaker_uuid=hana["speaker_uuid"]))


async def test_a_query_tells_how_the_text_is_read(served):
    query = await query_of(served)
    assert query["kana"] == "ア_シタ'ワ/ハレ'デ_ス、ヨ'ルワ、ア'メガ/フリマ'_スカ？"
    phrases = query["accent_phrases"]
    assert [phrase["accent"] for phrase in phrases] == [3, 2, 1, 1, 3]
    assert [phrase["pause_mora"] is not None for phrase in phrases] == [0, 1, 1, 0, 0]
    assert [phrase["is_interrogative"] for phrase in phrases] == [0, 0, 0, 0, 1]
    mora = phrases[0]["moras"][2]
    assert (mora["text"], mora["consonant"], mora["vowel"]) == ("タ", "t", "a")
    assert 0.02 < mora["vowel_length"] < 0.3
    assert 5 < mora["pitch"] < 6.5
    assert (query["speedScale"], query["pauseLength"]) == (1.0, None)
    assert query["outputSamplingRate"] == 48_000


async def test_a_query_as_it_came_is_spoken_as_the_text_is(served):
    query = await query_of(served)
    quiet = {**query, "prePhonemeLength": 0.0, "postPhonemeLength": 0.4}
    spoken = await speak(served, quiet)
    plain = served.tts.speakers["mei"].generate(TEXT).pcm16().astype(float)
    assert np.array_equal(spoken[: len(plain)], plain[: len(spoken)])


async def test_scales_are_honoured(served):
    query = await query_of(served)
    natural = await speak(served, query)
    assert seconds(await speak(served, {**query, "speedScale": 2.0})) == pytest.approx(
        seconds(natural) / 2, rel=0.1
    )
    higher = await speak(served, {**query, "pitchScale": 0.1})
    assert pitch_hz(higher) == pytest.approx(pitch_hz(natural) * 2**0.55, rel=0.1)
    softer = await speak(served, {**query, "volumeScale": 0.25})
    assert np.abs(softer).max() < 0.5 * np.abs(natural).max()
    livelier = await speak(served, {**query, "intonationScale": 2.0})
    assert len(livelier) == pytest.approx(len(natural), rel=0.01)
    assert not np.array_equal(livelier[:10_000], natural[:10_000])


async def test_silence_before_after_and_between_is_honoured(served):
    query = await query_of(served)
    natural = await speak(served, query)
    before = await speak(served, {**query, "prePhonemeLength": 1.1})
    assert seconds(before) - seconds(natural) == pytest.approx(1.0, abs=0.01)
    assert not before[:48_000].any()
    after = await speak(served, {**query, "postPhonemeLength": 1.1})
    assert seconds(after) - seconds(natural) == pytest.approx(1.0, abs=0.01)
    pauses = [phrase["pause_mora"] for phrase in query["accent_phrases"]]
    own = sum(pause["vowel_length"] for pause in pauses if pause)
    longer = await speak(served, {**query, "pauseLength": 1.0})
    assert seconds(longer) - seconds(natural) == pytest.approx(2.0 - own, abs=0.02)
    double = await speak(served, {**query, "pauseLengthScale": 2.0})
    assert seconds(double) - seconds(natural) == pytest.approx(own, abs=0.02)


async def test_rate_and_channels_are_honoured(served):
    query = {**await query_of(served, "はい。"), "outputSamplingRate": 24_000, "outputStereo": True}
    with wave.open(io.BytesIO(await post(served, "/synthesis", query, speaker=MEI))) as file:
        assert (file.getframerate(), file.getnchannels()) == (24_000, 2)
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert pcm.any()
    assert np.array_equal(pcm[:, 0], pcm[:, 1])


async def test_edited_moras_are_honoured(served):
    query = await query_of(served, "雨です。")
    natural = await speak(served, query)
    longer = json.loads(json.dumps(query))
    longer["accent_phrases"][0]["moras"][1]["vowel_length"] += 0.5
    assert seconds(await speak(served, longer)) - seconds(natural) == pytest.approx(0.5, abs=0.01)
    higher = json.loads(json.dumps(query))
    for mora in higher["accent_phrases"][0]["moras"]:
        mora["pitch"] += 0.5 if mora["pitch"] else 0.0
    assert pitch_hz(await speak(served, higher)) > 1.4 * pitch_hz(natural)


async def test_an_edited_accent_is_honoured_with_new_pitch_or_without(served):
    query = await query_of(served, "雨です。")
    natural = await speak(served, query)
    phrases = [{**query["accent_phrases"][0], "accent": 4}]
    moved = await speak(served, {**query, "accent_phrases": phrases})
    assert not np.array_equal(moved, natural)
    given = await post(served, "/mora_pitch", phrases, speaker=MEI)
    assert given != phrases
    assert np.array_equal(await speak(served, {**query, "accent_phrases": given}), moved)


async def test_only_what_is_asked_for_is_found_anew(served):
    (phrase,) = (await query_of(served, "雨です。"))["accent_phrases"]
    edited = json.loads(json.dumps(phrase))
    edited["moras"][0] |= {"vowel_length": 1.0, "pitch": 6.5}
    both, length, pitch = [
        (await post(served, path, [edited], speaker=MEI))[0]
        for path in ("/mora_data", "/mora_length", "/mora_pitch")
    ]
    assert both == phrase
    assert length["moras"][0]["pitch"] == 6.5
    assert length["moras"][0]["vowel_length"] == phrase["moras"][0]["vowel_length"]
    assert pitch["moras"][0]["vowel_length"] == 1.0
    assert pitch["moras"][0]["pitch"] == phrase["moras"][0]["pitch"]


async def test_a_reading_in_kana_is_spoken(served):
    phrases = await post(
        served, "/accent_phrases", text="ア'メ/デ'_ス、ソ'オ？", speaker=MEI, is_kana="true"
    )
    assert [phrase["accent"] for phrase in phrases] == [1, 1, 1]
    assert phrases[1]["moras"][1]["vowel"] == "U"
    assert phrases[1]["pause_mora"]["vowel"] == "pau"
    assert phrases[2]["is_interrogative"]
    assert phrases[0]["moras"][0]["vowel_length"] > 0
    query = {**await query_of(served), "accent_phrases": phrases}
    assert (await speak(served, query)).any()


async def test_a_question_is_one_unless_it_must_not_be(served):
    query = await query_of(served, "雨ですか？")
    asked = await post(served, "/synthesis", query, speaker=MEI)
    flat = await post(
        served, "/synthesis", query, speaker=MEI, enable_interrogative_upspeak="false"
    )
    assert asked != flat


async def test_bad_kana_is_explained(served):
    assert await post(served, "/validate_kana", text="ア'メ") is True
    problem = await post(served, "/validate_kana", text="アメ", status=400)
    assert problem["detail"]["error_name"] == "ACCENT_NOTFOUND"
    problem = await post(
        served, "/accent_phrases", text="天'気", speaker=MEI, is_kana="1", status=400
    )
    assert problem["detail"]["error_name"] == "UNKNOWN_TEXT"


@pytest.mark.parametrize("text", ["雨「℃", "ーア", "1」人、ーイ", "ァッ/ーヮ"])
async def test_odd_texts_are_spoken(served, text):
    assert (await speak(served, await query_of(served, text))).any()


async def test_nothing_to_say_is_silence(served):
    query = await query_of(served, "…")
    assert query["accent_phrases"] == []
    assert not (await speak(served, query)).any()


async def test_several_queries_come_as_a_zip(served):
    queries = [await query_of(served, text) for text in ("はい。", "いいえ。")]
    content = await post(served, "/multi_synthesis", queries, speaker=MEI)
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.namelist() == ["001.wav", "002.wav"]
    assert np.array_equal(samples_of(archive.read("001.wav")), await speak(served, queries[0]))


async def test_waves_are_joined(served):
    one = await post(served, "/synthesis", await query_of(served, "はい。"), speaker=MEI)
    half = {**await query_of(served, "はい。"), "outputSamplingRate": 24_000}
    other = await post(served, "/synthesis", half, speaker=MEI)
    files = [base64.b64encode(content).decode() for content in (one, other)]
    joined = samples_of(await post(served, "/connect_waves", files))
    assert len(joined) == pytest.approx(2 * len(samples_of(one)), abs=10)
    damaged = base64.b64encode(one[:16] + b"\xff" * 4 + one[20:]).decode()
    for wrong in ("no wave", "AAAA", damaged):
        problem = await post(served, "/connect_waves", [files[0], wrong], status=422)
        assert problem["detail"][0]["loc"] == ["body", 1]


async def test_json_that_is_not_said_to_be_json_is_taken(served):
    content = json.dumps(await query_of(served, "はい。")).encode()
    url = f"/cancellable_synthesis?speaker={MEI}"
    request = served.client.post(url, data=content, skip_auto_headers=["Content-Type"])
    async with request as response:
        assert response.status == 200


async def test_whoever_hangs_up_stops_the_synthesis(served):
    query = await query_of(served, "長い文章を読んでいる途中です。" * 60)
    asking = asyncio.create_task(post(served, "/cancellable_synthesis", query, speaker=MEI))
    async with asyncio.timeout(30):
        while not served.tts.active_utterances:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        asking.cancel()
        while served.tts.active_utterances:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_json_comes_without_a_charset(served):
    async with served.client.get("/version") as response:
        assert response.headers["Content-Type"] == "application/json"


async def test_devices_and_features_are_told(served):
    assert await get(served, "/supported_devices") == {"cpu": True, "cuda": False, "dml": False}
    manifest = await get(served, "/engine_manifest")
    assert manifest["supported_features"]["adjust_mora_pitch"] is True
    assert manifest["default_sampling_rate"] == 48_000


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"speedScale": 0}, ["body", "speedScale"]),
        ({"volumeScale": "loud"}, ["body", "volumeScale"]),
        ({"accent_phrases": [{"moras": [], "accent": 1}]}, ["body", "accent_phrases", 0, "moras"]),
    ],
)
async def test_what_is_wrong_is_named(served, changes, place):
    query = {**await query_of(served, "はい。"), **changes}
    problem = await post(served, "/synthesis", query, speaker=MEI, status=422)
    assert problem["detail"][0]["loc"] == place


async def test_what_would_last_too_long_is_refused(served):
    query = await query_of(served, "はい。")
    (phrase,) = query["accent_phrases"]
    phrase["moras"][0]["vowel_length"] = 29.0
    query["accent_phrases"] = [phrase] * 3
    problem = await post(served, "/synthesis", query, speaker=MEI, status=422)
    assert "longer than 60 s" in problem["detail"][0]["msg"]
    query["accent_phrases"] = [phrase] * 30
    problem = await post(served, "/synthesis", query, speaker=MEI, status=422)
    assert "at most 600 s" in problem["detail"][0]["msg"]


async def test_a_text_or_query_beyond_the_limit_is_refused(serve):
    served = await serve(max_text_chars=10)
    problem = await post(served, "/audio_query", speaker=MEI, text="あ" * 11, status=413)
    assert "at most 10" in problem["detail"]
    query = await query_of(served, "あ" * 10)
    query["accent_phrases"] *= 2
    await post(served, "/synthesis", query, speaker=MEI, status=413)


@pytest.mark.parametrize("mora", ["漢", "ァ", "アイ"])
async def test_moras_must_be_moras(served, mora):
    query = await query_of(served, "はい。")
    query["accent_phrases"][0]["moras"][0]["text"] = mora
    problem = await post(served, "/synthesis", query, speaker=MEI, status=422)
    assert problem["detail"][0]["loc"] == ["body", "accent_phrases", 0]
