import json
import re
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hayakoe_engine.errors import HayakoeError, RequestError
from hayakoe_engine.text import kana
from hayakoe_engine.text.dictionary import compiler as dictionary_compiler
from hayakoe_engine.text.dictionary import errors as dictionary_errors
from hayakoe_engine.text.dictionary.formats import format_words, parse_words
from hayakoe_engine.text.dictionary.matching import (
    SPELLED_RULE,
    WORD_RULE,
    not_against_dictionary,
)
from hayakoe_engine.text.dictionary.user_dictionary import (
    BadDictionaryEntry,
    BadDictionaryFile,
    Entry,
    UserDictionary,
    WordNotFound,
)
from hayakoe_engine.text.reading import Reader
from hayakoe_engine.text.rewriting import Replacement, Rewritten

PHONE = re.compile(r"-([^+]*)\+")


def read(lexicon, text):
    """Read a sentence as whoever has this lexicon does."""
    return Reader(SimpleNamespace(lexicon=lexicon)).read(text)


def phrases(dictionary, text):
    """Accent phrases as ``KANA accent``."""
    reading = read(dictionary.lexicon, text)
    return " ".join(f"{phrase.kana}{phrase.accent}" for phrase in reading.accent_phrases)


def dictionary_of(*words):
    dictionary = UserDictionary()
    dictionary.import_words(format_words([Entry.of(*word) for word in words], "yaml"))
    return dictionary


@pytest.fixture(scope="module")
def words():
    """A dictionary as somebody might have it; not to be changed."""
    return dictionary_of(
        ("六本木ヒルズ", "ロッポンギヒルズ", 6),
        ("Home Assistant", "ホームアシスタント", 7),
        ("M5Stack", "エムファイブスタック", 8),
        ("5G", "ファイブジー", 4),
        ("猫カフェ", "ネコカフェ", 3),
        ("Ｗｉ－Ｆｉ", "ワイファイ", 3),
        ("A/C", "エーシー", 3),
        ("i-mode", "アイモード", 3),
        ("金", "カネ", 0),
        ("cat", "キャット", 1),
        ("kWh", "キロワットアワー", 6),
        ("IT", "アイティー", 3, 8, True),
        ("グランエスタ", "グランエスタ", 4),
        ("ひより", "ヒヨリ", 0),
        ("林", "リン", 1),
        ("第2ビル", "ダイニビル", 4),
        ("α", "アルファー", 1),
        ("①", "マルイチ", 2),
        ("C#", "シーシャープ", 3),
        ("𠮷野家", "ヨシノヤ", 0),
        ("羽生", "ハブ", 1),
        ("行った", "オコナッタ", 0),
    )


# What is spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("六本木ヒルズ", "ロッポンギヒルズ6"),
        ("六本木ヒルズは高い。", "ロッポンギヒルズワ6 タカイ2"),
        ("明日、六本木ヒルズで会う。", "アシタ3 ロッポンギヒルズデ6 アウ1"),
        ("六本木ヒルズ前", "ロッポンギヒルズマエ9"),
        ("東京六本木ヒルズ", "トーキョー0 ロッポンギヒルズ6"),
        ("Home Assistantを起動", "ホームアシスタントヲ7 キドー0"),
        ("猫カフェへ行く", "ネコカフェエ3 イク0"),
        ("白い猫カフェの猫", "シロイ2 ネコカフェノ3 ネコ1"),
        ("新しい5Gが速い", "アタラシイ4 ファイブジーガ4 ハヤイ2"),
        ("アニメ5Gです", "アニメ1 ファイブジーデス4"),
        ("A/Cは、i-modeで", "エーシーワ3 アイモードデ3"),
        ("グランエスタに住む", "グランエスタニ4 スム1"),
        ("グランエスタマンション", "グランエスタマンション7"),
        ("ひよりの", "ヒヨリノ0"),
        ("林さん", "リンサン1"),
        ("羽生さんと羽生町", "ハブサント1 ハブマチ2"),
        ("第2ビルへ", "ダイニビルエ4"),
        ("αが", "アルファーガ1"),
        ("①が", "マルイチガ2"),
        ("C#を書く", "シーシャープヲ3 カク1"),
        ("𠮷野家で", "ヨシノヤデ0"),
        ("会議を行った。", "カイギヲ1 オコナッタ0"),
    ],
)
def test_a_word_is_spoken_as_the_user_wants_it(words, text, spoken):
    assert phrases(words, text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("料金", "リョーキン1"),
        ("金曜に金で", "キンヨーニ3 カネデ0"),
        ("小林さん", "コバヤシサン0"),
        ("森林", "シンリン0"),
    ],
)
def test_a_word_does_not_cut_other_words(words, text, spoken):
    assert phrases(words, text) == spoken


