import pytest

from hayakoe_engine.sources.source import DEFAULT_SOURCE
from hayakoe_engine.voices.catalogue import catalogue, known_facts
from hayakoe_engine.voices.facts import is_web_address


def test_the_published_voices_are_known():
    voices = {voice.name: voice for voice in catalogue()}
    assert list(voices) == [
        "jvnv-F1-jp",
        "jvnv-F2-jp",
        "jvnv-M1-jp",
        "jvnv-M2-jp",
        "tsukuyomi_chan",
        "amitaro_normal",
        "amitaro_runrun",
        "amitaro_yofukashi",
        "amitaro_punsuka",
        "amitaro_sasayaki_a",
        "amitaro_sasayaki_b",
    ]
    assert len({voice.title for voice in voices.values()}) == len(voices)
    for voice in voices.values():
        assert voice.source == DEFAULT_SOURCE
        assert voice.languages == ("ja",)
        assert voice.licence
        assert voice.credit
        assert is_web_address(voice.terms)
    assert len(voices["jvnv-F1-jp"].styles) == 7
    assert voices["jvnv-F1-jp"].styles[0] == "Neutral"
    assert voices["amitaro_runrun"].styles == ("Neutral",)


@pytest.mark.parametrize(
    "source",
    [
        "hf://lemondouble/hayakoe",
        "hf://lemondouble/hayakoe@main",
        "hf://lemondouble/hayakoe/",
        "https://huggingface.co/lemondouble/hayakoe",
        "https://huggingface.co/lemondouble/hayakoe/tree/v1.0",
    ],
)
def test_a_known_voice_is_recognised_however_its_source_is_written(source):
    facts = known_facts("jvnv-M2-jp", source)
    assert facts.licence == "CC BY-SA 4.0"
    assert "JVNV" in facts.credit
    assert facts.url == "https://creativecommons.org/licenses/by-sa/4.0/"


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("jvnv-F1-jp", "hf://somebody/else"),
        ("jvnv-F1-jp", "/share/voices"),
        ("jvnv-F1-jp", "s3://lemondouble/hayakoe"),
        ("hana", "hf://lemondouble/hayakoe"),
    ],
)
def test_nothing_is_said_of_voices_from_elsewhere(name, source):
    assert known_facts(name, source) is None
