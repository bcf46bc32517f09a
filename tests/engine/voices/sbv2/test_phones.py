import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hayakoe_engine.text.clean import clean_text
from hayakoe_engine.text.dictionary.entry import Entry
from hayakoe_engine.text.dictionary.formats import format_words
from hayakoe_engine.text.dictionary.user_dictionary import UserDictionary
from hayakoe_engine.text.reading import Reader, Reading
from hayakoe_engine.voices.sbv2.phones import phones_of
from hayakoe_engine.voices.sbv2.symbols import SYMBOL_IDS, SYMBOLS

READER = Reader()
MARKS = set(".,?!'-")
NUCLEI = {*"aiueoNq"}


def say(text):
    return phones_of(READER.read(clean_text(text)))


def check(sequence):
    """What the network needs of every sequence."""
    assert set(sequence.phones) <= SYMBOL_IDS.keys()
    assert sequence.phones[0] == sequence.phones[-1] == "_"
    assert len(sequence.tones) == len(sequence.phones) == sum(sequence.word2ph)
    assert set(sequence.tones) <= {0, 1}
    assert len(sequence.word2ph) == len(sequence.text) + 2
    assert min(sequence.word2ph) >= 0
    for add_blank in (False, True):
        given_to_model = sequence.model_input(add_blank=add_blank)
        count = len(sequence.phones)
        count = 2 * count + 1 if add_blank else count
        assert given_to_model.word2ph.sum() == count
        for ids in (given_to_model.phones, given_to_model.tones, given_to_model.languages):
            assert ids.shape == (count,)
            assert ids.dtype == np.int64


def test_symbols_have_the_numbers_that_voices_are_trained_with():
    assert len(SYMBOLS) == len(SYMBOL_IDS) == 112
    known = {"_": 0, "N": 5, "a": 8, "by": 20, "ch": 22, "dy": 25, "fy": None, "i": 40, "ky": 58}
    known |= {"q": 73, "sh": 77, "ty": 81, "v": 93, "w": 97, "z": 100, "!": 103, "?": 104}
    known |= {"…": 105, ",": 106, ".": 107, "'": 108, "-": 109, "UNK": 111}
    assert {symbol: SYMBOL_IDS.get(symbol) for symbol in known} == known


@pytest.mark.parametrize(
    ("text", "phones", "tones", "word2ph"),
    [
        ("はい。", "_ h a i . _", "011000", "12111"),
        (
            "こんにちは、はじめまして。",
            "_ k o N n i ch i w a , h a j i m e m a sh i t e . _",
            "0001111111000111111000000",
            "122221122222211",
        ),
        (
            "橋と箸と端。",
            "_ h a sh i t o h a sh i t o h a sh i . _",
            "0001100110000001100",
            "14242411",
        ),
        ("えー…マジで？", "_ e e . . . m a j i d e ? _", "00100011000000", "11111122211"),
        ("「引用」です", "_ ' i N y o o ' d e s u _", "0001111011000", "11321221"),
        ("あっ！", "_ a q ! _", "01000", "11111"),
        ("〜です", "_ - d e s u _", "0011000", "11221"),
        ("", "_ _", "00", "11"),
    ],
)
def test_sentences_are_what_voices_are_trained_with(text, phones, tones, word2ph):
    sequence = say(text)
    assert " ".join(sequence.phones) == phones
    assert "".join(map(str, sequence.tones)) == tones
    assert "".join(map(str, sequence.word2ph)) == word2ph