def test_priority_says_how_strongly_a_word_competes():
    def spoken(priority, text):
        return phrases(dictionary_of(("今日", "コンニチ", 1, priority)), text)

    assert spoken(0, "今日は") == "キョーワ1"
    assert spoken(8, "今日は") == "コンニチワ1"
    assert spoken(8, "今日中に").startswith("キョー")
    assert spoken(10, "今日中に").startswith("コンニチ")


@pytest.mark.parametrize(
    ("surface", "reading", "accent"),
    [
        ("ロボ", "ロボ", 1),
        ("M5", "エムファイブ", 3),
        ("X1", "エックスワン", 4),
        ("6LoWPAN", "シックスローパン", 5),
        ("G", "ジ", 1),
        ("Matter", "マター", 1),
    ],
)
def test_without_an_accent_a_word_is_spoken_like_a_loan_word(surface, reading, accent):
    spoken = phrases(dictionary_of((surface, reading)), f"{surface}が")
    assert spoken == f"{reading}ガ{accent}"


@pytest.mark.parametrize("accent", range(6))
@pytest.mark.parametrize("surface", ["猫五", "ネコゴー", "cat5"])
def test_every_accent_takes_effect(surface, accent):
    dictionary = dictionary_of((surface, "ネコファイブ", accent))
    assert phrases(dictionary, f"この{surface}を、見る。").startswith(
        f"コノ0 ネコファイブヲ{accent}"
    )


def test_every_mora_is_one_for_open_jtalk():
    """The table of moras is that of Open JTalk: each has one vowel, or is ン or ッ."""
    two = [large + small for small, before in kana._AFTER_WHAT.items() for large in before]
    moras = [*kana._LARGE, *two]
    dictionary = dictionary_of(
        *((f"m{i}", f"カ{mora}ー") for i, mora in enumerate(moras) if mora != "ッ")
    )
    for i, mora in enumerate(moras):
        if mora == "ッ":
            continue
        reading = read(dictionary.lexicon, f"m{i}")
        phones = [PHONE.search(label)[1] for label in reading.labels]
        assert sum(phone in {*"aiueoAIUEON", "cl"} for phone in phones) == 3, mora
        assert reading.accent_phrases[0].moras == ("カ", mora, "ー")


def test_words_longer_than_any_buffer_are_read():
    dictionary = dictionary_of(("𠮷" * 100, "カ" * 200, 200), ("xy" * 50, "キャ" * 100, 1))
    assert phrases(dictionary, "𠮷" * 100 + "が") == "カ" * 200 + "ガ200"
    assert phrases(dictionary, "xy" * 50 + "が") == "キャ" * 100 + "ガ1"


