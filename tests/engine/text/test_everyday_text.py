"""What people and language models write around their words, wherever a stream cuts it."""

import pytest

from hayakoe_engine.text.clean import Cleaner
from hayakoe_engine.text.reading import Reader
from hayakoe_engine.text.split import SentenceSplitter


@pytest.fixture(scope="module")
def reader():
    return Reader()


def cleaned(pieces):
    """What is left of each sentence of a text that comes in pieces."""
    splitter, cleaner = SentenceSplitter(), Cleaner()
    sentences = [sentence for piece in pieces for sentence in splitter.push(piece)]
    sentences += splitter.flush()
    return [prose for prose in map(cleaner.clean, sentences) if prose]


STREAMED = [
    # emphasis
    ("これは**重要**です。", ["これは重要です。"]),
    ("***重要***な__お知らせ__と~~古い~~話です。", ["重要なお知らせと古い話です。"]),
    ("**これは！重要**です。次です。", ["これは！", "重要です。", "次です。"]),
    ("**はい。そうです。**次。", ["はい。", "そうです。", "次。"]),
    ("「**はい**」と言った。", ["「はい」と言った。"]),
    ("1. **牛乳**：2本\n2. 卵\n", ["牛乳：2本", "卵"]),
    ("**重要です。次です。", ["重要です。", "次です。"]),
    ("重要**です。次です。", ["重要です。", "次です。"]),
    ("*重要です。_次です。`その次です。", ["重要です。", "次です。", "その次です。"]),
    ("2*3と10~20℃です。", ["2*3と10~20℃です。"]),
    # links
    (
        "[こちら](https://example.com/a?b=c!d)をご覧ください。次です。",
        ["こちらをご覧ください。", "次です。"],
    ),
    ("詳細は https://example.com/a?b=1&c=2#x を見て。", ["詳細はを見て。"]),
    ("連絡は info@example.com まで。", ["連絡はまで。"]),
    # code
    ("`light.on`です。", ["light.onです。"]),
    ("前です。\n```yaml\nlight.turn_on: 読みません。\n```\n後です。", ["前です。", "後です。"]),
    ("前です。\n```\n閉じません。\n次です。", ["前です。"]),
    # tables
    (
        "今日です。\n\n| 部屋 | 温度 |\n|:--|--:|\n| 寝室 | 20℃ |\n\n以上です。",
        ["今日です。", "部屋、温度", "寝室、20℃", "以上です。"],
    ),
    # HTML
    ("A&amp;Bと、&amp;amp;と、5 &lt; 6です。", ["A&Bと、&と、5 < 6です。"]),
    ("<b>太字</b>です。<br>次です。", ["太字です。", "次です。"]),
    # what cannot be seen
    ("室\u200b温は\u206025℃\ufeffで\u200dす。", ["室温は25℃です。"]),
    ("葛\U000e0100城\u00adです\u202e。", ["葛城です。"]),
    # repeated marks
    ("すごい！！！！本当？？？はい…………そう。", ["すごい！", "本当？", "はい…そう。"]),
    ("えーーーーっ、はい〜〜〜〜。", ["えーーっ、はい〜〜。"]),
    ("面白いwwww\nそうだねｗｗｗｗ。次。", ["面白い", "そうだね。", "次。"]),
    ("すごいwwwwwまじ", ["すごいまじ"]),
    ("wwww\nｗｗｗ\nはい", ["はい"]),
    ("それなwww。草ｗ", ["それな。", "草"]),
    # faces
    ("了解です（＾ν＾）。次です。", ["了解です。", "次です。"]),
    ("ごめんなさいm(_ _)m", ["ごめんなさい"]),
    ("やったー＼(^o^)／明日行く。", ["やったー 明日行く。"]),
    ("すごいヾ(≧▽≦*)oです。", ["すごい です。"]),
    ("ありがとう(｡･ω･｡)ﾉ♡", ["ありがとう"]),
    ("まあ¯\\_(ツ)_/¯", ["まあ"]),
]


@pytest.mark.parametrize(("text", "prose"), STREAMED)
def test_markup_is_gone_wherever_the_stream_cuts_it(text, prose):
    assert cleaned([text]) == prose
    assert cleaned(text) == prose
    for place in range(1, len(text)):
        assert cleaned([text[:place], text[place:]]) == prose, text[:place]


@pytest.mark.parametrize(
    ("text", "kana"),
    [
        ("やったよ(・∀・)", "ヤッタヨ"),
        ("しょんぼり(´・ω・`)", "ションボリ"),
        ("（´・ω・｀）ショボーン", "ショボーン"),
        ("えっ(゚Д゚;)", "エッ"),
        ("了解です(^^)", "リョーカイデス"),
        ("おはよう(^-^)/", "オハヨー"),
        ("がんばって♪(´▽｀)", "ガンバッテ"),
        ("ｷﾀ━━━(゜∀゜)━━━!!", "キタ"),
        ("そうですか^^;", "ソーデスカ"),
        ("つかれたorz", "ツカレタオーズ"),
        ("泣(；＿；)", "ナキ"),
        ("[こちら](https://example.com/a", "コチラ"),
        ("[こちら", "コチラ"),
        ("はい、、、、そうです", "ハイソーデス"),
        ("そっか....", "ソッカ"),
        ("A&amp;amp;B", "エーアンドビー"),
        *(
            (f"はい{face}", "ハイ")
            for face in [
                *("(T_T)", "(╯°□°）╯︵ ┻━┻", "(^o^)丿", "(≧▽≦)ノ", "ヽ(´ー｀)ノ", "_(:3」∠)_"),
                *("(^^)v", "(-_-)zzz", "(=^・ω・^=)", "(^3^)", "(＞o＜)", "(^^ゞ", "o(^-^)o"),
                *("(*´艸｀*)", "(Q_Q)", "(ﾉД`)", "(^_^)ノシ", "(・x・)", "T_T", "ｍ（＿＿）ｍ"),
                *("www", "ｗｗ", "ｗ", "www！"),
            ]
        ),
        *((laughter, "") for laughter in ["wwww", "ｗｗｗ", "www！", "ww", "WWW"]),
    ],
)
def test_what_is_left_of_signs_is_not_heard(reader, text, kana):
    readings = reader.read_all(SentenceSplitter().push(text + "\n"), Cleaner())
    spoken = "".join("".join(word.kana for word in reading.words) for reading in readings)
    assert spoken == kana


@pytest.mark.parametrize(
    "text",
    [
        *(
            "(T)は温度です",
            "図(3)を見て",
            "面白い(笑)",
            "田中製作所(株)です",
            "f(x)=x^2",
            "(a_b)です",
        ),
        *("(x^2+y^2)です", "(90°-45°)", "(-o-)を付ける", "(o)と(x)", "(ToT)の手法", "(T.T)記す"),
        *("アドレスのwwwは要りません", "先頭にwwwを付ける", "キーはw", "W", "第二次WW", "wです"),
        *("( ˘ω˘ )スヤァ", "(^^)ノート", "つかれたorz"),
    ],
)
def test_letters_of_real_text_are_kept(text):
    (prose,) = cleaned([text])
    assert prose.split()[-1] in text
    assert [char for char in prose if char.isalpha()] == [
        char for char in text if char.isalpha() and char != "ω"
    ]