@pytest.mark.parametrize(
    ("text", "characters", "phones", "word2ph"),
    [
        # How the accents of these fall, and where ハンカクカナ is cut, depends on the dictionary.
        (
            "今日はいい天気ですね！？",
            "今日はいい天気ですね!?",
            "_ ky o o w a i i t e N k i d e s u n e ! ? _",
            "12121132222111",
        ),
        ("二〇二四年", "二千二十四年", "_ n i s e N n i j u u y o n e N _", "12323231"),
        ("っー", "っー", "_ q q _", "1111"),
        ("ﾊﾝｶｸｶﾅ", "ハンカクカナ", "_ h a N k a k u k a n a _", "12222211"),
        # What training programs lose, our notations read.
        ("12:30", "十二時三十分", "_ j u u n i j i s a N j u q p u N _", "13223331"),
        ("25℃", "二十五度", "_ n i j u u g o d o _", "123221"),
        ("100%", "百パーセント", "_ hy a k u p a a s e N t o _", "14222111"),
    ],
)
def test_sentences_that_others_read_differently(text, characters, phones, word2ph):
    sequence = say(text)
    assert sequence.text == characters
    assert " ".join(sequence.phones) == phones
    assert "".join(map(str, sequence.word2ph)) == word2ph


@pytest.mark.parametrize(
    ("text", "characters", "phones"),
    [
        ("はい", "はい", "h a i"),
        ("はい，そう．", "はい,そう.", "h a i , s o o ."),
        ("（はい）", "'はい'", "' h a i '"),
        ("『はい』", "はい", "h a i"),
        ("あー・・・そう", "あー...そう", "a a . . . s o o"),
        ("は――い", "は--い", "w a - - i"),
        ("はい／いいえ", "はい,いいえ", "h a i , i i e"),
        ("AかBか", "エーかビーか", "e e k a b i i k a"),
        ("クヮルテット", "クヮルテット", "k w a r u t e q t o"),
        ("グヮシュ", "グヮシュ", "g w a sh u"),
        ("フュージョン", "フュージョン", "f y u u j o N"),
        ("ヴュー", "ヴュー", "by u u"),
        ("イェイ", "イェイ", "y e i"),
        ("ですか", "ですか", "d e s u k a"),
        ("鿿です", "鿿です", "' d e s u"),
        ("1,234円", "千二百三十四円", "s e N n i hy a k u s a N j u u y o e N"),
    ],
)
def test_marks_and_words_are_spelled_as_in_training(text, characters, phones):
    sequence = say(text)
    check(sequence)
    assert sequence.text == characters
    assert " ".join(sequence.phones[1:-1]) == phones


@pytest.mark.parametrize(
    ("text", "phones", "tones"),
    [
        ("ね〜。", "n e e .", "0000"),
        ("うわぁ〜ー！", "u w a a a a !", "0110000"),
        ("ん～", "N N", "00"),
        ("です〜", "d e s u u", "11000"),
        ("はい、ーはい", "h a i , - h a i", "11000110"),
    ],
)
def test_a_long_mark_draws_out_the_sound_before_it(text, phones, tones):
    sequence = say(text)
    check(sequence)
    assert " ".join(sequence.phones[1:-1]) == phones
    assert "".join(map(str, sequence.tones[1:-1])) == tones


def test_blanks_are_zero_in_phones_tones_and_languages():
    sequence = say("はい。")
    spaced = sequence.model_input(add_blank=True)
    assert spaced.phones.tolist() == [0, 0, 0, 37, 0, 8, 0, 40, 0, 107, 0, 0, 0]
    assert spaced.tones.tolist() == [0, 6, 0, 7, 0, 7, 0, 6, 0, 6, 0, 6, 0]
    assert spaced.languages.tolist() == [0, 1] * 6 + [0]
    assert spaced.word2ph.tolist() == [3, 4, 2, 2, 2]
    plain = sequence.model_input(add_blank=False)
    assert plain.phones.tolist() == [0, 37, 8, 40, 107, 0]
    assert plain.tones.tolist() == [6, 7, 7, 6, 6, 6]
    assert plain.languages.tolist() == [1] * 6
    assert plain.word2ph.tolist() == [1, 2, 1, 1, 1]