# Where a word is found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("home assistant", ["home assistant"]),
        ("HOME  ASSISTANTと", ["HOME  ASSISTANT"]),
        ("Ｈｏｍｅ　Ａｓｓｉｓｔａｎｔ", ["Ｈｏｍｅ　Ａｓｓｉｓｔａｎｔ"]),
        ("HomeAssistant", []),
        ("wi-fi、WI‐FI", ["wi-fi", "WI‐FI"]),
        ("category concat cats cat5 a_cat", []),
        ("cat cat's (cat)猫cat犬", ["cat"] * 4),
        ("caté", []),
        ("M5Stack2 XM5Stack", []),
        ("15G 2.5G 1,5G 5G.", ["5G"]),
        ("3.5kWhと10 kWhと100kWh", ["kWh"] * 3),
        ("M5kWh", []),
        ("ITとit", ["IT"]),
        ("1と②と①", ["①"]),
        ("第2ビルと第２ﾋﾞﾙ", ["第2ビル", "第２ﾋﾞﾙ"]),
        ("", []),
    ],
)
def test_where_a_word_is_found(words, text, found):
    changes = [change for change in words.lexicon.find(text) if change.rule == SPELLED_RULE]
    assert [text[change.start : change.stop] for change in changes] == found


def test_the_longest_word_is_found():
    dictionary = dictionary_of(
        ("Home", "ホーム"),
        ("Home Assistant", "ホームアシスタント"),
        ("猫", "ネコ"),
        ("猫2", "ネコツー"),
    )
    text = "Home Assistant Home 黒猫2猫"
    found = [text[change.start : change.stop] for change in dictionary.lexicon.find(text)]
    assert found == ["Home Assistant", "Home", "猫2", "猫"]


def test_the_case_can_matter():
    dictionary = dictionary_of(("US", "ユーエス", None, 8, True), ("us", "アス"))
    assert dictionary.get("US").reading == "ユーエス"
    assert dictionary.get("Us").reading == "アス"
    assert [c.text[:-1] for c in dictionary.lexicon.find("US us Us")] == [
        "ユーエス",
        "アス",
        "アス",
    ]


def test_what_is_written_in_another_form_becomes_what_open_jtalk_knows(words):
    decomposed = "グランエスタ".replace("グ", "ク\u3099")
    assert phrases(words, f"{decomposed}に") == "グランエスタニ4"
    assert phrases(words, "ｸﾞﾗﾝｴｽﾀに") == "グランエスタニ4"


def test_where_words_stand_in_the_text_is_still_known(words):
    text = "昨日 HOME assistant で"
    rewritten = Rewritten.original(text).replaced(words.lexicon.find(text))
    place = rewritten.text.index("ホーム")
    assert rewritten.origin(place, place + 5) == (3, 17)
    assert set(rewritten.rules[place : place + 10]) == {SPELLED_RULE}


def test_other_rules_leave_alone_what_the_dictionary_decided(words):
    text = Rewritten.original("5Gと金と(金)と六本木ヒルズ")
    text = text.replaced(words.lexicon.find(text.text))
    assert text.text.endswith("と金と(金)と六本木ヒルズ")

    def change(old, new, *, last=False):
        place = text.text.rindex(old) if last else text.text.index(old)
        return Replacement(place, place + len(old), new, "rule")

    wrong = [
        change("ジー", "爺"),
        change("金", "キン"),
        change("六本", "六ほん"),
        change("と六本", "とろっぽん"),
    ]
    right = [change("(金)", "金曜日"), change("と", "ト", last=True)]
    assert not_against_dictionary(text, wrong, lambda _: ()) == []
    assert not_against_dictionary(text, right, lambda _: ()) == right
    assert WORD_RULE in text.rules


@pytest.mark.parametrize(
    ("word", "text", "kana"),
    [
        (("羽生", "ハブ"), "羽生市です", "ハブシデス"),
        (("羽生", "ハブ"), "2026年に羽生選手が", "ニセンニジューロクネンニハブセンシュガ"),
        (("総司", "フサシ"), "沖田総司です", "オキタフサシデス"),
        (("茨木市", "イバラギシ"), "茨木市です", "イバラギシデス"),
        # too little of it
        (("雪山", "ユキサン"), "大雪山です", "ダイセツザンデス"),
        (("色", "シキ"), "何色です", "ナニイロデス"),
        (("羽生", "ハブ"), "大雪山と羽生です", "ダイセツザントハブデス"),
    ],
)
def test_a_word_wins_over_a_longer_one_that_is_built_in(word, text, kana):
    assert read(dictionary_of(word).lexicon, text).kana == kana


