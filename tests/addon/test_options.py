"""What a user enters in Home Assistant is what the server does; what is wrong is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hayakoe_addon.baked import INDEX
from hayakoe_addon.options import read_options, settings_of

from wyoming_hayakoe.settings import Settings, load_settings

ADDON = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text("utf-8"))
DEFAULTS = ADDON["options"]


@pytest.fixture
def loaded(folders):
    """The server's settings as options make them."""

    def loaded(**options):
        file = folders.run / "settings.yaml"
        file.write_text(yaml.safe_dump(settings_of({**DEFAULTS, **options}, folders)), "utf-8")
        return load_settings(file)

    return loaded


def test_the_defaults_are_those_of_the_server(loaded, caplog):
    settings = loaded()
    untouched = Settings()
    for group in ("voice", "voices", "offline", "threads", "speech", "neural", "log"):
        assert getattr(settings, group) == getattr(untouched, group), group
    assert settings.phrase_cache == untouched.phrase_cache
    assert not caplog.records


def test_the_server_listens_where_home_assistant_asks(loaded):
    settings = loaded()
    assert settings.wyoming.uri == "tcp://0.0.0.0:10200"
    assert not settings.zeroconf.enabled


def test_the_page_is_for_the_supervisor_alone(loaded):
    http = loaded().http
    assert http.ingress_port == ADDON["ingress_port"]
    assert http.trusted_proxies == ("172.30.32.2",)
    assert http.host == "127.0.0.1"


def test_what_is_kept_is_kept_in_data(loaded, folders):
    settings = loaded()
    assert settings.cache == folders.data / "cache"
    assert settings.dictionary == folders.config / "dictionary.yaml"


def test_options_are_settings(loaded, caplog):
    settings = loaded(
        speed=1.2,
        volume=0.5,
        sentence_pause=2,
        precision="fast",
        memory_mb=500,
        cache_mb=10,
        threads=3,
        offline=True,
        hf_token="hf_secret",
        log_level="debug",
        log_text=True,
    )
    assert (settings.speech.speed, settings.speech.volume) == (1.2, 0.5)
    assert settings.speech.pause_scale == 2
    assert (settings.neural.precision, settings.neural.memory_mb) == ("fast", 500)
    assert settings.phrase_cache.disk_mb == 10
    assert (settings.threads, settings.offline) == (3, True)
    assert settings.hf_token.get_secret_value() == "hf_secret"
    assert (settings.log.level, settings.log.text) == ("debug", True)
    assert not caplog.records


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("speed", 9, "option speed: must be less than or equal to 4, not 9; it is ignored"),
        ("threads", "many", "option threads: must be a whole number, not 'many'; it is ignored"),
        ("log_level", "loud", "option log_level: must be 'debug', 'info', 'warning' or 'error'"),
        ("voices", "jvnv-F1-jp", "option voices: it is no list of entries with fields"),
        ("voices", [{"title": "?"}], "option voices, entry 1: it has no name"),
        ("voices", [{"name": "a b"}], "option voices, entry 1: a voice's name has 1 to 64"),
        ("voices", [{"name": "a", "source": "ftp://b"}], "ftp://b: unknown kind of source"),
        ("chime", True, "option chime: there is no such option any more; it is ignored"),
    ],
)
def test_a_wrong_option_is_told_and_its_default_is_used(loaded, caplog, option, value, said):
    settings = loaded(**{option: value}, volume=0.5)
    assert said in caplog.text
    assert settings.speech.speed == 1
    assert settings.threads is None
    assert settings.log.level == "info"
    assert settings.voices == {}
    assert settings.speech.volume == 0.5


def test_a_secret_that_is_wrong_is_not_told(loaded, caplog):
    loaded(hf_token="hf_secret with spaces", http_api=True, api_keys=["short", "secret words"])
    assert "option hf_token: must be a token" in caplog.text
    assert "option api_keys" in caplog.text
    assert "secret" not in caplog.text.replace("must be a token", "")
    assert "short" not in caplog.text


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", '"mei"'])
def test_options_that_cannot_be_read_leave_the_defaults(folders, caplog, content):
    folders.options.write_text(content, "utf-8")
    assert read_options(folders.options) == {}
    assert "the defaults are used" in caplog.text


def test_empty_fields_count_as_absent(folders):
    folders.options.write_text(json.dumps({"style": "", "threads": None, "speed": 0.5}), "utf-8")
    assert read_options(folders.options) == {"speed": 0.5}


# Voices


def test_a_published_voice_is_chosen_by_its_name(loaded, caplog):
    settings = loaded(voice="jvnv-F1-jp", style="Happy")
    assert settings.voice == "jvnv-F1-jp:Happy"
    assert list(settings.voices) == ["jvnv-F1-jp"]
    assert not caplog.records


