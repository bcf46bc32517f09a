"""The user dictionary and presets as clients of VOICEVOX change them."""

import asyncio
import json

import pytest

from hayakoe_engine.tts import TTS
from wyoming_hayakoe.http.voicevox.presets import FILE_NAME
from wyoming_hayakoe.http.voicevox.styles import style_id_of

MEI = style_id_of("mei")
PRESET = {
    "id": 3,
    "name": "ゆっくり",
    "speaker_uuid": "x",
    "style_id": MEI,
    "speedScale": 0.8,
    "pitchScale": 0.05,
    "intonationScale": 1.2,
    "volumeScale": 0.9,
    "prePhonemeLength": 0.2,
    "postPhonemeLength": 0.3,
}


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
async def served(serve, folder):
    with TTS(threads=1, dictionary=folder / "words.yaml").load("mei").prepare() as tts:
        yield await serve(tts=tts)


async def ask(served, method, path, content=None, *, status=200, **query):
    async with served.client.request(method, path, params=query, json=content) as response:
        body = await response.read()
        assert response.status == status, body
        return json.loads(body) if body else None


async def kana_of(served, text):
    return (await ask(served, "POST", "/audio_query", text=text, speaker=MEI))["kana"]


async def test_a_word_is_added_changed_and_removed(served):
    word = {"surface": "HayaKoe", "pronunciation": "ハヤコエ", "accent_type": 0}
    number = await ask(served, "POST", "/user_dict_word", **word, word_type="PROPER_NOUN")
    assert await kana_of(served, "HayaKoe") == "ハヤコエ'"
    (found,) = (await ask(served, "GET", "/user_dict")).values()
    assert found["surface"] == "HayaKoe"
    assert (found["accent_type"], found["mora_count"], found["priority"]) == (0, 4, 5)
    await ask(served, "PUT", f"/user_dict_word/{number}", **{**word, "accent_type": 2}, status=204)
    assert await kana_of(served, "HayaKoe") == "ハヤ'コエ"
    await ask(served, "DELETE", f"/user_dict_word/{number}", status=204)
    assert await ask(served, "GET", "/user_dict") == {}
    await ask(served, "DELETE", f"/user_dict_word/{number}", status=404)


async def test_a_wrong_word_is_explained(served):
    word = {"surface": "雨", "pronunciation": "rain", "accent_type": 0}
    problem = await ask(served, "POST", "/user_dict_word", **word, status=422)
    assert "no kana" in problem["detail"]
    problem = await ask(served, "POST", "/user_dict_word", surface="雨", status=422)
    assert problem["detail"][0]["loc"][0] == "query"


async def test_words_are_imported_as_they_are_listed(served):
    word = {"surface": "雨雲", "pronunciation": "アマグモ", "accent_type": 3}
    await ask(served, "POST", "/user_dict_word", **word)
    listed = await ask(served, "GET", "/user_dict")
    (number,) = listed
    await ask(served, "DELETE", f"/user_dict_word/{number}", status=204)
    await ask(served, "POST", "/import_user_dict", listed, override="true", status=204)
    assert await ask(served, "GET", "/user_dict") == listed
    changed = {number: {**listed[number], "accent_type": 1}}
    await ask(served, "POST", "/import_user_dict", changed, override="false", status=204)
    assert await ask(served, "GET", "/user_dict") == listed
    await ask(served, "POST", "/import_user_dict", changed, override="true", status=204)
    assert (await ask(served, "GET", "/user_dict"))[number]["accent_type"] == 1
    await ask(served, "POST", "/import_user_dict", [1], override="false", status=422)


async def test_presets_are_kept_beside_the_dictionary(served, folder, serve):
    assert await ask(served, "GET", "/presets") == []
    assert await ask(served, "POST", "/add_preset", PRESET) == 3
    assert await ask(served, "POST", "/add_preset", {**PRESET, "id": 2**31 - 1}) == 2**31 - 1
    assert await ask(served, "POST", "/add_preset", PRESET) == 0
    assert await ask(served, "POST", "/update_preset", {**PRESET, "name": "はやい"}) == 3
    for number in (0, 2**31 - 1):
        await ask(served, "POST", "/delete_preset", id=number, status=204)
    again = await serve(tts=served.tts)
    (preset,) = await ask(again, "GET", "/presets")
    assert preset == {**PRESET, "name": "はやい", "pauseLength": None, "pauseLengthScale": 1.0}
    assert (folder / FILE_NAME).exists()


async def test_a_query_takes_the_manners_of_a_preset(served):
    await ask(served, "POST", "/add_preset", PRESET)
    query = await ask(served, "POST", "/audio_query_from_preset", text="はい。", preset_id=3)
    assert {key: query[key] for key in PRESET if key in query} == {
        key: value for key, value in PRESET.items() if "Scale" in key or "Length" in key
    }
    assert query["accent_phrases"]
    await ask(served, "POST", "/audio_query_from_preset", text="はい。", preset_id=9, status=404)


async def test_presets_that_are_wrong_are_refused(served):
    await ask(served, "POST", "/update_preset", PRESET, status=404)
    await ask(served, "POST", "/delete_preset", id=3, status=404)
    await ask(served, "POST", "/add_preset", {**PRESET, "style_id": 5000}, status=404)
    await ask(served, "POST", "/add_preset", {**PRESET, "speedScale": 0}, status=422)


async def test_presets_that_are_added_at_once_are_all_there(served):
    numbers = await asyncio.gather(
        *(ask(served, "POST", "/add_preset", {**PRESET, "id": -1}) for _ in range(8))
    )
    assert sorted(numbers) == list(range(8))
    assert len(await ask(served, "GET", "/presets")) == 8


async def test_a_damaged_file_is_told_of_and_left_alone(served, folder):
    (folder / FILE_NAME).write_text("[{]")
    problem = await ask(served, "GET", "/presets", status=503)
    assert FILE_NAME in problem["detail"]
    await ask(served, "POST", "/add_preset", PRESET, status=503)
    assert (folder / FILE_NAME).read_text() == "[{]"
    assert await kana_of(served, "はい。") == "ハ'イ"
