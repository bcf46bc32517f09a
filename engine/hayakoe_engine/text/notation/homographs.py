"""Words whose reading depends on the words around them, where Open JTalk does not see it."""

from __future__ import annotations

import re
from typing import Final

from hayakoe_engine.text.notation.rule import Rule, always

__all__ = ["HOMOGRAPH_RULES"]

# What stands open and is not opened: あく, not ひらく.
_OPENS: Final = (
    "ドア|扉|窓|戸|鍵|カギ|かぎ|ロック|カーテン|ブラインド|シャッター|玄関|門|ゲート|ガレージ|車庫|勝手口|蓋|フタ|ふた"
    "|冷蔵庫|冷凍庫|引き出し|棚|箱|ポスト|トランク|サッシ|網戸|雨戸|蛇口|バルブ|弁|栓|店|口|穴|入口|出口|部屋"
)
_OPENED: Final = re.compile(rf"(?:{_OPENS})[^、。をに]{{0,12}}\Z")
# What opens like a flower, also said with が.
_UNFOLDS: Final = re.compile(
    r"(?:花|つぼみ|蕾|傘|差|距離|間隔|会議?|大会|画面|ページ|ファイル|アプリ|メニュー|ウィンドウ|アルバム|本|心|を)"
    r"[^、。]{0,8}\Z"
)
_SUBJECT: Final = re.compile(r"[がもは、。][^をがに]{0,8}\Z|\A\Z")


def _open(match: re.Match[str]) -> str | None:
    before = match.string[max(0, match.start() - 20) : match.start()]
    if _UNFOLDS.search(before):
        return None
    stands_open = match[0] in {"開いて", "開いた"} and _SUBJECT.search(before)
    if not _OPENED.search(before) and not stands_open:
        return None
    return "あ" + match[0][1:]


# Words that the dictionary lacks or reads wrong.
_WORDS: Final = {
    "外気温度": "外気温度",
    "外気温": "ガイキオン",
    "温湿度": "オンシツド",
    "湯はり": "湯張り",
    "昼白色": "チューハクショク",
    "電球色": "デンキューショク",
}


HOMOGRAPH_RULES: Final = (
    Rule.of("open", "開", "開(?:い[てた]|きます|きました|きません|く(?!と共)|か(?:な|ず))", _open),
    Rule.of(
        "人気",
        "気",
        "人気(?=[のが]?(?:ない|なく|無い|無く)(?:部屋|道|場所|家|廊下|公園|通り|夜道|路地|オフィス|建物|庭|階段|部|山|海))",
        always("ヒトケ"),
    ),
    Rule.of(
        "辛い",
        "辛",
        "辛(?=[いく口](?:カレー|ラーメン|料理|もの|物|味|食べ|スープ|鍋|ソース|お菓子|スナック|麺|キムチ))"
        "|(?<=カレーが)辛(?=[いくか])|(?<=カレーは)辛(?=[いくか])|(?<=キムチが)辛(?=[いくか])|(?:(?<=激)|(?<=ピリ))辛(?=[いく])",
        always("から"),
    ),
    Rule.of("下手", "下", "下手(?=の(?:スピーカー|照明|ライト|袖|幕)|袖|側)", always("シモテ")),
    Rule.of("上手", "上", "上手(?=の(?:スピーカー|照明|ライト|袖|幕)|袖|側)", always("カミテ")),
    Rule.of("word", "外温湯昼電", "|".join(_WORDS), lambda match: _WORDS[match[0]]),
    Rule.of("値", "値", "(?<=の)値(?=[はがをもにでと、。])", always("アタイ")),
    Rule.of("一日中", "中", "(?<=日中)(?=家|部屋|外)", always("、")),
    Rule.of("月の出", "月", "月の出(?=[はがの、。時]|\\Z)", always("ツキノデ")),
)
