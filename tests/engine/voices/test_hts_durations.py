from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
import pyopenjtalk
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hayakoe_engine.errors import BadVoiceFiles
from hayakoe_engine.voices.hts_durations import DurationModel

VOICE = pyopenjtalk.DEFAULT_HTS_VOICE
CONTENT = Path(VOICE.decode()).read_bytes()
FRAME = 240
SPEEDS = (0.25, 0.5, 0.8, 1.0, 1.3, 2.0, 4.0)
SENTENCES = (
    "あ",
    "えっ？",
    "はい、どうぞ！",
    "雨です。",
    "電気を消した。",
    "三分です。",
    "ティッシュ",
    "きゃりー",
    "ヴァイオリン",
    "12345",
    "Wi-Fi",
    "「本当？」と言った。",
    "学校、休む。",
    "すもももももも",
    "ぴょんと飛ぶ",
)


def labels_of(text: str) -> list[str]:
    return pyopenjtalk.make_label(pyopenjtalk.run_frontend(text))


LONG = labels_of("明日の東京の天気は、曇りのち雨で、最高気温は二十五度。お出かけですか？")


class Engine:
    def __init__(self) -> None:
        self.engine = pyopenjtalk.HTSEngine(VOICE)

    def speak(self, labels: list[str], speed: float = 1.0) -> np.ndarray:
        self.engine.set_speed(speed)
        return self.engine.synthesize(labels)

    def frames(self, labels: list[str], speed: float = 1.0) -> float:
        return len(self.speak(labels, speed)) / FRAME

    def loudness(self, labels: list[str], speed: float) -> np.ndarray:
        power = (self.speak(labels, speed).reshape(-1, FRAME) ** 2).mean(axis=1)
        return np.log(np.sqrt(power) + 30)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.fixture(scope="module")
def model() -> DurationModel:
    return DurationModel.load(VOICE)


def test_it_knows_the_clock_of_the_voice(model):
    assert (model.sample_rate_hz, model.frame_period_samples, model.n_states) == (48000, FRAME, 5)


@pytest.mark.parametrize("kind", [str, Path, str.encode])
def test_a_path_may_be_text_bytes_or_a_path(kind):
    assert DurationModel.load(kind(VOICE.decode())).n_states == 5


@pytest.mark.parametrize("text", SENTENCES)
def test_totals_are_those_of_the_engine_at_every_speed(engine, model, text):
    labels = labels_of(text)
    for speed in SPEEDS:
        # The silence around slow speech would take most of the time of this test.
        spoken = labels if speed >= 1.0 or len(text) == 1 else labels[1:-1]
        frames = model.label_frames(spoken, speed)
        assert len(frames) == len(spoken)
        assert sum(frames) == engine.frames(spoken, speed)


def test_each_label_alone_is_that_of_the_engine(engine, model):
    frames = model.label_frames(LONG)
    assert [engine.frames([label]) for label in LONG] == frames


def test_random_parts_of_a_sentence_are_those_of_the_engine(engine, model):
    rng = random.Random(5)
    for _ in range(15):
        first, last = sorted(rng.sample(range(len(LONG)), 2))
        speed = rng.uniform(0.5, 4.0)
        part = LONG[first:last]
        assert sum(model.label_frames(part, speed)) == engine.frames(part, speed)


@pytest.mark.parametrize("speed", [0.5, 2.0, 4.0])
@pytest.mark.parametrize("text", ["雨で、寒い、一日です。", "「え、本当？」と、言った。"])
def test_each_label_lies_where_the_engine_speaks_it(engine, model, text, speed):
    # The engine tells only a total, so the loudness at speed 1, stretched label by label, is
    # held against the loudness at this speed. Pauses stretch far more than phones do.
    labels = labels_of(text)
    usual, here = engine.loudness(labels, 1.0), engine.loudness(labels, speed)
    before, after = model.label_frames(labels), model.label_frames(labels, speed)
    starts = np.cumsum([0, *before])
    predicted = np.concatenate(
        [
            usual[start + np.arange(new) * old // new]
            for start, old, new in zip(starts, before, after, strict=False)
        ]
    )
    evenly = usual[np.arange(len(here)) * len(usual) // len(here)]
    assert np.corrcoef(predicted, here)[0, 1] > 0.9
    assert np.corrcoef(evenly, here)[0, 1] < 0.8


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_slice_has_the_frames_of_its_labels(model, data):
    first = data.draw(st.integers(0, len(LONG)))
    part = LONG[first : data.draw(st.integers(first, len(LONG)))]
    speed = data.draw(st.floats(0.25, 4.0))
    assert model.label_frames(part) == model.label_frames(LONG)[first : first + len(part)]
    frames = model.label_frames(part, speed)
    assert len(frames) == len(part)
    assert all(count >= model.n_states for count in frames)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, len(LONG) - 1), st.integers(1, 12), st.floats(0.5, 4.0))