def test_a_lexicon_of_another_moment_reads_the_same_word():
    old = dictionary_of(("5G", "ファイブジー", 4)).lexicon
    text = Rewritten.original("5Gは").replaced(old.find("5Gは")).text
    assert read(UserDictionary().lexicon, text).kana.startswith("ファイブジー")


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("5GgＧaA/C.,猫カフェｶﾌｪﾞ　 ㌔①é\u0301ßİ\ue004\n"), max_size=20))
def test_any_text_can_be_searched(text):
    changes = _ODD.lexicon.find(text)
    rewritten = Rewritten.original(text).replaced(changes)
    assert len(rewritten.text) == len(rewritten.origins)
    read(_ODD.lexicon, text)


_ODD = dictionary_of(
    ("5G", "ファイブジー"),
    ("ß", "エスツェット"),
    ("İ", "アイ"),
    ("é", "エ"),
    ("キロ", "キロ"),
    ("カフェ", "カフェー"),
    ("A/C", "エーシー"),
)


# What may be in it


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (("", "ア"), "surface is empty"),
        (("　", "ア"), "surface is empty"),
        ((5, "ア"), "surface must be text"),
        (("猫" * 101, "ネコ"), "longer than 100"),
        (("a\u200bb", "ア"), r"U\+200B"),
        (("☂", "カサ"), "removed"),
        (("**a**", "エー"), "removed"),
        (("猫", ""), "猫: the reading is empty"),
        (("猫", None), "猫: the reading must be text"),
        (("猫", "ネ" * 201), "longer than 200"),
        (("猫", "neko"), "'n' at character 1"),
        (("猫", "ネコ ネコ"), "' ' at character 3, after ネコ"),
        (("猫", "ネコャ"), "'ャ' at character 3, after ネコ, where it makes no mora"),
        (("猫", "フョ"), "ョ may follow one of キギ"),
        (("猫", "カァ"), "'ァ' at character 2"),
        (("猫", "ーネコ"), "'ー' at character 1 where there is no vowel"),
        (("猫", "ネッー"), "'ー' at character 3, after ネッ"),
        (("猫", "猫"), "'猫' at character 1"),
        (("猫", "ネコ", 3), "accent 3 is not within 0 to 2; the moras are ネ・コ"),
        (("猫", "ネコ", -1), "accent -1"),
        (("猫", "ネコ", "1"), "accent must be a whole number"),
        (("猫", "ネコ", True), "accent must be a whole number"),
        (("猫", "ネコ", 1, 11), "priority 11 is not within 0 to 10"),
        (("猫", "ネコ", 1, None), "priority must be"),
        (("猫", "ネコ", 1, 8, "no"), "match_case must be true or false"),
        (("猫", "ネコ", 10**400), "猫: the accent"),
    ],
)
def test_what_is_wrong_is_refused_and_named(word, message):
    with pytest.raises(BadDictionaryEntry, match=message) as caught:
        Entry.of(*word)
    assert len(str(caught.value)) < 300


def test_what_people_write_is_normalised():
    entry = Entry.of(" Ｗｉ－Ｆｉ　６ ", "わいふぁい しっくす".replace(" ", ""), 3)
    assert (entry.surface, entry.reading) == ("Wi-Fi 6", "ワイファイシックス")
    assert Entry.of("ｶﾌｪ", "ｶﾌｪー").reading == "カフェー"
    assert Entry.of("神", "ゔぃ").moras == ("ヴィ",)


def test_every_error_has_a_code_of_its_own():
    kinds = [getattr(dictionary_errors, name) for name in dictionary_errors.__all__]
    assert all(issubclass(kind, HayakoeError) for kind in kinds)
    assert issubclass(BadDictionaryEntry, RequestError)
    assert len({kind.code for kind in kinds} | {HayakoeError.code, RequestError.code}) == 6
    assert all(kind.__name__ in dictionary_errors.__doc__ for kind in kinds)


