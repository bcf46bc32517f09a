"""Settings: where they come from, and what is said about wrong ones."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hayakoe_engine.errors import ConfigError
from hayakoe_engine.options import RANGES
from wyoming_hayakoe.settings import Settings, SpeechSettings, load_settings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for variable in list(os.environ):  # noqa: TID251 - to be empty
        if variable.upper().startswith("HAYAKOE_"):
            monkeypatch.delenv(variable)


@pytest.fixture
def write(tmp_path):
    """Write a configuration file and return its path."""

    def write(content):
        path = tmp_path / "hayakoe.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def complaints(config=None, flags=None):
    """The lines about wrong settings."""
    with pytest.raises(ConfigError) as caught:
        load_settings(config, flags)
    return str(caught.value).splitlines()


# Where they come from


def test_without_any_source_there_are_defaults():
    loaded = load_settings()
    assert loaded.voice == "mei"
    assert loaded.threads is None
    assert loaded.speech == SpeechSettings()
    assert loaded.presets == {}
    assert loaded.wyoming.uri == "tcp://0.0.0.0:10200"
    assert loaded.zeroconf.enabled is True
    assert loaded.log.level == "info"
    assert loaded.log.text is False


def test_each_source_overrides_the_one_before(write, monkeypatch):
    config = write("speech: {speed: 1.1, volume: 1.1, pause_scale: 1.1}\nthreads: 1")
    monkeypatch.setenv("HAYAKOE_SPEECH__VOLUME", "1.2")
    monkeypatch.setenv("HAYAKOE_SPEECH__PAUSE_SCALE", "1.2")
    monkeypatch.setenv("HAYAKOE_THREADS", "2")
    loaded = load_settings(config, {"speech": {"pause_scale": "1.3"}, "threads": "3"})
    assert loaded.speech.intonation_scale == 1.0
    assert loaded.speech.speed == 1.1
    assert loaded.speech.volume == 1.2
    assert loaded.speech.pause_scale == 1.3
    assert loaded.threads == 3


def test_sources_add_to_each_others_presets(write, monkeypatch):
    config = write("presets: {quick: {voice: mei, speed: 2}, quiet: {voice: mei, volume: 0.5}}")
    monkeypatch.setenv("HAYAKOE_PRESETS__QUICK__SPEED", "3")
    monkeypatch.setenv("HAYAKOE_PRESETS__DEEP", '{"voice": "mei", "pitch_scale": 0.8}')
    presets = load_settings(config, {"presets": {"quiet": {"title": "静か"}}}).presets
    assert list(presets) == ["quick", "quiet", "deep"]
    assert presets["quick"].speed == 3
    assert presets["quiet"].volume == 0.5
    assert presets["quiet"].title == "静か"
    assert presets["deep"].pitch_scale == 0.8


def test_a_variable_of_a_group_holds_json_and_its_keys_may_be_set_beside_it(monkeypatch):
    monkeypatch.setenv("HAYAKOE_SPEECH", '{"speed": 1.5, "volume": 0.5}')
    monkeypatch.setenv("HAYAKOE_SPEECH__VOLUME", "0.7")
    speech = load_settings().speech
    assert (speech.speed, speech.volume) == (1.5, 0.7)


def test_a_variable_names_the_file_and_the_argument_wins(write, tmp_path, monkeypatch):
    monkeypatch.setenv("HAYAKOE_CONFIG", str(write("threads: 7")))
    assert load_settings().threads == 7
    other = tmp_path / "other.yaml"
    other.write_text("threads: 8")
    assert load_settings(other).threads == 8


def test_an_empty_variable_names_no_file(monkeypatch):
    monkeypatch.setenv("HAYAKOE_CONFIG", "")
    assert load_settings().voice == "mei"


@pytest.mark.parametrize(
    "content",
    ["", "\n", "# nothing\n", "---\n", "null\n", "speech:\npresets:\nwyoming:\nlog:\n"],
)
def test_an_empty_file_and_empty_groups_leave_the_defaults(write, content):
    assert load_settings(write(content)).model_dump() == load_settings().model_dump()


def test_a_file_may_begin_with_a_byte_order_mark(write):
    assert load_settings(write(b"\xef\xbb\xbfthreads: 3\n")).threads == 3


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().speech.speed = 2.0


# Files that cannot be read


def test_a_file_that_is_not_there(tmp_path):
    assert complaints(tmp_path / "nope.yaml") == [
        f"there is no configuration file {tmp_path / 'nope.yaml'}"
    ]


def test_a_file_named_by_the_variable_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("HAYAKOE_CONFIG", str(tmp_path / "nope.yaml"))
    assert complaints() == [f"there is no configuration file {tmp_path / 'nope.yaml'}"]


def test_a_folder(tmp_path):
    assert complaints(tmp_path) == [
        f"cannot read the configuration file {tmp_path}: Is a directory"
    ]


@pytest.mark.parametrize("content", ["speed", "3", "false", "[1, 2]", "- [voice, mei]\n"])
def test_a_file_that_is_no_mapping(write, content):
    config = write(content)
    assert complaints(config) == [
        f"the configuration file {config} must hold lines of the form KEY: VALUE"
    ]


@pytest.mark.parametrize(
    "content",
    [
        "voice: [1",
        "voice: mei\n\tthreads: 1",
        "voice: mei\n---\nvoice: mei",
        "? [a]\n: 1",
        "voice: 2020-13-01",
        "voice: !!python/name:os.system",
        "voice: !!timestamp foo",
        "voice: !!int foo",
        "voice: !!bool foo",
        "[" * 2000,
    ],
)
def test_a_file_that_is_not_yaml(write, content):
    config = write(content)
    assert complaints(config)[0].startswith(f"the configuration file {config} is not YAML: ")


def test_a_yaml_error_says_where(write):
    config = write("voice: mei\nspeech: {speed: 1")
    assert any(f'in "{config}", line 2' in line for line in complaints(config))


def test_a_file_that_is_not_utf8(write):
    config = write("voice: 声\n".encode("shift_jis"))
    assert complaints(config)[0].startswith(f"the configuration file {config} is not UTF-8: ")


# Keys that do not exist

TOP = (
    "voice, dictionary, cache, machine_cache, offline, hf_token, threads, max_utterances, speech, "
    "text, voices, neural, cluster, fallback, phrase_cache, pacing, presets, wyoming, http, "
    "zeroconf, log"
)
SPEECH = (
    "speed, pitch_scale, intonation_scale, volume, pause_scale, style_weight, sdp_ratio, noise, "
    "noise_w, speaker_id"
)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (
            "vioce: mei",
            f"vioce: there is no such setting; did you mean 'voice'? The settings here are {TOP}",
        ),
        ("qqq: 1", f"qqq: there is no such setting; the settings here are {TOP}"),
        (
            "speech: {sped: 2}",
            (
                "speech.sped: there is no such setting; did you mean 'speed'? "
                f"The settings here are {SPEECH}"
            ),
        ),
        (
            "presets: {a: {voice: mei, volum: 2}}",
            (
                "presets.a.volum: there is no such setting; did you mean 'volume'? "
                f"The settings here are voice, style, title, {SPEECH}"
            ),
        ),
        (
            "voices: {a: {source: /a, tilte: 花}}",
            (
                "voices.a.tilte: there is no such setting; did you mean 'title'? "
                "The settings here are source, title"
            ),
        ),
        (
            "log: {colour: 2}",
            "log.colour: there is no such setting; the settings here are level, format, text",
        ),
        (
            "SPEECH: {speed: 2}",
            f"SPEECH: there is no such setting; the settings here are {TOP}",
        ),
        (
            "_env_file: secrets",
            f"_env_file: there is no such setting; the settings here are {TOP}",
        ),
        ("1: 2", f"1: there is no such setting; the settings here are {TOP}"),
    ],
)
def test_an_unknown_key_is_named_with_those_that_exist(write, content, line):
    assert complaints(write(content)) == [line]


def test_an_unknown_flag_is_named():
    assert complaints(flags={"_env_file": "x", "speech": {"sped": "2"}}) == [
        f"_env_file: there is no such setting; the settings here are {TOP}",
        (
            "speech.sped: there is no such setting; did you mean 'speed'? "
            f"The settings here are {SPEECH}"
        ),
    ]


@pytest.mark.parametrize(
    ("variable", "line"),
    [
        (
            "HAYAKOE_VIOCE",
            (
                "environment variable HAYAKOE_VIOCE: vioce: there is no such setting; "
                f"did you mean 'voice'? The settings here are {TOP}"
            ),
        ),
        (
            "HAYAKOE_SPEECH_SPEED",
            (
                "environment variable HAYAKOE_SPEECH_SPEED: speech_speed: there is no such "
                f"setting; did you mean 'speech'? The settings here are {TOP}"
            ),
        ),
        (
            "hayakoe_thraeds",
            (
                "environment variable hayakoe_thraeds: thraeds: there is no such setting; "
                f"did you mean 'threads'? The settings here are {TOP}"
            ),
        ),
        (
            "HAYAKOE_THREADS__COUNT",
            "environment variable HAYAKOE_THREADS__COUNT: threads is a single setting",
        ),
        (
            "HAYAKOE_SPEECH__SPED",
            (
                "speech.sped: there is no such setting; did you mean 'speed'? "
                f"The settings here are {SPEECH}"
            ),
        ),
    ],
)
def test_an_unknown_variable_is_named(monkeypatch, variable, line):
    monkeypatch.setenv(variable, "1")
    assert complaints() == [line]


# Values that are wrong


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("speech: {speed: fast}", "speech.speed: must be a number, not 'fast'"),
        ("speech: {speed: }", "speech.speed: must be a number, not empty"),
        ("speech: {speed: [1]}", "speech.speed: must be a number, not [1]"),
        ("speech: {speed: .nan}", "speech.speed: must be less than or equal to 4, not nan"),
        ("speech: {speed: .inf}", "speech.speed: must be less than or equal to 4, not inf"),
        ("speech: 2", "speech: must be a group of settings, not 2"),
        ("speech: &loop {speed: *loop}", "speech.speed: must be a number, not {'speed': {"),
        ("presets: [mei]", "presets: must be a group of settings, not ['mei']"),
        ("presets: {a: mei}", "presets.a: must be a group of settings, not 'mei'"),
        ("voices: mei", "voices: must be a group of settings, not 'mei'"),
        ("voices: {a: /a}", "voices.a: must be a group of settings, not '/a'"),
        ("voices: {a: {source: ''}}", "voices.a.source: must have at least 1 character, not ''"),
        ("neural: {precision: best}", "neural.precision: must be 'auto', 'exact', 'balanced' or"),
        ("neural: {memory_mb: 0}", "neural.memory_mb: must be greater than or equal to 1, not 0"),
        ("threads: 1.5", "threads: must be a whole number, not 1.5"),
        ("threads: many", "threads: must be a whole number, not 'many'"),
        ("threads: 0", "threads: must be greater than or equal to 1, not 0"),
        (f"threads: {10**30}", "threads: must be less than or equal to 256, not 1000000"),
        ("voice: 3", "voice: must be text, not 3"),
        ("zeroconf: {enabled: maybe}", "zeroconf.enabled: must be true or false, not 'maybe'"),
        ("zeroconf: {name: ''}", "zeroconf.name: must have at least 1 character, not ''"),
        (f"zeroconf: {{name: {'n' * 64}}}", "zeroconf.name: must have at most 63 characters, not"),
        ("log: {level: loud}", "log.level: must be 'debug', 'info', 'warning' or 'error', not"),
        ("wyoming: {idle_flush_s: 0}", "wyoming.idle_flush_s: must be greater than 0, not 0"),
        (
            "wyoming: {uri: nowhere}",
            (
                "wyoming.uri: 'nowhere' is no address to listen on; "
                "use tcp://HOST:PORT, unix:///PATH or stdio://"
            ),
        ),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(write, content, line):
    (found,) = complaints(write(content))
    assert found.startswith(line)
    assert len(found) < 300


@pytest.mark.parametrize("option", sorted(set(RANGES) - {"seed"}))
def test_speech_and_presets_take_what_the_engine_takes(write, option):
    low, high = RANGES[option]
    for value in (low, high):
        loaded = load_settings(
            write(
                f"speech: {{{option}: {value}}}\npresets: {{a: {{voice: mei, {option}: {value}}}}}"
            )
        )
        assert getattr(loaded.speech, option) == value
        assert getattr(loaded.presets["a"], option) == value
    for value in (low - 0.01, high + 0.01):
        assert complaints(write(f"speech: {{{option}: {value}}}"))[0].startswith(
            f"speech.{option}:"
        )
        (line,) = complaints(write(f"presets: {{a: {{voice: mei, {option}: {value}}}}}"))
        assert line.startswith(f"presets.a.{option}: must be ")


def test_everything_that_is_wrong_is_said_at_once(write, monkeypatch):
    monkeypatch.setenv("HAYAKOE_VIOCE", "mei")
    monkeypatch.setenv("HAYAKOE_LOG__LEVEL", "loud")
    lines = complaints(
        write("qqq: 1\nspeech: {speed: 9, sped: 1}"), {"threads": "none", "rrr": "1"}
    )
    keys = [line.removeprefix("environment variable HAYAKOE_").partition(":")[0] for line in lines]
    assert sorted(keys) == [
        "VIOCE",
        "log.level",
        "qqq",
        "rrr",
        "speech.sped",
        "speech.speed",
        "threads",
    ]


@pytest.mark.parametrize("value", ["1", "[]", '"x"', "true"])
def test_a_variable_of_a_group_that_holds_something_else(monkeypatch, value):
    monkeypatch.setenv("HAYAKOE_SPEECH", value)
    (line,) = complaints()
    assert line.startswith("speech: must be a group of settings, not ")


def test_a_variable_of_a_group_that_holds_no_json(monkeypatch):
    monkeypatch.setenv("HAYAKOE_PRESETS", '{"quick": ')
    (line,) = complaints()
    assert "presets" in line
    assert "JSON" in line


# Neural voices


def test_voices_have_sources_and_titles(write):
    loaded = load_settings(
        write(
            "cache: /var/cache/voices\n"
            "voices:\n"
            "  jvnv-F1-jp: {source: /share/voices}\n"
            "  hana: {source: 'file:///hana', title: 花}\n"
            "neural:\n"
            "  {precision: exact, bert_source: /share/voices, memory_mb: 500, compiled: yes}\n"
        )
    )
    assert loaded.cache == Path("/var/cache/voices")
    assert list(loaded.voices) == ["jvnv-F1-jp", "hana"]
    assert loaded.voices["jvnv-F1-jp"].source == "/share/voices"
    assert loaded.voices["jvnv-F1-jp"].title is None
    assert loaded.voices["hana"].title == "花"
    assert loaded.neural.precision == "exact"
    assert loaded.neural.bert_source == "/share/voices"
    assert loaded.neural.memory_mb == 500
    assert loaded.neural.compiled


def test_the_variable_of_all_voices_takes_any_name(monkeypatch):
    monkeypatch.setenv("HAYAKOE_VOICES", '{"jvnv-F1-jp": {"source": "/share/voices"}}')
    monkeypatch.setenv("HAYAKOE_VOICES__HANA__SOURCE", "/hana")
    assert set(load_settings().voices) == {"jvnv-F1-jp", "hana"}


def test_the_cache_may_be_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings(flags={"cache": "~/voices"}).cache == tmp_path / "voices"


def test_a_voice_without_a_source_is_an_official_one(write):
    loaded = load_settings(write("voices: {jvnv-F1-jp: , hana: {title: 花}}"))
    assert {voice.source for voice in loaded.voices.values()} == {"hf://lemondouble/hayakoe"}


def test_sources_are_of_many_kinds():
    for source in ("hf://me/voices@v1", "https://huggingface.co/me/voices", "s3://voices/ja"):
        assert load_settings(flags={"neural": {"bert_source": source}})


def test_the_token_is_shown_nowhere(monkeypatch):
    monkeypatch.setenv("HAYAKOE_HF_TOKEN", "hf_sesame")
    loaded = load_settings()
    assert loaded.hf_token.get_secret_value() == "hf_sesame"
    assert "sesame" not in f"{loaded} {loaded!r} {loaded.model_dump()} {loaded.model_dump_json()}"
    for token in ("hf sesame", "sesame\n", "ゴマ sesame", ["sesame"], {"sesame": 1}, 5):
        (line,) = complaints(flags={"hf_token": token})
        assert line == "hf_token: must be a token: text without spaces"


def test_the_name_of_the_embedded_voice_is_taken(write):
    assert complaints(write("voices: {mei: {source: /share/voices}}")) == [
        "voices.mei: the embedded voice has this name; choose another one"
    ]


@pytest.mark.parametrize("name", ["", "花", "a b", "mei:Happy", "x" * 65, 7])
def test_a_voice_may_not_be_called(write, name):
    config = write(yaml.safe_dump({"voices": {name: {"source": "/a"}}}, allow_unicode=True))
    assert "a voice's name has 1 to 64 letters a-z, digits, " in "\n".join(complaints(config))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("gopher://host/voices", "gopher://host/voices: unknown kind of source"),
        ("file://share/voices", "file://share/voices: a file has three slashes, as in file:///sh"),
        ("~nobody-of-this-name/voices", "Could not determine home directory"),
    ],
)
def test_a_source_that_is_none(source, reason):
    (line,) = complaints(flags={"voices": {"hana": {"source": source}}})
    assert line.startswith(f"voices.hana.source: {reason}")
    (line,) = complaints(flags={"neural": {"bert_source": source}})
    assert line.startswith(f"neural.bert_source: {reason}")


def test_a_cache_in_the_home_folder_of_nobody():
    (line,) = complaints(flags={"cache": "~nobody-of-this-name/cache"})
    assert line.startswith("cache: ")


# Presets


def test_a_preset_needs_a_voice(write):
    assert complaints(write("presets: {quick: {speed: 2}, empty: }")) == [
        "presets.quick.voice: this setting is required",
        "presets.empty.voice: this setting is required",
    ]


@pytest.mark.parametrize("name", ["a", "7", "mei-fast", "Night_2.0", "x" * 64])
def test_a_preset_may_be_called(name):
    assert name in load_settings(flags={"presets": {name: {"voice": "mei"}}}).presets


@pytest.mark.parametrize("name", ["", "早口", "a b", "-a", "mei:Happy", "a\n", "x" * 65, 7])
def test_a_preset_may_not_be_called(write, name):
    config = write(yaml.safe_dump({"presets": {name: {"voice": "mei"}}}, allow_unicode=True))
    assert "a preset's name has 1 to 64 letters a-z, digits, " in "\n".join(complaints(config))


# Whatever the file holds

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=5),
    st.dates(),
)
KEYS = st.one_of(
    st.sampled_from(
        [
            *Settings.model_fields,
            *SpeechSettings.model_fields,
            *("uri", "enabled", "name", "level", "voice", "style", "quick"),
        ]
    ),
    LEAVES,
)
DATA = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


def outcome(config):
    """The settings, or what is said about them; nothing else may be raised."""
    try:
        return load_settings(config)
    except ConfigError as error:
        return str(error)


@settings(max_examples=120, deadline=None)
@given(DATA)
@example({"voice": "mei", "speech": {"speed": 2}})
def test_any_data_is_settings_or_a_config_error(data):
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "hayakoe.yaml"
        config.write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
        assert outcome(config)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_settings_or_a_config_error(content):
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "hayakoe.yaml"
        config.write_bytes(content)
        assert outcome(config)


def test_a_title_that_no_client_could_be_sent_is_refused(tmp_path):
    path = tmp_path / "hayakoe.yaml"
    path.write_text('presets: {a: {voice: mei, title: "\\ud800"}}')
    with pytest.raises(ConfigError, match=r"presets\.a\.title.*half a character"):
        load_settings(path)