def test_any_short_slice_has_the_total_of_the_engine(engine, model, first, count, speed):
    part = LONG[first : first + count]
    assert sum(model.label_frames(part, speed)) == engine.frames(part, speed)


def test_no_labels_have_no_frames(model):
    assert model.label_frames([]) == []
    assert model.label_frames([], 2.0) == []


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf"), 1e-9])
def test_a_speed_that_no_engine_could_follow_is_refused(model, speed):
    with pytest.raises(ValueError, match="speed"):
        model.label_frames(LONG, speed)


# A voice of one state, small enough to reckon by hand.

QUESTIONS = 'QS A { "*-a+*" }\nQS Long { "*/L:1?" }\n'
TREE = QUESTIONS + '{*}[2]\n{\n 0 A -1 "dur_s2_1"\n -1 Long "dur_s2_2" "dur_s2_3"\n}\n'


def small_voice(tree: str = TREE, leaves=((10.0, 1.0), (20.0, 9.0), (0.2, 0.5))) -> bytes:
    pdfs = struct.pack("<I", len(leaves)) + b"".join(struct.pack("<ff", *leaf) for leaf in leaves)
    end = len(pdfs) + len(tree) - 1
    return (
        "[GLOBAL]\nSAMPLING_FREQUENCY:16000\nFRAME_PERIOD:80\nNUM_STATES:1\n[POSITION]\n"
        f"DURATION_PDF:0-{len(pdfs) - 1}\nDURATION_TREE:{len(pdfs)}-{end}\n[DATA]\n"
    ).encode() + (pdfs + tree.encode())


@pytest.fixture
def load(tmp_path):
    def write_and_load(content: bytes) -> DurationModel:
        file = tmp_path / "some.htsvoice"
        file.write_bytes(content)
        return DurationModel.load(file)

    return write_and_load


def test_questions_lead_to_leaves(load):
    model = load(small_voice())
    labels = ["x-a+y/L:3", "x-b+y/L:3", "x-b+y/L:12", "x-b+y/L:123", "x-b+y/L:1"]
    assert model.label_frames(labels) == [10, 20, 1, 20, 20]
    assert (model.sample_rate_hz, model.frame_period_samples, model.n_states) == (16000, 80, 1)


def test_a_tree_may_be_one_leaf(load):
    assert load(small_voice('{*}[2]\n   "dur_s2_1"\n')).label_frames(["x", "y"]) == [10, 10]


@pytest.mark.parametrize(
    ("globs", "yes", "no"),
    [
        ('"*"', ["", "x"], []),
        ('"x*"', ["x", "xy"], ["yx"]),
        ('"x"', ["x"], ["xx", "yx"]),
        ('"*a.b*"', ["a.b", "xa.by"], ["axb"]),
        ('"*a*b*"', ["ab", "xa_by"], ["ba"]),
        ('"*-?", "*-10"', ["x-1", "x-10"], ["x-11", "x-1y"]),
        ('"*^a-*","*^b-*" , "*^by-*"', ["x^a-y", "x^by-"], ["x^y-", "a-"]),
        ('"*x*","y"', ["axa", "y"], ["ya"]),
    ],
)
def test_globs_match_as_in_the_engine(load, globs, yes, no):
    tree = f'QS Q {{ {globs} }}\n{{*}}[2]\n{{\n 0 Q "d_1" "d_2"\n}}\n'
    model = load(small_voice(tree))
    assert model.label_frames(yes) == [20] * len(yes)
    assert model.label_frames(no) == [10] * len(no)


def test_a_label_of_great_variance_gives_most(load):
    model = load(small_voice(leaves=((10.0, 1.0), (10.0, 9.0), (1.0, 1.0))))
    assert model.label_frames(["-a+", "-b+"], 0.5) == [12, 28]


@pytest.mark.parametrize(
    ("mean", "frames"), [(10.4, [6, 5, 5]), (11.25, [5, 6, 6]), (2.0, [1, 1, 1])]
)
def test_what_rounding_leaves_over_goes_to_the_first_of_equals(load, mean, frames):
    model = load(small_voice(leaves=((mean, 1.0),) * 3))
    assert model.label_frames(["-a+"] * 3, 2.0) == frames


# Damaged and foreign files


def with_pdf(offset: int, value: bytes) -> bytes:
    at = CONTENT.index(b"[DATA]\n") + 7 + offset
    return CONTENT[:at] + value + CONTENT[at + len(value) :]


