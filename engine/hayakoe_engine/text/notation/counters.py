"""Numbers with counters that Open JTalk reads in another way than people do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hayakoe_engine.text.notation.rule import DIGITS, Rule, always
from hayakoe_engine.text.notation.times import minutes

if TYPE_CHECKING:
    import re

__all__ = ["COUNTER_RULES"]

_NO_DIGIT_BEFORE: Final = r"(?<![0-9.,:/])"
_WEEKDAY: Final = r" ?[(（]?[月火水木金土日](?:曜|[)）・])"
_ENGLISH: Final = {"1": "ワン", "2": "ツー", "3": "スリー"}
_SACHETS: Final = (
    "ゼロホー",
    "イッポー",
    "ニホー",
    "サンポー",
    "ヨンポー",
    "ゴホー",
    "ロッポー",
    "ナナホー",
    "ハッポー",
    "キューホー",
)
_WINDOWS: Final = {"7": "セブン", "8": "エイト", "10": "テン", "11": "イレブン"}


def _minutes(match: re.Match[str]) -> str:
    return minutes(int(match[1]))


def _kanji_minutes(match: re.Match[str]) -> str | None:
    tens = match["x"][:-2]
    return None if tens and not tens.endswith("十") else f"{tens}ハップン"


def _sachets(count: int) -> str:
    tens, ones = divmod(count, 10)
    before = f"{tens * 10}" if tens and ones else ""
    if ones:
        return before + _SACHETS[ones]
    return (str(tens) if tens > 1 else "") + "ジュッポー"


COUNTER_RULES: Final = (
    # 8分の1, 8分目 and 8分咲き are no minutes; 8分間 is read right.
    Rule.of(
        "minutes",
        "8",
        rf"{_NO_DIGIT_BEFORE}([0-9]{{0,3}}8) ?分(?!の[0-9一二三四五六七八九]|間|目|咲|割|音|休)",
        _minutes,
    ),
    Rule.of("steps", "8", rf"{_NO_DIGIT_BEFORE}8歩", always("ハッポ")),
    Rule.of("houses", "8", rf"{_NO_DIGIT_BEFORE}8軒", always("ハッケン")),
    Rule.of("bags", "0", rf"{_NO_DIGIT_BEFORE}10袋", always("ジュッフクロ")),
    Rule.of("twenty years old", "2", rf"{_NO_DIGIT_BEFORE}20[歳才](?!代)", always("ハタチ")),
    # Japanese numerals before what is served, and English ones in charts and versions.
    Rule.of("clusters", "1", rf"{_NO_DIGIT_BEFORE}1房", always("ヒトフサ")),
    Rule.of("clusters", "2", rf"{_NO_DIGIT_BEFORE}2房", always("フタフサ")),
    Rule.of("cans", "1", rf"{_NO_DIGIT_BEFORE}1缶", always("ヒトカン")),
    Rule.of("pots", "1", rf"{_NO_DIGIT_BEFORE}1鍋", always("ヒトナベ")),
    Rule.of("pots", "2", rf"{_NO_DIGIT_BEFORE}2鍋", always("フタナベ")),
    Rule.of("sets", "1", rf"{_NO_DIGIT_BEFORE}(?<![年-])1組(?!目)", always("ヒトクミ")),
    Rule.of(
        "sets",
        "2",
        rf"{_NO_DIGIT_BEFORE}(?<!年)2組(?=[のずをがに、。](?![^、。]{{0,4}}[生教担]))",
        always("フタクミ"),
    ),
    Rule.of(
        "best ten", "1", r"(?:(?<=ベスト)|(?<=[Bb]est)|(?<=BEST)) ?10(?![0-9.,])", always("テン")
    ),
    Rule.of(
        "Windows",
        "78910",
        r"(?:(?<=[Ww]indows)|(?<=ウィンドウズ)|(?<=[Ww]in)) ?(?P<x>7|8|10|11)"
        r"(?![0-9.,:/%A-Za-z台個件人枚年月日時分])",
        lambda match: _WINDOWS[match["x"]],
    ),
    # Alone, 1日 is a length of time for Open JTalk.
    Rule.of(
        "first of the month",
        "1",
        rf"(?<![0-9.,:/月])1日(?={_WEEKDAY}|から[0-9]{{1,2}}日|[と、・~][0-9]{{1,2}}日|付|締|分の)"
        r"|(?<![0-9.,:/月])(?<!あと)(?<!残り)1日(?=は[^、。]{0,8}(?:燃|ゴミ|ごみ|プラ"
        r"|資源|定休|収集|祝日|休[業館診み]|元日|誕生日"
        r"|記念日|仕事|出社|会議|出張|[雨雪曇晴]|[月火水木金土日]曜)|の(?:午[前後]|朝|夜"
        r"|夕方)|に(?:開[催始]|発売|届|到着"
        r"|引き落|振り込|支払|始ま|オープン|公開|配信|実施)|号)"
        r"|(?<=[毎来今翌先]月の)1日|(?<=月の)1日(?=[にはがもで])",
        always("ツイタチ"),
    ),
    Rule.of(
        "thousands", DIGITS, r"(?<=[0-9]) (?=[度分時日月年回件個枚本台円秒人名歳])", always("")
    ),
    # written in kanji, 八分 may be eight tenths
    Rule.of(
        "minutes",
        "八",
        r"(?<![〇一二三四五六七八九十百千村腹])(?P<x>[二三四五]?十?八分)"
        r"(?=[後前間以経未]|(?!の[一二三四五六七0-9])[^一-鿿]|\Z)",
        _kanji_minutes,
    ),
    # English numerals of baseball and some others
    Rule.of(
        "English numeral",
        "123",
        rf"{_NO_DIGIT_BEFORE}[123](?=アウト|ストライク|ボール(?![ペ])"
        rf"|ラン(?![クチドニプ])|ベース(?!で)|シーム|ショット(?!で)"
        r"|ルーム|コイン|クリック|プッシュ|トップ(?!は)|タッチ|バウンド|タップ(?!で)"
        r"|ランク|オクターブ|オペ)",
        lambda match: _ENGLISH[match[0]],
    ),
    Rule.of(
        "sachets",
        "包",
        rf"{_NO_DIGIT_BEFORE}([0-9]{{1,2}})包(?![丁囲装帯みん])",
        lambda match: _sachets(int(match[1])),
    ),
    Rule.of("sets", "1", rf"{_NO_DIGIT_BEFORE}1セット", always("ワンセット")),
    Rule.of("sets", "2", rf"{_NO_DIGIT_BEFORE}2セット", always("ニセット")),
    # Its first kanji alone is a counter.
    Rule.of("turns", "転", "(?<=[0-9]回)転(?!車|ば)", always("テン")),
    Rule.of("items", "品", "(?<=0品)目", always("モク")),
    Rule.of("house", "1", rf"{_NO_DIGIT_BEFORE}1軒家", always("一軒家")),
    Rule.of("room", "畳", "(?<=[0-9一二三四五六七八九十]畳)間", always("マ")),
    Rule.of(
        "first of the month",
        "一",
        "(?<![一-鿿0-9])一日(?=(?:から|より|と|、|・"
        "|または)[一二三四五六七八九十]{1,3}日|付け?|締め|号)"
        "|(?<=月の)一日(?=[にはがもで])|(?<=[毎来今翌]月)一日",
        always("ツイタチ"),
    ),
    Rule.of("dated", "付", "(?<=[0-9]日)付け?(?=[でのにけ])", always("ヅケ")),
)