# Operations


def test_words_are_added_found_changed_and_removed(tmp_path):
    dictionary = UserDictionary(tmp_path / "dictionary.yaml")
    assert dictionary.add("5G", "ファイブジー", accent=4) is False
    assert dictionary.add("猫", "ニャン") is False
    assert dictionary.add("５ｇ", "ゴジー", accent=1) is True
    assert [entry.surface for entry in dictionary.entries()] == ["5g", "猫"]
    assert dictionary.get("５G").reading == "ゴジー"
    assert dictionary.update("5G", {"reading": "ごじ", "accent": None}).reading == "ゴジ"
    assert dictionary.update("5G", {"surface": "6G"}).surface == "6G"
    assert [entry.surface for entry in dictionary.entries()] == ["6G", "猫"]
    assert dictionary.delete("6g").reading == "ゴジ"
    assert [entry.surface for entry in dictionary.entries()] == ["猫"]
    assert UserDictionary(tmp_path / "dictionary.yaml").entries() == dictionary.entries()


def test_every_change_is_seen_by_the_next_sentence():
    dictionary = UserDictionary()
    seen = [(dictionary.version, phrases(dictionary, "5Gは"))]
    dictionary.add("5G", "ファイブジー", accent=4)
    seen.append((dictionary.version, phrases(dictionary, "5Gは")))
    dictionary.update("5G", {"accent": 0})
    seen.append((dictionary.version, phrases(dictionary, "5Gは")))
    dictionary.delete("5G")
    seen.append((dictionary.version, phrases(dictionary, "5Gは")))
    spoken = [what for _, what in seen]
    assert spoken[1:3] == ["ファイブジーワ4", "ファイブジーワ0"]
    assert spoken[3] == spoken[0]
    assert sorted({version for version, _ in seen}) == [version for version, _ in seen]


def test_a_change_to_the_same_is_none(tmp_path):
    path = tmp_path / "dictionary.yaml"
    dictionary = UserDictionary(path)
    dictionary.add("猫", "ネコ")
    path.write_text("# mine\n" + path.read_text("utf-8"), "utf-8")
    version = dictionary.version
    assert dictionary.add("猫", "ねこ") is True
    assert dictionary.version == version
    assert path.read_text("utf-8").startswith("# mine")


def test_what_is_not_there_cannot_be_changed():
    dictionary = dictionary_of(("猫", "ネコ"), ("犬", "イヌ"))
    for change in (
        dictionary.get,
        dictionary.delete,
        lambda surface: dictionary.update(surface, {"accent": 1}),
    ):
        with pytest.raises(WordNotFound, match="鳥"):
            change("鳥")
    with pytest.raises(BadDictionaryEntry, match="no field 'accents'; there are surface"):
        dictionary.update("猫", {"accents": 1})
    with pytest.raises(BadDictionaryEntry, match="犬: is there already"):
        dictionary.update("猫", {"surface": "犬"})
    with pytest.raises(BadDictionaryEntry, match="accent 3"):
        dictionary.update("猫", {"accent": 3})
    assert [entry.reading for entry in dictionary.entries()] == ["ネコ", "イヌ"]


def test_there_is_a_limit_to_the_number_of_words(monkeypatch):
    monkeypatch.setattr("hayakoe_engine.text.dictionary.store.MAX_ENTRIES", 2)
    dictionary = dictionary_of(("猫", "ネコ"), ("犬", "イヌ"))
    with pytest.raises(BadDictionaryEntry, match="at most 2"):
        dictionary.add("鳥", "トリ")
    assert dictionary.add("犬", "ケン") is True
    monkeypatch.setattr("hayakoe_engine.text.dictionary.formats.MAX_ENTRIES", 2)
    with pytest.raises(BadDictionaryFile, match="more than 2 words"):
        parse_words("surface,reading\na,ア\nb,イ\nc,ウ\n", "csv")


