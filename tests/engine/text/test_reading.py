import re
import subprocess
import sys
import threading

import pyopenjtalk
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hayakoe_engine.text.reading import Reader

PHONE = re.compile(r"-([^+]*)\+")


@pytest.fixture(scope="module")
def reader():
    return Reader()


@pytest.mark.parametrize(
    ("text", "kana"),
    [
        ("お風呂が沸きました。", "オフロガワキマシタ"),
        ("室温は23.5度です。", "シツオンワニジューサンテンゴドデス"),
        ("湿度は65%です。", "シツドワロクジューゴパーセントデス"),
        ("洗濯が、終わりました！", "センタクガ、オワリマシタ"),
        ("何時に起きますか？", "ナンジニオキマスカ？"),
        ("〒100", "ユービンバンゴーヒャク"),
        ("ティッシュとヴァイオリン", "ティッシュトヴァイオリン"),
        ("エアコンを26度にしました", "エアコンヲニジューロクドニシマシタ"),
        ("「はい。」", "ハイ"),
        ("「本当ですか？」", "ホントーデスカ？"),
    ],
)
def test_a_sentence_in_katakana(reader, text, kana):
    assert reader.read(text).kana == kana


def test_words_have_their_place_in_the_text(reader):
    text = "室温は23.5度です。"
    reading = reader.read(text)
    assert "".join(word.surface for word in reading.words) == text
    for word in reading.words:
        assert text[word.span[0] : word.span[1]] == word.surface
    degree = next(word for word in reading.words if word.surface == "度")
    assert (degree.kana, degree.span, degree.known) == ("ド", (7, 8), True)


def test_a_word_unknown_to_the_dictionary_is_marked(reader):
    word = next(w for w in reader.read("Spotifyを開く").words if w.kana)
    assert (word.surface, word.known) == ("Spotify", False)


def test_accent_phrases_have_moras_and_accents(reader):
    phrases = reader.read("箸を、使う。橋を渡る。").accent_phrases
    assert [(p.kana, p.accent) for p in phrases[:2]] == [("ハシヲ", 1), ("ツカウ", 0)]
    assert phrases[0].moras == ("ハ", "シ", "ヲ")
    assert phrases[0].pause_after
    assert not phrases[-1].pause_after


@pytest.mark.parametrize("text", ["", " ", "。", "……", "()", "、、、", "\n"])
def test_nothing_to_speak_is_a_silent_reading(reader, text):
    reading = reader.read(text)
    assert reading.is_silent
    assert (reading.kana, reading.labels, reading.accent_phrases) == ("", (), ())


@pytest.mark.parametrize(
    ("text", "ends"), [("はい。", True), ("はい", True), ("はい、", False), ("「はい、」", False)]
)
def test_a_comma_at_the_end_ends_no_sentence(reader, text, ends):
    assert reader.read(text).ends_sentence is ends


@pytest.mark.parametrize(
    "text",
    [
        "室温は23.5度、えっと…Home Assistantですか？",
        "給湯器エラー E-105 が発生しました！？ｖ２．１、はい…「そう」です。",
        "クヮルテットとっー",
        "2026/11/20の予定は3件です。",
        "ガレージのシャッターを閉めますか？（はい／いいえ）",
    ],
)
def test_moras_and_labels_are_of_the_same_utterance(reader, text):
    """Every mora has its vowel, moraic nasal or geminate among the labels' phones, in order."""
    reading = reader.read(text)
    phones = [PHONE.search(label)[1] for label in reading.labels]
    assert (phones[0], phones[-1]) == ("sil", "sil")
    nuclei = [phone for phone in phones if phone in {*"aiueoAIUEON", "cl"}]
    assert len(nuclei) == sum(len(phrase.moras) for phrase in reading.accent_phrases)
    pauses = sum(phrase.pause_after for phrase in reading.accent_phrases)
    assert phones.count("pau") == pauses


def test_threads_read_at_once_and_right(reader):
    texts = [f"{number}番の荷物が{number}個届きました。" for number in range(40)]
    alone = [reader.read(text) for text in texts]
    together = [None] * len(texts)

    def read(indexes):
        for index in indexes:
            together[index] = reader.read(texts[index])

    threads = [threading.Thread(target=read, args=(range(k, 40, 8),)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_can_be_read(text):
    reading = _READER.read(text)
    assert reading.is_silent == (not reading.accent_phrases)
    for word in reading.words:
        assert text[word.span[0] : word.span[1]] == word.surface
    assert re.fullmatch("[ァ-ヴー、？]*", reading.kana)


_READER = Reader()


@pytest.mark.parametrize("text", ["ア" * 200, "あ" * 200, "A" * 200, "ー" * 200, "――は", "龘"])
def test_what_has_killed_other_engines_is_read(reader, text):
    reader.read(text)


def test_the_analyser_is_the_one_with_a_dictionary_inside():
    assert b"pyopenjtalk" in pyopenjtalk.OPEN_JTALK_DICT_DIR


def test_what_a_rule_has_written_keeps_its_place_in_the_text_and_names_the_rule(reader):
    text = "外は-3℃、14:30です。"
    reading = reader.read(text)
    assert reading.kana == "ソトワマイナスサンド、ジューヨジサンジュップンデス"
    assert "".join(word.surface for word in reading.words) == text
    by_surface = {word.surface: word for word in reading.words if word.surface}
    assert (by_surface["-"].kana, by_surface["-"].rule) == ("マイナス", "minus")
    assert (by_surface["14:30"].span, by_surface["14:30"].rule) == ((6, 11), "time")
    assert by_surface["外"].rule is None


def test_every_mora_has_its_place_in_the_text(reader):
    text = "外は-3℃、14:30です。"
    reading = reader.read(text)
    moras = [mora for phrase in reading.accent_phrases for mora in phrase.moras]
    assert len(reading.mora_spans) == len(moras)
    places = [text[start:stop] for start, stop in reading.mora_spans]
    spoken = list(zip(moras, places, strict=True))
    assert spoken[:4] == [("ソ", "外"), ("ト", "外"), ("ワ", "は"), ("マ", "-")]
    assert ("プ", "14:30") in spoken


@settings(max_examples=100, deadline=None)
@given(st.text("あア漢字0123456789-:/%℃ABCxyz。、 ", max_size=30))
def test_moras_and_their_places_are_as_many(text):
    reading = _READER.read(text)
    assert len(reading.mora_spans) == sum(len(p.moras) for p in reading.accent_phrases)


KILLERS = [
    "ア" * 1000,
    "あ" * 5000,
    "A" * 3000,
    "ー" * 2000,
    "――は",
    "「『（" * 200,
    "」』）" * 200,
    "漢" * 100_000,
    "1" * 5000,
    "-" * 5000,
    "(^_^;)ノシ" * 100,
    "\x00\ud800\uffff" * 100,
]


def test_what_has_killed_other_engines_is_read_in_a_process_that_lives_on():
    code = (
        "import sys, hayakoe_engine\n"
        "tts = hayakoe_engine.TTS()\n"
        "for text in eval(sys.stdin.read()):\n"
        "    tts.read(text)\n"
        "print(tts.read('はい。')[0].kana)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        input=ascii(KILLERS),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert result.stdout == "ハイ\n"