DAMAGED = {
    "empty": b"",
    "foreign": b"RIFF" + bytes(2000),
    "other header": CONTENT.replace(b"[GLOBAL]", b"[GLOBUS]", 1),
    "no data mark": CONTENT.replace(b"[DATA]", b"[DATE]", 1),
    "only a header": CONTENT[: CONTENT.index(b"[DATA]\n") + 7],
    "half a header": CONTENT[:300],
    "cut in the durations": CONTENT[:3000],
    "cut in the tree": CONTENT[:20000],
    "no states": CONTENT.replace(b"NUM_STATES:5", b"NUM_STATES:0", 1),
    "other states": CONTENT.replace(b"NUM_STATES:5", b"NUM_STATES:4", 1),
    "many states": CONTENT.replace(b"NUM_STATES:5", b"NUM_STATES:999999999999", 1),
    "states unnamed": CONTENT.replace(b"NUM_STATES:5", b"NUM_STATUS:5", 1),
    "rate no number": CONTENT.replace(b"FREQUENCY:48000", b"FREQUENCY:4800O", 1),
    "period negative": CONTENT.replace(b"PERIOD:240", b"PERIOD:-24", 1),
    "range reversed": CONTENT.replace(b"_PDF:0-5803", b"_PDF:5803-0", 1),
    "range shorter": CONTENT.replace(b"_PDF:0-5803", b"_PDF:0-5802", 1),
    "range of three bytes": CONTENT.replace(b"_PDF:0-5803", b"_PDF:0-2", 1),
    "range past the end": CONTENT.replace(b"5804-25678", b"5804-99999999", 1),
    "range no range": CONTENT.replace(b"5804-25678", b"5804", 1),
    "range elsewhere": CONTENT.replace(b"_TREE:5804-25678", b"_TREE:25757-583536", 1),
    "mean not a number": with_pdf(4, struct.pack("<f", float("nan"))),
    "mean a signalling nan": with_pdf(4, b"\x01\x00\x80\x7f"),
    "mean without end": with_pdf(4, struct.pack("<f", float("inf"))),
    "mean of hours": with_pdf(4, struct.pack("<f", 1e9)),
    "variance negative": with_pdf(24, struct.pack("<f", -1.0)),
    "variance zero": with_pdf(24, struct.pack("<f", 0.0)),
    "tree of no text": small_voice("\x00\xff"),
    "tree without head": small_voice(TREE.replace("{*}[2]\n", "")),
    "tree for some labels": small_voice(TREE.replace("{*}", "{x}")),
    "tree without end": small_voice(TREE.replace("\n}\n", "\n")),
    "tree without nodes": small_voice(QUESTIONS + "{*}[2]\n{\n}\n"),
    "node cut short": small_voice(TREE.replace('"dur_s2_2" ', "")),
    "question missing": small_voice(TREE.replace("QS A", "QS B")),
    "leaf missing": small_voice(TREE.replace("dur_s2_3", "dur_s2_4")),
    "leaf zero": small_voice(TREE.replace("dur_s2_3", "dur_s2_0")),
    "node missing": small_voice(TREE.replace("0 A -1", "0 A -2")),
    "node twice": small_voice(TREE.replace('"dur_s2_1"', "-1")),
    "node round": small_voice(TREE.replace('"dur_s2_3"', "0")),
    "node into itself": small_voice(TREE.replace('"dur_s2_3"', "-1")),
    "nodes of one number": small_voice(TREE.replace(" -1 Long", " 0 Long")),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused_by_name(load, name):
    with pytest.raises(BadVoiceFiles, match=r"some\.htsvoice: .+"):
        load(DAMAGED[name])


@pytest.mark.parametrize("bit", range(32))
def test_a_flipped_number_of_leaves_is_refused(load, bit):
    (leaves,) = struct.unpack("<I", CONTENT[CONTENT.index(b"[DATA]\n") + 7 :][:4])
    with pytest.raises(BadVoiceFiles, match="leaves"):
        load(with_pdf(0, struct.pack("<I", leaves ^ (1 << bit))))


def test_a_file_too_large_for_a_voice_is_refused(load, monkeypatch):
    monkeypatch.setattr("hayakoe_engine.voices.hts_durations._MAX_FILE_BYTES", 100)
    with pytest.raises(BadVoiceFiles, match="no HTS voice"):
        load(small_voice())


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.htsvoice", tmp_path):
        with pytest.raises(BadVoiceFiles, match=path.name):
            DurationModel.load(path)


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 27_000), bit=st.integers(0, 7))
def test_any_flipped_bit_is_refused_or_does_no_harm(tmp_path_factory, at, bit):
    file = tmp_path_factory.getbasetemp() / "flipped.htsvoice"
    content = bytearray(CONTENT[:30_000])
    content[at] ^= 1 << bit
    file.write_bytes(content)
    try:
        model = DurationModel.load(file)
    except BadVoiceFiles:
        return
    assert all(count >= model.n_states for count in model.label_frames(LONG, 1.7))