# Lists of words


def test_a_list_written_by_hand_is_read():
    parsed = parse_words(
        "# my words\n"
        "- {surface: NO, reading: のー}\n"
        "- surface: 1:30\n"
        "  reading: イチサンマル\n"
        "  accent:\n"
        "- surface: 5\n"
        "  reading: ゴ\n"
        "  accent: 0\n"
        "  priority: 10\n"
        "  match_case: yes\n",
        "yaml",
    )
    assert parsed.problems == []
    assert parsed.entries == [
        Entry("NO", "ノー"),
        Entry("1:30", "イチサンマル"),
        Entry("5", "ゴ", 0, 10, True),
    ]


@pytest.mark.parametrize("text", ["", "# nothing\n", "[]\n", "---\n"])
def test_an_empty_list_is_one(text):
    parsed = parse_words(text, "yaml")
    assert parsed.entries == []


def test_wrong_words_of_a_list_are_named_with_their_line():
    parsed = parse_words(
        "- surface: 猫\n  reading: ネコャ\n"
        "- surface: 犬\n  reading: イヌ\n"
        "- surface: 犬\n  reading: ケン\n"
        "- reading: ア\n"
        "- surface: 鳥\n  raeding: トリ\n"
        "- surface: 牛\n  reading: ウシ\n  accent: high\n",
        "yaml",
    )
    assert [entry.surface for entry in parsed.entries] == ["犬"]
    messages = [str(problem) for problem in parsed.problems]
    for message, expected in zip(
        messages,
        [
            "line 1: 猫: the reading has 'ャ'",
            "line 5: 犬: is there already, see line 3",
            "line 7: a word: the surface is missing",
            "line 8: 鳥: there is no field 'raeding'; there are surface, reading",
            "line 10: 牛: the accent must be a whole number, not 'high'",
        ],
        strict=True,
    ):
        assert message.startswith(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("surface: 猫", "line 1: a list of words is expected"),
        ("- 猫", "line 1: a word is expected"),
        ("- surface: [猫]", "line 1: a field has one value"),
        ("- surface: 猫\n  surface: 犬", "line 2: the field 'surface' is there twice"),
        ("- surface: 猫\n reading: [", "line 2"),
        ("- &a {surface: 猫}\n- *a", "line 1: anchors and aliases"),
        ("- {<<: *a}", "anchors and aliases"),
        ("[]\n---\n[]", "one document"),
        ("- !!python/object/apply:os.system [exit]", "a word is expected"),
        ("\0", "no YAML"),
        ("[" * 100_000, "line 1"),
        ("- surface: 猫\n" * 3 + "\t", "line"),
    ],
)
def test_what_is_no_list_is_refused(text, message):
    with pytest.raises(BadDictionaryFile, match=message) as caught:
        parse_words(text, "yaml")
    assert len(str(caught.value)) < 300


def test_aliases_cannot_grow():
    bomb = "- &a {surface: ha, reading: ハ}\n" + "".join(
        f"- &{new} [{', '.join([f'*{old}'] * 9)}]\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(BadDictionaryFile, match="anchors"):
        parse_words(bomb, "yaml")


def test_a_list_is_no_larger_than_allowed():
    with pytest.raises(BadDictionaryFile, match="at most 5 MiB"):
        parse_words(b"#" * (5 * 1024 * 1024 + 1), "yaml")
    with pytest.raises(BadDictionaryFile, match="byte 1 is not UTF-8"):
        parse_words("猫".encode("cp932"), "yaml")
    with pytest.raises(BadDictionaryFile, match="not as toml"):
        parse_words("", "toml")


def test_csv_is_read_in_any_order_of_columns():
    text = '\ufeffReading,Surface,Accent\r\nファイブジー,5G,4\r\n\r\nネコ,"猫"\r\n'
    assert parse_words(text.encode(), "csv").entries == [
        Entry("5G", "ファイブジー", 4),
        Entry("猫", "ネコ"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "header is expected: surface,reading"),
        ("猫,ネコ\n", "header"),
        ("surface,reading,reading\n", "header"),
        ("surface,reading\n猫,ネコ,1\n", "line 2: there are 3 columns"),
        ('surface,reading\n"猫', "line 2"),
    ],
)
def test_what_is_no_csv_is_refused(text, message):
    with pytest.raises(BadDictionaryFile, match=message):
        parse_words(text, "csv")


