import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hayakoe_engine.text.clean import Cleaner, clean_text, is_speakable
from hayakoe_engine.text.split import SentenceSplitter, split_sentences

# How long a text takes depends on the machine.
no_deadline = settings(deadline=None)

ANY_TEXT = st.text(st.characters(exclude_categories=()))
MARKUP = st.lists(
    st.sampled_from(
        [
            *"#*_~`|<>[]()!?\\&;:-+=./ \n\t\u3000\0\ud800",
            *"あ漢a1ー〜w！？…、。「」☀\ufe0f\u20e3\u200d👍🏽",
            "**",
            "```",
            "~~~",
            "\n```\n",
            "\n- ",
            "\n1. ",
            "\n# ",
            "[ ] ",
            "](",
            "https://",
            "www.",
            "a@b.c",
            "&amp;",
            "&lt;",
            "&gt;",
            "&#42;",
            "amp;",
            "<b>",
            "<br/>",
            "www",
            "ーーーー",
            "‼",
        ]
    )
).map("".join)

ANSWER = """\
## 今日のまとめ ☀️

**室温**は *23.5℃*、湿度は `45%` です。詳しくは[こちら](https://example.com/a_b?c=1)をご覧ください！！

1. 牛乳を買う🥛
2. **9:30** に会議

| 部屋 | 温度 |
|:-----|-----:|
| 寝室 | -3℃ |

```yaml
light.turn_on: これは読みません。
```

> 以上です&#33;
"""


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("# 見出し", "見出し"),
        ("### 今日の天気 ###", "今日の天気"),
        ("##見出し", "見出し"),
        ("#1 と C#", "#1 と C#"),
        ("- 牛乳", "牛乳"),
        ("* 牛乳", "牛乳"),
        ("+ 牛乳", "牛乳"),
        ("• 牛乳", "牛乳"),
        ("•牛乳", "牛乳"),
        ("・牛乳", "牛乳"),
        ("・・・そうですね", "・・・そうですね"),
        ("1. 牛乳", "牛乳"),
        ("12) 牛乳", "牛乳"),
        ("- [ ] 牛乳", "牛乳"),
        ("  - [x] 牛乳", "牛乳"),
        ("1. [X] 牛乳", "牛乳"),
        ("> 引用", "引用"),
        (">> - 引用", "引用"),
        (">= 5", ">= 5"),
        ("---", ""),
        ("* * *", ""),
        ("_____", ""),
        ("=====", ""),
        ("-3℃です", "-3℃です"),
        ("- -3℃です", "-3℃です"),
        ("1.5倍です", "1.5倍です"),
        ("2026. 5月", "2026. 5月"),
        ("1.", "1."),
        ("卵は 1. 牛乳", "卵は 1. 牛乳"),
    ],
)
def test_marks_at_the_start_of_a_line(text, prose):
    assert clean_text(text) == prose


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("| a | b |", "a、b"),
        ("| 部屋 | | 温度 |", "部屋、温度"),
        ("部屋 | 温度", "部屋、温度"),
        ("|---|:--:|", ""),
        (":-- | --:", ""),
    ],
)
def test_table_rows(text, prose):
    assert clean_text(text) == prose


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("[こちら](https://example.com)をご覧", "こちらをご覧"),
        ('[こちら](https://example.com/A_(b) "題名")です', "こちらです"),
        ("[設定](/config/dashboard)を開く", "設定を開く"),
        ("![玄関の写真](https://a.b/c.jpg)です", "玄関の写真です"),
        ("[![絵](a.png)](https://a.b)", "絵"),
        ("[https://a.b](https://a.b)です", "です"),
        ("詳細はhttps://example.com/a?b=c&d=%20#eをご覧", "詳細はをご覧"),
        ("詳細は https://example.com/ を見て。", "詳細はを見て。"),
        ("Open https://example.com/a, then stop", "Open, then stop"),
        ("see https://a.b/c now", "see now"),
        ("http://192.168.0.2:8123です", "です"),
        ("www.example.com です", "です"),
        ("wwwサーバー", "wwwサーバー"),
        ("<https://a.b/c>です", "です"),
        ("（https://a.b/c）をご覧", "をご覧"),
        ("**https://a.b/c**です", "です"),
        ("連絡はinfo@example.co.jpまで", "連絡はまで"),
        ("<mailto:a.b@example.com>まで", "まで"),
        ("@homeと3:1", "@homeと3:1"),
    ],
)
def test_links_and_addresses(text, prose):
    assert clean_text(text) == prose


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("これは**重要**です", "これは重要です"),
        ("これは*重要*です", "これは重要です"),
        ("これは__重要__です", "これは重要です"),
        ("_重要_ です", "重要 です"),
        ("~~古い~~新しい", "古い新しい"),
        ("***強調***", "強調"),
        ("これは**重要", "これは重要"),
        ("重要**です。", "重要です。"),
        ("2*3と2**3と(a+b)*cと3 * 4", "2*3と2**3と(a+b)*cと3 * 4"),
        ("２*３", "２*３"),
        ("snake_caseとA_Bとa__b", "snake_caseとA_Bとa__b"),
        ("10~20℃", "10~20℃"),
        ("`light.on`です", "light.onです"),
        ("```x```です", "xです"),
        (r"\*注意\*", "注意"),
        (r"10\~20℃", "10~20℃"),
    ],
)
def test_emphasis_and_inline_code(text, prose):
    assert clean_text(text) == prose


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("一行<br>二行<br />三行", "一行 二行 三行"),
        ("<b>太字</b>です</p>", "太字です"),
        ("<a href=\"https://a.b/c\" class='x' id=y>こちら</a>", "こちら"),
        ("<img src=https://a.b/c.png>です", "です"),
        ("5 < 6 かつ 7 > 3", "5 < 6 かつ 7 > 3"),
        ("a<3", "a<3"),
        ("A&amp;B", "A&B"),
        ("A&nbsp;B", "A B"),
        ("5 &lt; 6", "5 < 6"),
        ("it&#39;s &#x26;", "it's &"),
        ("&amp;amp;", "&"),
        ("&lamp;と&unknown;とR&D", "&lamp;と&unknown;とR&D"),
        (f"&#{'9' * 5000};", f"&#{'9' * 5000};"),
    ],
)
def test_html(text, prose):
    assert clean_text(text) == prose


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("おはよう☀️", "おはよう"),
        ("了解😊。", "了解。"),
        ("消しました✨電気", "消しました 電気"),
        ("👨‍👩‍👧‍👦家族", "家族"),
        ("👍🏽いいね", "いいね"),
        ("🇯🇵日本", "日本"),
        ("🏴\U000e0067\U000e0062\U000e007f旗", "旗"),
        ("1️⃣ 牛乳", "1 牛乳"),
        ("❤️♥⭐✅", ""),
        ("ℹ️お知らせ", "お知らせ"),
        ("©2026 ™®", "2026"),
        ("20℃→23℃、№5、℡、㎏、㌔、①", "20℃→23℃、№5、℡、㎏、㌔、①"),
        ("葛\U000e0100城", "葛城"),
        ("C♯とB♭", "C♯とB♭"),
    ],
)
def test_emoji(text, prose):
    assert clean_text(text) == prose


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("a\tb", "a b"),
        ("改行\n", "改行"),
        ("あ\r\nい", "あ い"),
        ("あ\u200bい\ufeffう\u00adえ", "あいうえ"),
        ("\u202eあ\u2066い\u2069", "あい"),
        ("あ\0い\x07", "あい"),
        ("あ\ud800い\udfff", "あい"),
        ("あ\ue000\uffffい", "あい"),
        ("あ\u3000 \u00a0い", "あ い"),
        ("はい、 そう。 次", "はい、そう。次"),
        ("か\u3099", "か\u3099"),
    ],
)
def test_invisible_characters_and_spaces(text, prose):
    assert clean_text(text) == prose


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("すごい！！！", "すごい！"),
        ("え！？！？", "え！？"),
        ("え？！？", "え？！"),
        ("何??!!", "何?!"),
        ("えっ⁉️", "えっ！？"),
        ("そう…………", "そう…"),
        ("えーーーー", "えーー"),
        ("えーーー", "えーーー"),
        ("はい〜〜〜〜〜", "はい〜〜"),
        ("はい～～～～", "はい～～"),
        ("面白いwww", "面白い"),
        ("面白いｗｗｗｗ。", "面白い。"),
        ("面白いww", "面白い"),
        ("草草草", "草草草"),
        ("http wwww", "http wwww"),
        ("あ" * 20, "あ" * 8),
        ("1" + "0" * 12 + "円", "1" + "0" * 12 + "円"),
    ],
)
def test_runs(text, prose):
    assert clean_text(text) == prose


