import logging

import pytest

from hayakoe_engine import TextOptions
from hayakoe_engine.errors import BadOption
from hayakoe_engine.text.clean import Cleaner
from hayakoe_engine.text.split import split_sentences


def clean(text, **options):
    cleaner = Cleaner(TextOptions(**options))
    return "".join(cleaner.clean(sentence) for sentence in split_sentences(text))


@pytest.mark.parametrize(
    ("text", "skipped", "said"),
    [
        ("詳細はhttps://example.com/a?b=1です。", "詳細はです。", "詳細はリンクです。"),
        ("https://example.com/。次です。", "。次です。", "リンク。次です。"),
        ("[天気](https://example.com/)です。", "天気です。", "天気です。"),
        ("宛先はa@example.comです。", "宛先はです。", "宛先はメールアドレスです。"),
    ],
)
def test_urls_are_left_out_or_said(text, skipped, said):
    assert clean(text) == skipped
    assert clean(text, urls="say") == said


@pytest.mark.parametrize(
    ("text", "skipped", "named"),
    [
        ("おはよう😀", "おはよう", "おはよう、にっこり笑う、"),
        ("雨です☔。傘を", "雨です。傘を", "雨です、傘と雨、。傘を"),
        ("👍🏽", "", "、サムズアップ中間の肌色、"),
        ("3個です", "3個です", "3個です"),
    ],
)
def test_emoji_are_left_out_or_named(text, skipped, named):
    assert clean(text) == skipped
    assert clean(text, emoji="name") == named


@pytest.mark.parametrize(
    ("text", "spoken", "script"),
    [
        ("안녕하세요はハングルです。", "はハングルです。", "Hangul"),
        ("Приветは挨拶です。", "は挨拶です。", "Cyrillic"),
        ("مرحباは挨拶です。", "は挨拶です。", "Arabic"),
        ("สวัสดีは挨拶です。", "は挨拶です。", "Thai"),
    ],
)
def test_letters_of_other_scripts_are_left_out_with_a_line_in_the_log(caplog, text, spoken, script):
    with caplog.at_level(logging.INFO):
        assert clean(text * 3) == spoken * 3
    (record,) = caplog.records
    assert script in record.getMessage()
    assert text not in record.getMessage()


@pytest.mark.parametrize("text", ["α線とΩ", "々〆〇ヶㇰ", "ｱｲｳ", "Ａｂ", "é", "㈱", "℃", "が"])
def test_letters_that_can_be_read_stay(text):
    assert clean(text) == text


def test_an_unknown_choice_is_refused():
    with pytest.raises(BadOption, match="urls must be skip or say"):
        TextOptions(urls="read")
    with pytest.raises(BadOption, match="emoji must be skip or name"):
        TextOptions(emoji=True)