def test_the_export_of_voicevox_is_read():
    text = json.dumps(
        {
            "bb2eff6f-0000-4c4e-8f4d-000000000000": {
                "surface": "Ｈｏｍｅ　Ａｓｓｉｓｔａｎｔ",
                "priority": 5,
                "context_id": 1348,
                "part_of_speech": "名詞",
                "yomi": "ホームアシスタント",
                "pronunciation": "ホームアシスタント",
                "accent_type": 7,
                "mora_count": 9,
                "accent_associative_rule": "*",
            },
            "2": {"surface": "猫", "pronunciation": "ネコャ", "accent_type": 1},
        }
    )
    parsed = parse_words(text, "voicevox")
    assert parsed.entries == [Entry("Home Assistant", "ホームアシスタント", 7, 5)]
    assert [str(problem)[:12] for problem in parsed.problems] == ["word 2: 猫: t"]


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', "[" * 100_000, "9" * 5000])
def test_what_is_no_export_of_voicevox_is_refused(text):
    with pytest.raises(BadDictionaryFile):
        parse_words(text, "voicevox")


def test_a_list_is_imported_as_a_whole_or_not_at_all():
    dictionary = dictionary_of(("猫", "ネコ"))
    text = "surface,reading\n猫,ニャン\n犬,イヌ\n鳥,トリャャ\n"
    with pytest.raises(BadDictionaryEntry, match="鳥"):
        dictionary.import_words(text, "csv")
    assert [entry.reading for entry in dictionary.entries()] == ["ネコ"]
    imported = dictionary.import_words(text, "csv", skip_wrong=True)
    assert (imported.added, imported.replaced, len(imported.refused)) == (1, 1, 1)
    assert [entry.reading for entry in dictionary.entries()] == ["ニャン", "イヌ"]
    many = "surface,reading\n" + "".join(f"猫{i},x\n" for i in range(30))
    with pytest.raises(BadDictionaryEntry, match=r"(?s)30 words are wrong.*and so on"):
        dictionary.import_words(many, "csv")


def test_words_are_exported_as_yaml_and_csv_only():
    dictionary = dictionary_of(("5G", "ファイブジー", 4), ("猫", "ネコ"))
    assert dictionary.export_words("csv") == (
        "surface,reading,accent,priority,match_case\n5G,ファイブジー,4,8,\n猫,ネコ,,8,\n"
    )
    assert dictionary.export_words().endswith(
        '- surface: "5G"\n  reading: ファイブジー\n  accent: 4\n  priority: 8\n'
        "- surface: 猫\n  reading: ネコ\n  priority: 8\n"
    )
    with pytest.raises(BadDictionaryFile, match="not as voicevox"):
        dictionary.export_words("voicevox")


MORAS = st.sampled_from(["ア", "キャ", "ン", "ヴィ", "ラ", "クヮ", "ジェ", "ヅ"])
READINGS = st.lists(MORAS, min_size=1, max_size=12).map("".join)


def _entry(surface, reading, accent, priority, match_case):
    """An entry, or None if the surface is none."""
    try:
        entry = Entry.of(surface, reading, None, priority, match_case)
    except BadDictionaryEntry:
        return None
    if accent is None:
        return entry
    return Entry.of(surface, reading, accent % (len(entry.moras) + 1), priority, match_case)


