import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hayakoe_engine.text.split import SentenceSplitter, split_sentences

REALISTIC = [
    "リビングの照明を消しました。室温は23.5℃、湿度は45%です。ほかに何かありますか？",
    "「はい。」と言った。「本当？」と聞いた。「もう帰る。」「またね！」（静かに。）扉が閉まった。",
    "# 今日の予定\n\n1. 9:30 会議\n2. 12:00 昼食\n- 牛乳を買う\r\n\r\n以上！？ええ…そうね……。",
    "詳しくは https://example.com/a/b?c=d&e=1#f をご覧ください!はい。v1.2.3 is out. Next? Yes!",
    "おはようございます☀️👨‍👩‍👧‍👦家族のみなさん！🎉 今日は**晴れ**です‼️ 傘は…いりません｡ﾊｲ｡",
    "| 部屋 | 温度 |\n|---|---|\n| 寝室 | 21.0℃ |\n```python\nprint('はい。')\n```\n[はい。](https://a.b)です。",
    "とても長い文なので、読点があるたびに少しずつ伸びていき、" * 6 + "ようやく終わります。",
    "区切りのない長い文" * 40 + "終わり",
    "1234567890" * 45,
    "「引用が閉じないまま続きます。次の文です？そして、" * 5,
    "No. 5のMr. Smithはvol. 2とp. 31、etc. を見た。No. Dr. コトー vs. 阪神 etc. The end. Ｎｏ．５",
    "値は 1,234,567 円、税込で 1，358，023 円；合計…" * 12,
]

TRICKY = st.lists(
    st.sampled_from(
        [
            *"。｡！？!?.．…・、，,；「」（）()[]“” \u3000\n\r1１aあ漢-\u3099\u200d\ufe0f🏽🇯",
            *("No.", "Mr.", "etc.", "ｖｏｌ．"),
        ]
    )
).map("".join)
# How long a text takes depends on the machine.
no_deadline = settings(deadline=None)

ANY_TEXT = st.text(st.characters(exclude_categories=()))


def stream(pieces, **limits):
    splitter = SentenceSplitter(**limits)
    sentences = [sentence for piece in pieces for sentence in splitter.push(piece)]
    return sentences + splitter.flush()


def cut_at(text, places):
    bounds = [0, *sorted(places), len(text)]
    return [text[start:end] for start, end in pairwise(bounds)]


@pytest.mark.parametrize(
    "sentences",
    [
        ["照明を消しました。", "室温は23度です。"],
        ["終わりです｡", "次です｡"],
        ["本当？", "はい！", "そうです"],
        ["え！？", "本当!?", "まさか‼", "ふうん⁉", "はい"],
        ["えっ？？？", "本当！！", "うん"],
        ["本当？…", "そうか。"],
        ["え？。", "はい。"],
        ["はい。", "。", "いいえ。"],
        ["やったね‼\ufe0f", "次です"],
    ],
)
def test_japanese_marks_end_a_sentence(sentences):
    assert split_sentences("".join(sentences)) == sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["一行目\n", "二行目\n", "\n", "三行目"],
        ["一\r", "\n", "二\u2028", "三\u2029", "四"],
        ["「開いた括弧\n", "次の行。", "」です"],
        ["本当？\n", "はい"],
        ["本当？」\n", "はい"],
        ["OK.\n", "次"],
    ],
)
def test_a_newline_ends_a_sentence_whatever_is_open(sentences):
    assert split_sentences("".join(sentences)) == sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["「はい。」と言った。", "次"],
        ["『はい。』、と彼は言った。"],
        ["「本当？」と聞いた。", "「うん。」", "「そう。」"],
        ["「はい。」", "東京は晴れです。"],
        ["「はい。」", "Alexaです。"],
        ["（『はい。』と言った。）", "次"],
        ["「（はい！）」という声。"],
        ["「はい。」……と言った。"],
        ["“はい。”と言った。", "次"],
        ["「はい。」\u3000", "次"],
        ["面白い！", "（笑）「はい。」。", "次"],
        ["[はい。](https://example.com)です。"],
    ],
)
def test_closing_brackets_belong_to_the_sentence(sentences):
    assert split_sentences("".join(sentences)) == sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["「一つ目です。", "二つ目です。", "」と言った。"],
        ["（開いたまま。", "次の文。", "その次。"],
        ["」はい。", "）次。", ">最後。"],
        ["1) 牛乳です。", "次。"],
        ["（「ずれた）括弧。", "」次。"],
        ["((((はい？", "次"],
    ],
)
def test_unbalanced_brackets_stop_nothing(sentences):
    assert split_sentences("".join(sentences)) == sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["https://a.b/c?d=1&e=%20を開きます。"],
        ["https://a.b/?q=1です"],
        ["https://a.b/!/cです"],
        ["ですか?", "はい!", "そう"],
        ["はい!", "Alexaです"],
        ["何時ですか?", "9時です"],
        ["Really? ", "Yes! ", "OK"],
        ["OK!", "はい"],
    ],
)
def test_ascii_marks_end_a_sentence_outside_tokens(sentences):
    assert split_sentences("".join(sentences)) == sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["It is on. ", "室温は23.5℃です. ", "次"],
        ["(It is on.) ", "Next"],
        ["1. 牛乳\n", "2. 卵\n", "  10. パン"],
        ["- 1. 牛乳"],
        ["**1. 牛乳**"],
        ["答えは 23. ", "次"],
        ["v1.2.3と192.168.0.1とa.txtとexample.com."],
        ["えっと... そうですね。"],
        ["１．牛乳\n", "はい．", "次は３．５です．", "最後は３．", "終わり"],
        ["（はい．）と言った．"],
    ],
)
def test_full_stops(sentences):
    assert split_sentences("".join(sentences)) == sentences