def test_the_style_may_be_a_part_of_the_name(loaded):
    assert loaded(voice="jvnv-F1-jp:Sad").voice == "jvnv-F1-jp:Sad"


def test_more_voices_come_from_where_they_are_said_to_be(loaded):
    settings = loaded(
        voice="hana",
        style="Whisper",
        voices=[
            {"name": "hana", "source": "hf://me/voices", "title": "花子"},
            {"name": "v1.2", "source": "s3://bucket/voices"},
        ],
    )
    assert settings.voice == "hana:Whisper"
    assert settings.voices["hana"].source == "hf://me/voices"
    assert settings.voices["hana"].title == "花子"
    assert settings.voices["v1.2"].source == "s3://bucket/voices"


def test_an_unknown_voice_is_told_and_mei_speaks(loaded, caplog):
    settings = loaded(voice="hanako", voices=[{"name": "hana", "source": "hf://me/voices"}])
    assert settings.voice == "mei"
    assert "there is no voice 'hanako', so mei speaks; there are mei, hana" in caplog.text


def test_an_unknown_style_is_told_and_the_voice_speaks_in_its_own(loaded, caplog):
    assert loaded(voice="jvnv-F1-jp", style="Bored").voice == "jvnv-F1-jp"
    assert "no style 'Bored'" in caplog.text
    assert "Neutral, Happy, Sad" in caplog.text


def test_the_only_style_of_a_voice_is_the_voice(loaded):
    assert loaded(voice="tsukuyomi_chan", style="Neutral").voice == "tsukuyomi_chan"


def test_mei_has_no_styles(loaded, caplog):
    assert loaded(voice="mei", style="Happy").voice == "mei"
    assert "voice mei has no styles" in caplog.text


def test_voices_of_the_image_are_there(loaded, folders):
    index = {"jvnv-F1-jp": {"source": "hf://lemondouble/hayakoe", "title": None, "styles": ["A"]}}
    (folders.baked / INDEX).write_text(json.dumps(index), "utf-8")
    settings = loaded(voice="jvnv-F1-jp", style="A")
    assert list(settings.voices) == ["jvnv-F1-jp"]
    assert settings.voice == "jvnv-F1-jp"


def test_a_voice_that_is_there_can_get_another_title(loaded, folders):
    folder_voice(folders.share / "hana")
    voice = loaded(voices=[{"name": "hana", "title": "花子"}]).voices["hana"]
    assert (voice.source, voice.title) == (str(folders.share / "hana"), "花子")


# Voices in the user's folders


def folder_voice(folder):
    folder.mkdir(parents=True)
    (folder / "synthesizer.onnx").touch()


def test_voices_in_the_users_folders_are_found(loaded, folders):
    folder_voice(folders.share / "hana")
    (folders.share / "taro.aivmx").touch()
    (folders.share / "jiro").mkdir()
    (folders.share / "jiro/model.AIVMX").touch()
    folder_voice(folders.config / "voices/saburo")
    (folders.share / "notes.txt").touch()
    (folders.share / "empty").mkdir()
    sources = {name: Path(voice.source) for name, voice in loaded().voices.items()}
    assert sources == {
        "hana": folders.share / "hana",
        "taro": folders.share / "taro.aivmx",
        "jiro": folders.share / "jiro",
        "saburo": folders.config / "voices/saburo",
    }


def test_a_copy_of_a_repository_is_taken_apart_into_its_voices(loaded, folders):
    folder_voice(folders.share / "onnx/speakers/hana")
    folder_voice(folders.share / "more/onnx/speakers/taro")
    (folders.share / "onnx/bert/q8").mkdir(parents=True)
    settings = loaded(voice="taro")
    sources = {name: Path(voice.source) for name, voice in settings.voices.items()}
    assert sources == {"hana": folders.share, "taro": folders.share / "more"}
    assert settings.neural.bert_source == str(folders.share)
    assert settings.voice == "taro"


def test_a_voice_whose_name_nobody_could_say_is_told(loaded, folders, caplog):
    folder_voice(folders.share / "はな子")
    folder_voice(folders.share / "hana")
    folder_voice(folders.config / "voices/hana")
    assert list(loaded().voices) == ["hana"]
    assert "はな子 is left out: rename it" in caplog.text
    assert f"{folders.config / 'voices/hana'} is left out" in caplog.text


# The HTTP interface


def test_other_programs_need_a_key(loaded):
    http = loaded(http_api=True, api_keys=["0123456789"]).http
    assert (http.host, http.port) == ("0.0.0.0", 10280)
    assert [key.get_secret_value() for key in http.api_keys] == ["0123456789"]
    assert not http.allow_without_key


@pytest.mark.parametrize("keys", [[], ["short"]])
def test_without_a_good_key_other_programs_are_not_answered(loaded, caplog, keys):
    assert loaded(http_api=True, api_keys=keys).http.host == "127.0.0.1"
    assert "option http_api" in caplog.text
