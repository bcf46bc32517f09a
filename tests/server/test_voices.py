"""The names that clients may choose, and how they are shown."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hayakoe_engine import VoiceInfo
from hayakoe_engine.errors import ConfigError, StyleNotFound, VoiceNotFound
from wyoming_hayakoe import __version__
from wyoming_hayakoe.info import build_info
from wyoming_hayakoe.settings import Preset, SpeechSettings
from wyoming_hayakoe.voices import VoiceBook


@dataclass(frozen=True)
class FakeSpeaker:
    info: VoiceInfo


def speaker(name="mei", title="メイ", styles=(), speakers=1):
    info = VoiceInfo(
        name=name,
        title=title,
        sample_rate_hz=48000,
        licence="CC0",
        credit=f"{name}'s maker",
        url=f"https://example.com/{name}",
        version="2.1",
        styles=styles,
        speakers=speakers,
    )
    return FakeSpeaker(info)


MEI = speaker()
HANA = speaker("hana", "花", ("Neutral", "Happy", "悲しい"))
ROBO = speaker("robo", "ロボ", ("Only",))
PAIR = speaker("pair", "二人", speakers=2)


def book(presets=None, *, default="mei", speech=None, speakers=(MEI, HANA, ROBO), **kwargs):
    return VoiceBook(
        {one.info.name: one for one in speakers},
        speech or SpeechSettings(),
        {name: Preset(**values) for name, values in (presets or {}).items()},
        default,
        **kwargs,
    )


def names(voices):
    return [choice.name for choice in voices]


# What may be chosen


def test_a_voice_with_several_styles_is_there_once_for_each():
    voices = book()
    assert names(voices) == [
        "mei",
        "hana",
        "hana:Neutral",
        "hana:Happy",
        "hana:悲しい",
        "robo",
    ]
    assert voices.find("hana").options.style is None
    happy = voices.find("hana:Happy")
    assert happy.options.style == "Happy"
    assert happy.title == "花・Happy"
    assert happy.speaker is HANA


def test_speech_settings_are_every_voices_options():
    voices = book(speech=SpeechSettings(speed=1.5, volume=0.5))
    for choice in voices:
        assert (choice.options.speed, choice.options.volume) == (1.5, 0.5)


def test_a_preset_overrides_only_what_it_says():
    voices = book(
        {"quick": {"voice": "mei", "speed": 2.0, "title": "早口"}, "plain": {"voice": "mei"}},
        speech=SpeechSettings(speed=1.5, volume=0.5),
    )
    quick = voices.find("quick")
    assert quick.speaker is MEI
    assert quick.title == "早口"
    assert (quick.options.speed, quick.options.volume) == (2.0, 0.5)
    plain = voices.find("plain")
    assert plain.title == "plain"
    assert plain.options == voices.find("mei").options


def test_a_preset_may_set_an_option_back_to_zero():
    voices = book(
        {"flat": {"voice": "mei", "intonation_scale": 0.0, "pitch_scale": 1.0}},
        speech=SpeechSettings(pitch_scale=1.2),
    )
    options = voices.find("flat").options
    assert (options.intonation_scale, options.pitch_scale) == (0.0, 1.0)


@pytest.mark.parametrize(
    "preset",
    [
        {"voice": "hana:Happy"},
        {"voice": "hana", "style": "Happy"},
        {"voice": "hana:Neutral", "style": "Happy"},
    ],
)
def test_a_preset_may_have_a_style(preset):
    choice = book({"cheerful": preset}).find("cheerful")
    assert choice.speaker is HANA
    assert choice.options.style == "Happy"


def test_a_preset_may_build_on_one_above_it():
    presets = {
        "cheerful": {"voice": "hana:Happy", "speed": 2.0},
        "whisper": {"voice": "cheerful", "volume": 0.3},
    }
    options = book(presets).find("whisper").options
    assert (options.style, options.speed, options.volume) == ("Happy", 2.0, 0.3)


def test_a_style_can_be_asked_for_beside_the_voice():
    voices = book({"quick": {"voice": "hana", "speed": 2.0}})
    assert voices.find("hana", "Happy").options.style == "Happy"
    quick_and_happy = voices.find("quick", "Happy")
    assert (quick_and_happy.options.style, quick_and_happy.options.speed) == ("Happy", 2.0)
    assert voices.find("quick").options.style is None


@pytest.mark.parametrize("default", ["robo", "hana:Happy", "quick"])
def test_the_default_may_be_anything_and_comes_first(default):
    voices = book({"quick": {"voice": "mei", "speed": 2.0}}, default=default)
    assert voices.find(None).name == default
    assert names(voices)[0] == default
    assert sorted(names(voices)) == sorted(
        ["mei", "hana", "hana:Neutral", "hana:Happy", "hana:悲しい", "robo", "quick"]
    )


def test_a_title_of_the_settings_wins_over_the_voices_own():
    voices = book({"quick": {"voice": "hana"}}, titles={"hana": "ハナ"})
    assert voices.find("hana").title == "ハナ"
    assert voices.find("hana:Happy").title == "ハナ・Happy"
    assert voices.find("mei").title == "メイ"


# Speakers of one voice


def test_only_voices_of_several_speakers_take_the_speaker_of_the_settings():
    speakers = (MEI, PAIR, speaker("many", "大勢", ("Calm", "Happy"), 100))
    voices = book(speech=SpeechSettings(speaker_id=2), speakers=speakers)
    speaker_ids = {choice.name: choice.options.speaker_id for choice in voices}
    assert speaker_ids == {"mei": 0, "pair": 0, "many": 2, "many:Calm": 2, "many:Happy": 2}


def test_a_preset_may_choose_the_speaker():
    voices = book({"other": {"voice": "pair", "speaker_id": 1}}, speakers=(MEI, PAIR))
    assert voices.find("other").options.speaker_id == 1
    assert voices.find("pair").options.speaker_id == 0


def test_a_preset_of_a_speaker_that_the_voice_does_not_have():
    with pytest.raises(
        ConfigError,
        match=r"^presets\.third\.speaker_id: voice pair has 2 speakers, so it must be from 0 to 1$",
    ):
        book({"third": {"voice": "pair", "speaker_id": 2}}, speakers=(MEI, PAIR))


# Voices that are missing


def test_the_embedded_voice_takes_the_place_of_a_missing_default():
    for default in ("gone", "gone:Happy"):
        voices = book(default=default, missing=["gone"])
        assert voices.default.name == "mei"
        assert voices.replaced == ["voice"]


def test_the_embedded_voice_speaks_the_presets_of_a_missing_voice():
    presets = {
        "loud": {
            "voice": "gone",
            "style": "Happy",
            "speaker_id": 3,
            "volume": 1.5,
            "title": "大声",
        },
        "fast": {"voice": "gone:Happy", "speed": 2.0},
        "both": {"voice": "loud", "style": "Sad", "speed": 2.0},
        "calm": {"voice": "hana", "style": "Happy"},
    }
    voices = book(presets, default="both", missing=["gone"])
    loud = voices.find("loud")
    assert (loud.speaker, loud.title) == (MEI, "大声")
    assert (loud.options.style, loud.options.speaker_id, loud.options.volume) == (None, 0, 1.5)
    assert (voices.find("fast").speaker, voices.find("fast").options.speed) == (MEI, 2.0)
    assert voices.default.name == "both"
    assert voices.default.speaker is MEI
    assert (voices.default.options.volume, voices.default.options.speed) == (1.5, 2.0)
    assert voices.find("calm").options.style == "Happy"
    assert voices.replaced == ["presets.loud", "presets.fast", "presets.both"]


def test_where_nothing_is_missing_nothing_is_replaced():
    assert book({"quick": {"voice": "hana"}}, default="quick").replaced == []


def test_a_missing_voice_is_not_offered_and_keeps_its_name():
    voices = book(missing=["gone"])
    assert "gone" not in names(voices)
    with pytest.raises(VoiceNotFound):
        voices.find("gone")
    with pytest.raises(
        ConfigError, match=r"^presets\.gone: there is a voice of this name already$"
    ):
        book({"gone": {"voice": "mei"}}, missing=["gone"])


# What is said about wrong names


def test_an_unknown_voice_is_answered_with_the_known_ones():
    voices = book({"quick": {"voice": "mei"}}, speakers=(MEI, ROBO))
    with pytest.raises(
        VoiceNotFound, match=r"^there is no voice 'may'; the voices are mei, robo, q"
    ):
        voices.find("may")


def test_an_unknown_style_is_answered_with_the_known_ones():
    with pytest.raises(StyleNotFound, match=r"^voice hana has no style 'Sad'; its styles are Neut"):
        book().find("hana", "Sad")
    with pytest.raises(StyleNotFound, match=r"^voice mei has no style 'Sad'; it has no styles$"):
        book().find("mei", "Sad")


@pytest.mark.parametrize(
    ("preset", "message"),
    [
        (
            {"voice": "may"},
            r"^presets\.quick\.voice: there is no voice 'may'; the voices are mei, hana",
        ),
        ({"voice": "hana:Sad"}, r"^presets\.quick\.voice: there is no voice 'hana:Sad'"),
        ({"voice": "quick"}, r"^presets\.quick\.voice: there is no voice 'quick'"),
        (
            {"voice": "hana", "style": "Sad"},
            (
                r"^presets\.quick\.style: voice hana has no style 'Sad'; "
                r"its styles are Neutral, Happy, 悲しい$"
            ),
        ),
    ],
)
def test_a_preset_of_nothing_is_named(preset, message):
    with pytest.raises(ConfigError, match=message):
        book({"quick": preset})


def test_a_preset_cannot_take_a_voices_name():
    with pytest.raises(
        ConfigError, match=r"^presets\.hana: there is a voice of this name already$"
    ):
        book({"hana": {"voice": "mei"}})


def test_a_default_that_does_not_exist_is_named():
    with pytest.raises(ConfigError, match=r"^voice: there is no voice 'may'; the voices are mei, "):
        book(default="may")


# What describe answers


def test_describe_tells_where_a_voice_comes_from():
    (program,) = build_info(book()).tts
    assert program.version == __version__
    assert program.supports_synthesize_streaming
    by_name = {voice.name: voice for voice in program.voices}
    mei, happy = by_name["mei"], by_name["hana:Happy"]
    assert mei.installed
    assert mei.languages == ["ja"]
    assert mei.attribution.name == "mei's maker (CC0)"
    assert mei.attribution.url == "https://example.com/mei"
    assert mei.version == "2.1"
    assert mei.speakers is None
    assert [one.name for one in happy.speakers] == ["Neutral", "Happy", "悲しい"]


def test_describe_of_a_voice_that_wants_no_credit():
    anonymous = FakeSpeaker(replace(MEI.info, credit=""))
    ((voice,),) = (program.voices for program in build_info(book(speakers=[anonymous])).tts)
    assert voice.attribution.name == "CC0"


def test_describe_shows_titles_and_marks_the_default():
    (program,) = build_info(book({"quick": {"voice": "mei", "title": "早口"}}, default="quick")).tts
    assert [voice.description for voice in program.voices][:3] == ["★ 早口", "メイ", "花"]


TITLES = st.one_of(
    st.text(),
    st.builds(lambda rest: "★ " + rest, st.text(max_size=3)),
    st.sampled_from(["", " ", "★", "★ ", "★ 　", "・", "A", "あ", "花", "\U0001f600"]),
)


@given(default=TITLES, others=st.lists(TITLES, min_size=1, max_size=5))
def test_the_default_sorts_first_whatever_the_titles(default, others):
    speakers = [
        speaker("default", default),
        *(speaker(f"other{number}", title) for number, title in enumerate(others)),
    ]
    voices = build_info(book(default="default", speakers=speakers)).tts[0].voices
    first, second = sorted(voices, key=lambda voice: voice.description)[:2]
    assert first.name == "default"
    assert first.description < second.description
