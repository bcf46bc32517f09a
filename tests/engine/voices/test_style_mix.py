import pytest

from hayakoe_engine import VoiceInfo
from hayakoe_engine.errors import StyleNotFound
from hayakoe_engine.voices.style_mix import style_shares

VOICE = VoiceInfo(
    name="hana",
    title="花",
    sample_rate_hz=44100,
    licence="",
    credit="",
    url="",
    version="1",
    styles=("Neutral", "Happy", "Sad", "A+B"),
)


@pytest.mark.parametrize(
    ("style", "shares"),
    [
        ("Happy", {"Happy": 1}),
        ("A+B", {"A+B": 1}),
        ("Happy+Sad", {"Happy": 0.5, "Sad": 0.5}),
        ("Happy*3 + Sad", {"Happy": 0.75, "Sad": 0.25}),
        ("Happy*0.7+Sad*0.3", {"Happy": 0.7, "Sad": 0.3}),
        ("Happy+Happy+Sad*2", {"Happy": 0.5, "Sad": 0.5}),
    ],
)
def test_a_style_is_a_name_or_a_mix(style, shares):
    assert style_shares(style, VOICE) == pytest.approx(shares)


@pytest.mark.parametrize(
    "style",
    ["Angry", "", "+", "Happy+Angry", "Happy*0", "Happy*-1", "Happy*x", "Happy*nan", "Happy*inf"],
)
def test_what_is_no_style_is_refused_with_those_that_are(style):
    with pytest.raises(StyleNotFound, match=r"voice hana has no style .*Neutral, Happy, Sad, A\+B"):
        style_shares(style, VOICE)