@pytest.mark.parametrize(
    "text",
    [
        "アプリのver. 4.1です。",
        "音楽集vol. 6を流して。",
        "p. 31とpp. 3-5です。",
        "No. 5と(no.  12)です。",
        "巨人vs. 阪神です。",
        "Mr. SmithとMrs. BrownとDr. コトーとSt. Johnです。",
        "卵, パン, etc. を買う。",
        "Apple Inc. は9 a.m. to 5 p.m. です。",
        "It comes on Sep. 5, e.g. in Tokyo.",
        "Ｎｏ．５とＭｒ．スミスです。",
    ],
)
def test_an_abbreviation_ends_no_sentence(text):
    assert split_sentences(text) == [text]
    assert stream(text) == [text]


@pytest.mark.parametrize(
    "sentences",
    [
        ["Oh, no. ", "That is it."],
        ["No. \n", "5"],
        ["Eggs, bread, etc. ", "The next one."],
        ["See map. ", "31 people."],
        ["It takes 10 ms. ", "Next."],
        ["It is 12 V. ", "Next."],
        ["See fig. 3. ", "Next."],
        ["Ｎｏ．", "はい"],
    ],
)
def test_what_only_looks_like_an_abbreviation_ends_one(sentences):
    assert split_sentences("".join(sentences)) == sentences
    assert stream("".join(sentences)) == sentences


def test_a_stop_right_after_a_bracket_ends_no_sentence():
    assert split_sentences("はい(。・ω・。)です。次") == ["はい(。・ω・。)です。", "次"]


@pytest.mark.parametrize(
    "text", ["えっと…そうですね", "あの‥はい", "ええと・・・まあ", "……", "そう…"]
)
def test_an_ellipsis_ends_no_sentence(text):
    assert split_sentences(text) == [text]


def test_spaces_go_before_the_next_sentence_after_a_stop():
    assert split_sentences("はい。 次。\u3000最後？ \u3000終") == [
        "はい。",
        " 次。",
        "\u3000最後？ ",
        "\u3000終",
    ]


def test_nothing_comes_of_nothing():
    assert split_sentences("") == []
    assert SentenceSplitter().flush() == []


def test_the_sentence_comes_with_its_stop():
    splitter = SentenceSplitter()
    answer = "寝室の照明を消しました。おやすみなさい。"
    came = [(i, s) for i, char in enumerate(answer) for s in splitter.push(char)]
    assert came == [
        (answer.index("。"), "寝室の照明を消しました。"),
        (len(answer) - 1, "おやすみなさい。"),
    ]


def test_a_question_waits_for_one_character():
    splitter = SentenceSplitter()
    assert splitter.push("本当？") == []
    assert splitter.push("は") == ["本当？"]
    assert splitter.flush() == ["は"]


def test_flush_gives_what_is_pending_and_starts_anew():
    splitter = SentenceSplitter()
    assert splitter.push("「調べています") == []
    assert splitter.flush() == ["「調べています"]
    assert splitter.flush() == []
    assert splitter.push("はい。") == ["はい。"]


def test_a_long_sentence_is_cut_after_the_last_comma():
    first, second = "あ" * 59 + "、", "い" * 29 + "、"
    assert split_sentences(first + second + "う" * 30) == [first + second, "う" * 30]


@pytest.mark.parametrize("mark", ["、", "，", ", ", "；", "…", "……", "・・・", " ", "\u3000"])
def test_soft_places(mark):
    first = "あ" * 50 + mark
    assert split_sentences(first + "い" * 60) == [first, "い" * 60]


@pytest.mark.parametrize("mark", ["1,2", "１，２", "・", "x,y", "、」", "…」"])
def test_no_soft_places(mark):
    text = "あ" * 50 + mark + "い" * 60
    assert split_sentences(text) == [text]


def test_a_comma_before_the_minimum_does_not_cut():
    text = "あ" * 30 + "、" + "い" * 100 + "、"
    assert split_sentences(text + "う") == [text, "う"]


def test_a_sentence_ending_at_the_soft_limit_stays_whole():
    text = "あ" * 50 + "、" + "い" * 48 + "？！"
    assert split_sentences(text + "う") == [text, "う"]