def test_a_reading_in_kana_is_its_own_text():
    sequence = phones_of(READER.read_kana("ハ'シ/ハシ'ヲ、ワタル"))
    check(sequence)
    assert sequence.text == "ハシハシヲ,ワタル"
    assert " ".join(sequence.phones) == "_ h a sh i h a sh i o , w a t a r u _"
    assert "".join(map(str, sequence.tones)) == "01100001100001111" + "0"
    assert sequence.word2ph == (1, 2, 2, 2, 2, 1, 1, 2, 2, 2, 1)


def test_a_word_of_the_analyser_keeps_its_spelling():
    words = READER.read("23人が来た").words
    assert [word.spelling for word in words] == ["二", "十", "三", "人", "が", "来", "た"]
    assert words[2].phones == ("s", "a", "N")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("明日は雨が降るでしょう。", "明日は雨が降るでしょう."),
        ("玄関のドアが開いています。", "玄関のドアが開いています."),
        ("室温は23℃です。", "室温は二十三度です."),
    ],
)
def test_the_language_model_reads_kanji_where_a_rule_has_kana(text, read):
    assert phones_of(READER.read(text)).text == read


def test_words_of_the_user_sound_as_they_want_them():
    dictionary = UserDictionary()
    words = [("Aqara", "アカラ"), ("娘。", "ムスメ"), ("羽生", "クヮニュー"), ("12号室", "イチニ")]
    dictionary.import_words(format_words([Entry.of(*word) for word in words], "yaml"))
    sequence = phones_of(Reader(dictionary).read("Aqaraと娘。と羽生が12号室に"))
    check(sequence)
    assert sequence.text == "アカラとムスメと羽生がイチニに"
    expected = "_ a k a r a t o m u s u m e t o k w a ny u u g a i ch i n i n i _"
    assert " ".join(sequence.phones) == expected


def test_a_silent_reading_has_only_silence():
    assert phones_of(Reading("", (), (), ())).phones == ("_", "_")


def test_all_kana_have_phones_that_the_network_knows():
    large = "アイウエオカガキギクグケゲコゴサザシジスズセゼソゾタダチヂツヅテデトドナニヌネノ"
    large += "ハバパヒビピフブプヘベペホボポマミムメモヤユヨラリルレロワヰヱヲンヴッー"
    for kana in large:
        check(say("ア" + "".join(kana + small for small in "ァィゥェォャュョヮー") + kana))


def expected_tones(reading):
    """Of each mora, by the rules of the Tokyo accent."""
    for phrase in reading.accent_phrases:
        for place in range(1, len(phrase.moras) + 1):
            if place == 1:
                yield int(phrase.accent == 1 and len(phrase.moras) > 1)
            else:
                yield int(phrase.accent == 0 or place <= phrase.accent)


@settings(max_examples=300, deadline=None)
@given(st.text("東京大阪人今日雨橋箸はがのですますかんっ、。「」！？123AB％ ", max_size=30))
def test_the_pitch_falls_after_the_accent(text):
    reading = READER.read(text)
    sequence = phones_of(reading)
    check(sequence)
    pairs = zip(sequence.phones, sequence.tones, strict=True)
    assert [tone for phone, tone in pairs if phone in NUCLEI] == list(expected_tones(reading))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=40))
def test_any_text_has_phones(text):
    check(phones_of(READER.read(text)))
    check(say(text))


@settings(max_examples=300, deadline=None)
@given(
    st.text(
        "あア漢字ー〜～っンゃヮヴ龘々〇0123456789-:/%℃$ABCxyz。、…・「」『』(){}☆♪―!? 　",
        max_size=30,
    )
)
def test_any_notation_has_phones(text):
    sequence = say(text)
    check(sequence)
    marks = [phone for phone in sequence.phones if phone in MARKS]
    assert len(marks) <= len(text) * 3  # of an ellipsis


@pytest.mark.parametrize(
    "text", ["ア" * 1000, "漢" * 2000, "「" * 500 + "はい", "はい" + "〜" * 500]
)
def test_long_sentences_have_phones(text):
    check(phones_of(READER.read(text)))