@pytest.mark.parametrize(
    "text",
    [
        "「はい」（笑）と言った。",
        "１２：３０／－３℃、45%、1,234円、¥500、3.14、−5度",
        "Home Assistantの設定、ON/OFF",
        "09012345678、03-1234-5678、2026/05/01",
    ],
)
def test_prose_stays_as_it_is(text):
    assert clean_text(text) == text


def test_a_whole_answer():
    assert clean_text(ANSWER) == (
        "今日のまとめ 室温は 23.5℃、湿度は 45% です。詳しくはこちらをご覧ください！"
        "牛乳を買う 9:30 に会議 部屋、温度 寝室、-3℃ 以上です!"
    )


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_a_streamed_answer(size):
    splitter, cleaner = SentenceSplitter(), Cleaner()
    pieces = [ANSWER[i : i + size] for i in range(0, len(ANSWER), size)]
    sentences = [s for piece in pieces for s in splitter.push(piece)] + splitter.flush()
    assert list(filter(None, map(cleaner.clean, sentences))) == [
        "今日のまとめ",
        "室温は 23.5℃、湿度は 45% です。",
        "詳しくはこちらをご覧ください！",
        "牛乳を買う",
        "9:30 に会議",
        "部屋、温度",
        "寝室、-3℃",
        "以上です!",
    ]


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("前\n```\ncode\n```\n後", "前 後"),
        ("前\n~~~ python\ncode\n~~~\n後", "前 後"),
        ("前\n````\n```\ncode\n````\n後", "前 後"),
        ("前\n```\n~~~\n```\n後", "前 後"),
        ("- 前\n   ```sh\n   code\n   ```\n後", "前 後"),
        ("前\n```\n閉じない", "前"),
        ("そうだね\n~~~♪", "そうだね"),
        ("前 ``` 後", "前 後"),
    ],
)
def test_code_fences(text, prose):
    assert clean_text(text) == prose


