"""Sentences of the home and how they are read aloud."""

import csv
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

import hayakoe_engine

FILES = sorted((Path(__file__).parents[2] / "readings").glob("*.tsv"))
COLUMNS = ["text", "readings", "note"]
READINGS = re.compile(r"[ァ-ヴー]+(?:\|[ァ-ヴー]+)*")
VOWELS = dict(zip("アイウエオァィゥェォ", "アイウエオアイウエオ", strict=True))
SPELLINGS = str.maketrans("ヲヅヂ", "オズジ")


def rows_of(file):
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


def vowel_of(kana):
    """ア for カ and for ャ, nothing for ン and ッ."""
    if kana in VOWELS:
        return VOWELS[kana]
    name = unicodedata.name(kana)  # such as KATAKANA LETTER SMALL YA
    return dict(zip("AIUEO", "アイウエオ", strict=True)).get(name[-1], "") if kana != "ッ" else ""


def normalised(kana):
    """One spelling for what sounds the same."""
    sounds = []
    for letter in re.sub(r"[^ァ-ヴー]", "", kana).translate(SPELLINGS):
        before = vowel_of(sounds[-1]) if sounds else ""
        if letter == "ー" or before + letter in {"エイ", "オウ"}:
            sounds += before
        else:
            sounds += letter
    return "".join(sounds)


@pytest.fixture(scope="module")
def tts():
    with hayakoe_engine.TTS() as tts:
        yield tts


@pytest.mark.parametrize(
    ("kana", "expected"),
    [
        ("コーエン、センセイ。", "コオエンセンセエ"),
        ("コウエンセンセー", "コオエンセンセエ"),
        ("キョウヲツヅケル？", "キョオオツズケル"),
        ("テーイン", "テエエン"),
        ("テイイン", "テエエン"),
        ("ソファー", "ソファア"),
        ("ジューッンー", "ジュウッン"),
    ],
)
def test_spellings_of_the_same_sounds_are_equal(kana, expected):
    assert normalised(kana) == expected


def test_the_corpus_is_well_formed():
    assert FILES
    texts = Counter()
    wrong = []
    for file in FILES:
        header, *rows = rows_of(file)
        assert header == COLUMNS, file.name
        assert rows, file.name
        for line, row in enumerate(rows, start=2):
            if len(row) != len(COLUMNS):
                wrong.append(f"{file.name}:{line}: {len(row)} columns")
                continue
            text, readings, _ = row
            texts[text] += 1
            if not text or text != text.strip():
                wrong.append(f"{file.name}:{line}: empty text or space around it: {text!r}")
            if not READINGS.fullmatch(readings):
                wrong.append(f"{file.name}:{line}: not katakana: {readings!r}")
    wrong += [f"{count} times: {text}" for text, count in texts.items() if count > 1]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_sentences_are_read_as_people_read_them(tts, file):
    misread = []
    mended = []
    for text, readings, note in rows_of(file)[1:]:
        kana = "".join(reading.kana for reading in tts.read(text))
        is_right = normalised(kana) in map(normalised, readings.split("|"))
        known_wrong = note.startswith("known-wrong:")
        if is_right and known_wrong:
            mended.append(f"{text}\n    read {kana}, no longer wrong: {note}")
        elif not is_right and not known_wrong:
            misread.append(f"{text}\n    read     {kana}\n    expected {readings}")
    assert not misread, f"{len(misread)} misread:\n" + "\n".join(misread)
    assert not mended, f"{len(mended)} to unmark:\n" + "\n".join(mended)
