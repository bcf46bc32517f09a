import re
from itertools import pairwise

import pyopenjtalk
import pytest

from hayakoe_engine.text.reading import Reader
from hayakoe_engine.voices.hts_durations import DurationModel
from hayakoe_engine.voices.hts_windows import WINDOW_LABELS, engine_speed, plan_windows

SENTENCES = [
    "はい。",
    "お風呂が沸きました。",
    "明日の朝は雲が多いものの昼前からはよく晴れて最高気温は28度まで上がる見込みです。",
    "明日は、朝のうちは雲が多いものの、昼前からはよく晴れて、気温が上がるでしょう。",
    "あ" * 200,
    "ア、" * 60,
    "A" * 60,
]


@pytest.fixture(scope="module")
def labels_of():
    reader = Reader()
    return lambda text: reader.read(text).labels


@pytest.fixture(scope="module")
def model():
    return DurationModel.load(pyopenjtalk.DEFAULT_HTS_VOICE)


def phone(label):
    return re.search(r"-([^+]*)\+", label)[1]


@pytest.mark.parametrize("speed", [0.25, 0.7, 1.0, 4.0])
@pytest.mark.parametrize("text", SENTENCES)
def test_every_phone_is_in_one_window_and_the_edges_of_the_sentence_in_none(labels_of, text, speed):
    labels = labels_of(text)
    windows = plan_windows(labels, speed)
    covered = [i for window in windows for i in range(window.start, window.stop)]
    assert covered == list(range(1, len(labels) - 1))


@pytest.mark.parametrize("speed", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("text", SENTENCES)
def test_no_window_is_long(labels_of, text, speed):
    labels = labels_of(text)
    for window in plan_windows(labels, speed):
        assert window.stop - window.start <= 2.5 * WINDOW_LABELS
        assert window.context_start < window.start
        assert window.context_stop > window.spoken_stop


def test_the_first_window_of_a_long_sentence_is_short(labels_of):
    labels = labels_of(SENTENCES[2])
    first, second, *_ = plan_windows(labels, 1.0)
    assert 8 <= first.stop - first.start <= 16
    assert second.stop - second.start >= WINDOW_LABELS


def test_a_short_sentence_is_one_window(labels_of):
    assert len(plan_windows(labels_of("はい。"), 1.0)) == 1


def test_windows_end_after_a_pause_or_join(labels_of):
    labels = labels_of(SENTENCES[3])
    windows = plan_windows(labels, 1.0)
    for window, following in pairwise(windows):
        assert window.joins_next == following.joins_previous
        assert window.joins_next != (phone(labels[window.stop - 1]) == "pau")
    assert not windows[0].joins_previous
    assert not windows[-1].joins_next


def test_joins_lie_before_accent_phrases(labels_of):
    labels = labels_of(SENTENCES[2])
    phrase = re.compile(r"/F:[^@]*@(\d+)_")
    for window in plan_windows(labels, 1.0)[1:]:
        before, here = (phrase.search(labels[i])[1] for i in (window.start - 1, window.start))
        assert before != here


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 2.0])
@pytest.mark.parametrize("text", SENTENCES[1:4])
def test_every_window_speaks_at_the_speed_asked_for(labels_of, model, text, speed):
    """Asked for this speed as it is, the engine stretches the silences and not the phones."""
    labels = labels_of(text)
    for window in plan_windows(labels, speed):
        context = labels[window.context_start : window.context_stop]
        phones = [i for i, label in enumerate(context) if phone(label) not in ("sil", "pau")]
        natural = model.label_frames(context, 1.0)
        frames = model.label_frames(context, engine_speed(model, context, speed))
        ratio = sum(natural[i] for i in phones) / sum(frames[i] for i in phones)
        assert ratio == pytest.approx(speed, rel=0.04)


def test_normal_speed_is_left_alone(labels_of, model):
    assert engine_speed(model, labels_of("はい。"), 1.0) == 1.0