def test_the_hard_limit_cuts_anywhere():
    assert split_sentences("あ" * 450) == ["あ" * 200, "あ" * 200, "あ" * 50]


@pytest.mark.parametrize(
    "unit",
    [
        "か\u3099",
        "e\u0301\u0302",
        "葛\ufe00",
        "👩\u200d👧\u200d👦",
        "👍🏽",
        "ｶﾞ",
        "\ud83d\ude00",
        "❤\ufe0f",
    ],
)
@pytest.mark.parametrize("offset", range(7))
def test_the_hard_limit_keeps_a_grapheme_whole(unit, offset):
    text = "x" * offset + unit * 150
    rests = []
    for sentence in split_sentences(text):
        assert len(sentence) <= 200
        rests.append(sentence.lstrip("x").replace(unit, ""))
    assert not any(rests)


@pytest.mark.parametrize("offset", range(3))
def test_the_hard_limit_keeps_a_flag_whole(offset):
    for sentence in split_sentences("x" * offset + "🇯🇵あ" * 150):
        assert sentence.count("🇯") == sentence.count("🇵")


def test_the_hard_limit_keeps_a_number_whole():
    text = "あ" * 180 + "0123456789" * 3 + "い"
    assert split_sentences(text) == ["あ" * 180, "0123456789" * 3 + "い"]


def test_a_number_longer_than_the_leeway_is_cut():
    assert split_sentences("1" * 250) == ["1" * 200, "1" * 50]


def test_marks_without_end_are_cut_at_the_limit():
    assert split_sentences("\u3099" * 250) == ["\u3099" * 200, "\u3099" * 50]


def test_the_limits_are_arguments():
    sentences = stream(["あい、うえお、かきくけこさし"], minimum=2, soft_limit=5, hard_limit=6)
    assert sentences == ["あい、", "うえお、", "かきくけこさ", "し"]
    assert stream([",a，1、" * 3], minimum=1, soft_limit=1, hard_limit=3)


@pytest.mark.parametrize("limits", [(0, 1, 2), (5, 4, 6), (1, 9, 8)])
def test_limits_out_of_order_are_refused(limits):
    minimum, soft, hard = limits
    with pytest.raises(ValueError, match="limits"):
        SentenceSplitter(minimum=minimum, soft_limit=soft, hard_limit=hard)


@pytest.mark.parametrize("text", REALISTIC)
def test_every_single_cut_gives_the_same_sentences(text):
    whole = split_sentences(text)
    for place in range(len(text) + 1):
        assert stream([text[:place], text[place:]]) == whole


@pytest.mark.parametrize("text", REALISTIC)
def test_random_cuts_give_the_same_sentences(text):
    rng = random.Random(text)
    whole = split_sentences(text)
    for _ in range(50):
        places = rng.sample(range(len(text)), rng.randint(2, min(40, len(text))))
        assert stream(cut_at(text, places)) == whole
    assert stream(text) == whole


@pytest.mark.parametrize("text", REALISTIC)
def test_realistic_texts_keep_the_properties(text):
    check_properties(text)


@no_deadline
@given(ANY_TEXT | TRICKY)
def test_any_text_keeps_the_properties(text):
    check_properties(text)


@no_deadline
@given(st.lists(ANY_TEXT | TRICKY | st.sampled_from(REALISTIC)), st.randoms(use_true_random=False))
def test_any_stream_gives_the_sentences_of_its_text(pieces, rng):
    text = "".join(pieces)
    whole = split_sentences(text)
    assert stream(pieces) == whole
    assert stream(cut_at(text, [rng.randint(0, len(text)) for _ in range(5)])) == whole
    check_properties(text)


@no_deadline
@given(TRICKY, st.integers(1, 4), st.integers(0, 4), st.integers(0, 4))
def test_any_limits_keep_the_properties(text, minimum, more, still_more):
    limits = {
        "minimum": minimum,
        "soft_limit": minimum + more,
        "hard_limit": minimum + more + still_more,
    }
    sentences = stream([text], **limits)
    assert "".join(sentences) == text
    assert all(0 < len(sentence) <= limits["hard_limit"] for sentence in sentences)
    assert stream(text, **limits) == sentences
    assert all(stream([sentence], **limits) == [sentence] for sentence in sentences)


def check_properties(text):
    sentences = split_sentences(text)
    assert "".join(sentences) == text
    assert all(0 < len(sentence) <= 200 for sentence in sentences)
    assert all(split_sentences(sentence) == [sentence] for sentence in sentences)


@pytest.mark.parametrize(
    "unit", ["あ", "「", "！", "あ ", "、", ".", "\u0301", "1", "([?)]…", "？」"]
)
def test_a_long_text_without_sentences_completes(unit):
    text = unit * (300_000 // len(unit))
    splitter = SentenceSplitter()
    sentences = splitter.push(text)
    assert len("".join(sentences)) >= len(text) - 200
    assert "".join(sentences + splitter.flush()) == text