def test_a_fence_reaches_over_sentences():
    cleaner = Cleaner()
    sentences = split_sentences("はい。\n```sh! -x\n消します。危険です！\n```\n終わり。")
    assert list(filter(None, map(cleaner.clean, sentences))) == ["はい。", "終わり。"]


def test_a_url_reaches_over_a_cut():
    cleaner = Cleaner()
    pieces = ["詳細は https://example.com/", "a/b", "c?d=1 をご覧。", "abc"]
    assert [cleaner.clean(piece) for piece in pieces] == ["詳細は", "", "をご覧。", "abc"]


def test_a_url_ends_with_its_line():
    cleaner = Cleaner()
    assert [cleaner.clean(s) for s in ["https://example.com/\n", "abc"]] == ["", "abc"]


def test_a_part_of_a_line_is_no_list_item():
    cleaner = Cleaner()
    assert cleaner.clean("気温は、") == "気温は、"
    assert cleaner.clean("- 5度") == "- 5度"
    assert cleaner.clean("です。") == "です。"
    assert cleaner.clean("- 牛乳") == "牛乳"


@no_deadline
@given(ANY_TEXT | MARKUP)
def test_cleaning_twice_changes_nothing(text):
    prose = clean_text(text)
    assert clean_text(prose) == prose


@no_deadline
@given(ANY_TEXT | MARKUP)
def test_prose_is_one_line_of_utf8(text):
    prose = clean_text(text)
    prose.encode("utf-8")
    assert len(prose.splitlines()) <= 1
    assert prose == prose.strip()
    assert "\0" not in prose


@no_deadline
@given(st.lists(ANY_TEXT | MARKUP))
def test_any_sequence_of_sentences_is_cleaned(sentences):
    cleaner = Cleaner()
    for sentence in sentences:
        cleaner.clean(sentence).encode("utf-8")


@pytest.mark.parametrize(
    "unit",
    [
        "あ",
        "&amp;",
        "#38;",
        "[",
        "](b)",
        "[a](b",
        '<a b="',
        "http://",
        "_",
        "- ",
        "w",
        "a@",
        "|",
        "<b",
    ],
)
def test_a_long_text_completes(unit):
    prose = clean_text("&[_a" + unit * (300_000 // len(unit)))
    assert clean_text(prose) == prose


@pytest.mark.parametrize(
    "text",
    ["あ", "漢", "a", "５", "「はい」", "%", "％", "℃", "-3", "¥", "㎏", "①", "&", "々", "ｱ"],
)
def test_speakable(text):
    assert is_speakable(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\u3000\n",
        "。",
        "！？",
        "…",
        "「」",
        "（）",
        "---",
        "ーー",
        "〜",
        "😊",
        "\ud800",
        "・・・",
    ],
)
def test_not_speakable(text):
    assert not is_speakable(text)
