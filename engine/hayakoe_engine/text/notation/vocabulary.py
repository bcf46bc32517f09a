"""Words that the dictionary lacks or reads wrong, wherever they stand or nearly so."""

from __future__ import annotations

import re
from typing import Final

from hayakoe_engine.text.notation.context import word
from hayakoe_engine.text.notation.rule import Rule, always
from hayakoe_engine.text.notation.units import UNIT, spoken_unit

__all__ = ["VOCABULARY_RULES"]

_WORDS: Final = {
    "外気温度": "外気温度",
    "外気温": "ガイキオン",
    "温湿度": "オンシツド",
    "湯はり": "湯張り",
    "昼白色": "チューハクショク",
    "電球色": "デンキューショク",
    "追焚き": "オイダキ",
    "追焚": "オイダキ",
    "止水栓": "シスイセン",
    "詰め替え": "ツメカエ",
    "七夕": "タナバタ",
    "売電": "バイデン",
    "買電": "カイデン",
    "桜島": "サクラジマ",
    "日本中": "ニホンジュー",
    "半月切り": "ハンゲツギリ",
    "梅雨前線": "バイウゼンセン",
    "月の入り": "ツキノイリ",
    "半玉": "ハンタマ",
    "何曜日": "ナンヨービ",
    "錦織圭": "ニシコリケイ",
    "錦織選手": "ニシコリ選手",
}


def _some(match: re.Match[str]) -> str | None:
    """Read 数 before a unit."""
    unit = re.compile(f" ?({UNIT})").match(match.string, match.end())
    return "スー" if unit and spoken_unit(unit[1]) else None


VOCABULARY_RULES: Final = (
    word("月末", "ゲツマツ", pattern="(?<![0-9一二三四五六七八九十何先今来毎翌同前ヶか])月末"),
    word("西風", "ニシカゼ", pattern="(?<![一-鿿])西風"),
    word(
        "東風",
        "ヒガシカゼ",
        after="[がはのをにで、。]|\\Z",
        around="風速|[mメ]|強|天気|予報|吹く|吹い|吹き",
    ),
    word("年", "ネン", pattern="(?<![一-鿿0-9])年(?=に[0-9一二三四五六七八九十数何]{1,3}[度回日])"),
    word("晴れ", "ハレ", after="(?:のち|後|時々|一時)"),
    word("何分", "ナンプン", after="(?![のと]|[0-9一-鿿]{0,2}(?:よろ|宜)|にも)"),
    Rule.of(
        "word",
        "".join({word[0] for word in _WORDS}),
        "|".join(_WORDS),
        lambda match: _WORDS[match[0]],
    ),
    Rule.of("数", "数", f"(?<![一-鿿])数(?= ?{UNIT})", _some),
    Rule.of("値", "値", "(?<=の)値(?=[はがをもにでと、。])", always("アタイ")),
    Rule.of("一日中", "中", "(?<=日中)(?=家|部屋|外)", always("、")),
    Rule.of("月の出", "月", "月の出(?=[はがの、。時]|\\Z)", always("ツキノデ")),
    word(
        "年",
        "ネン",
        pattern="(?<![一-鿿0-9])年(?=[0-9]{1,3}(?:\\.[0-9]+)?(?:[%割回度分兆億万円]|パーセント))",
    ),
    word(
        "引き",
        "ビキ",
        before="[0-9一二三四五六七八九半](?:%|割|円|分|ドル)|半額",
        after="(?![ずくまっ出上下落締抜続受起かけこさ])",
    ),
)