ENTRIES = st.builds(
    _entry,
    st.text(max_size=12) | st.text("aA5. -_/'\"#:&*!%@`{}[],|>~猫カｶ", max_size=8),
    READINGS,
    st.none() | st.integers(0, 12),
    st.integers(0, 10),
    st.booleans(),
).filter(lambda entry: entry is not None)


@settings(max_examples=300, deadline=None)
@given(st.lists(ENTRIES, max_size=8, unique_by=lambda entry: entry.key))
def test_a_list_that_is_written_is_read_again(entries):
    for kind in ("yaml", "csv"):
        parsed = parse_words(format_words(entries, kind), kind)
        assert (parsed.entries, parsed.problems) == (entries, [])
    for entry in entries:
        assert Entry.of(entry.surface, entry.reading, None).surface == entry.surface


@settings(max_examples=60, deadline=None)
@given(st.lists(ENTRIES, min_size=1, max_size=8, unique_by=lambda entry: entry.key))
def test_what_is_added_is_listed_exported_imported_and_found(entries):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dictionary_compiler, "_compile", lambda _rows: None)
        dictionary, again = UserDictionary(), UserDictionary()
        for entry in entries:
            fields = asdict(entry)
            assert dictionary.add(fields.pop("surface"), fields.pop("reading"), **fields) is False
        assert dictionary.entries() == tuple(entries)
        again.import_words(dictionary.export_words("csv"), "csv")
        assert again.entries() == dictionary.entries()
    for entry in entries:
        assert dictionary.get(entry.surface).key[0] == entry.key[0]
        # A word alone is found wholly, unless a longer one begins there.
        found = again.lexicon.find(entry.surface)
        assert found
        assert found[0].start == 0


@settings(max_examples=5, deadline=None)
@given(st.lists(ENTRIES, min_size=1, max_size=20, unique_by=lambda entry: entry.key))
def test_any_word_can_be_compiled_and_read(entries):
    dictionary = UserDictionary()
    dictionary.import_words(format_words(entries, "csv"), "csv")
    for entry in entries:
        read(dictionary.lexicon, f"これは{entry.surface}です。")


# Many at once


def test_sentences_are_read_undisturbed_while_words_change():
    dictionary = UserDictionary()
    dictionary.add("5G", "ファイブジー", accent=1)
    text = "今日は5Gと猫カフェだ"
    done = threading.Event()
    heard, failures = set(), []

    def listen():
        try:
            while not done.is_set():
                heard.add(phrases(dictionary, text))
        except Exception as error:  # noqa: BLE001 - for the assertion below
            failures.append(error)

    threads = [threading.Thread(target=listen) for _ in range(2)]
    for thread in threads:
        thread.start()
    for i in range(4):
        dictionary.add("5G", "ファイブジー", accent=i)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert heard
    assert heard <= {phrases(dictionary_of(("5G", "ファイブジー", i)), text) for i in range(4)}


def test_threads_change_words_without_losing_any(tmp_path):
    dictionary = UserDictionary(tmp_path / "dictionary.yaml")

    def add(number):
        dictionary.add(f"word{number}", "ワード")

    threads = [threading.Thread(target=add, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {entry.surface for entry in dictionary.entries()} == {f"word{n}" for n in range(5)}
    assert len(UserDictionary(tmp_path / "dictionary.yaml").entries()) == 5


def test_nothing_is_written_to_standard_output(capfd):
    dictionary_of(("猫", "ネコ"))
    assert capfd.readouterr() == ("", "")


# The document


DOCUMENT = (Path(__file__).parents[3] / "docs" / "dictionary.md").read_text("utf-8")


def test_the_examples_of_the_document_are_read():
    blocks = re.findall(r"```(yaml|csv)\n(.*?)```", DOCUMENT, re.DOTALL)
    assert {kind for kind, _ in blocks} == {"yaml", "csv"}
    for kind, text in blocks:
        parsed = parse_words(text, kind)
        assert parsed.entries
        assert parsed.problems == []


def test_the_python_of_the_document_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdout", sys.stderr)
    for block in re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL):
        exec(block, {})
