"""Figures around a stroke: dates, fractions, marks, blood pressure."""

from __future__ import annotations

import re
from typing import Final

from hayakoe_engine.text.notation.rule import Rule, always, nearby

__all__ = ["SLASH_RULES"]

_WEEKDAYS: Final = "月火水木金土日"
# Around these it is a fraction, be there such a day or not.
_SURELY_AFTER: Final = re.compile(
    "の?(?:確率|割合)|カップ|量|サイズ|スケール|倍|インチ|の(?:量|大きさ|長さ|重さ|サイズ)"
)
_SURELY_BEFORE: Final = re.compile(
    r"(?:大さじ|小さじ|カップ|約|およそ|(?:確率|割合)[はがのをも、:])[ ]?\Z"
)
_FRACTION_AFTER: Final = re.compile(
    "程度|以下|以上|未満|ほど|くらい|ぐらい|近く|ずつ|本|個|枚|丁|箱|袋|切れ|束|ページ"
    "|の(?:人|時間)"
    "|に(?:減|縮|な[りっる]|分け|切)|が|を|しか|だけ|残"
)
_FRACTION_BEFORE: Final = re.compile(
    r"(?:(?:残り|[0-9]と)"
    r"|(?:[^効]率|割合|全体|半数|進捗|達成度|シェア)(?:[はがのをも、:]|のうち)?)[ ]?\Z"
)
_DATE_AFTER: Final = re.compile(
    rf"\(?[{_WEEKDAYS}](?:曜|[)・]|\Z)|[ ]?~|[ ]?[-−][ ]?[0-9]{{1,2}}/"
    r"|[ ]?[0-9]{1,2}[:時]|[ ]?午[前後]"
    "|から|まで|以降|頃|ごろ|付|締|分の|発売|開催|開始|終了|[ ]?(?:朝|昼|夕|夜)"
)
_DATE_BEFORE: Final = re.compile(
    r"(?:日付|期限|締切|予定日?|次回|前回|日時|発売|配達|お?届け|開催|誕生日|年"
    r"|/[0-9]{1,2}[ ]?(?:\(.\))?[ ]?[-~])[は:]?[ ]?\Z"
)
_COUNTED: Final = "件|個|台|人|名|回|枚|本|ページ|ステップ|項目|箇所|か所|ヶ所|日|部屋|室"
_COOKED: Final = re.compile(
    "[大小]さじ|カップ|[切煮炒焼茹]|刻|鍋|大根|人参|にんじん|ニンジン|きゅうり|キュウリ"
    "|ごぼう|ねぎ|ネギ|玉ねぎ"
    "|リンゴ|りんご|レモン|バナナ|豆腐|キャベツ|白菜|レタス|かぼちゃ|パン|足り|材料|レシピ|使い"
)
_MARKS: Final = re.compile("評価|点|星|★|スコア|レビュー|満足度|採点|口コミ|レーティング")
_PRESSURE: Final = re.compile("血圧|mmHg")
_ALONE: Final = r"(?<![0-9A-Za-z./:−-])"
_END: Final = r"(?![0-9]|[./:][0-9])"


def _slash(match: re.Match[str]) -> str | None:
    spoken = _date_or_fraction(match)
    if spoken is None or not match["to"]:
        return spoken
    return f"{spoken}から{int(match['to'][1:])}" + "日" * spoken.endswith("日")


def _date_or_fraction(match: re.Match[str]) -> str | None:
    """Tell a date such as 11/20 from a fraction such as 1/2."""
    first, second = int(match["first"]), int(match["second"])
    counter = match["counter"]
    if counter and not match["whole"] and 0 <= first <= second and _is_progress(match):
        return f"{second}{counter}中{first}{counter}"
    after = match.string[match.end() : match.end() + 12]
    before = match.string[max(0, match.start() - 12) : match.start()]
    if (
        not match["whole"]
        and counter in {None, "日"}
        and _is_day(first, second, before, after + (counter or ""))
    ):
        return f"{first}月{second}日{counter or ''}"
    if not 0 < first < second or second > 999 or re.match("[A-Za-z]", after):
        return None
    whole = f"{match['whole'].strip()}と" if match["whole"] else ""
    # Half a bundle is no ヒトタバ.
    if first == 1 and re.match("[株玉束切皿袋房箱缶瓶]", after):
        return f"{whole}{second}ブンのイチ"
    return f"{whole}{second}分の{first}{counter or ''}"


def _is_progress(match: re.Match[str]) -> bool:
    """Whether 3/5 is three of five, not three fifths."""
    parts_of_one = match["counter"] in {"本", "個", "枚"} and _COOKED.search(nearby(match))
    return int(match["second"]) > 0 and not parts_of_one


def _is_day(month: int, day: int, before: str, after: str) -> bool:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return False
    if _DATE_AFTER.match(after) or _DATE_BEFORE.search(before):
        return True
    if month < day and (_SURELY_AFTER.match(after) or _SURELY_BEFORE.search(before)):
        return False
    if _FRACTION_AFTER.match(after) or _FRACTION_BEFORE.search(before):
        return month >= day or day > 10
    return month >= day or day > 10 or bool(re.match("[にはもの、]", after))


def _mark(match: re.Match[str]) -> str | None:
    """Tell 4.5/5 as a mark of at most five."""
    if not _MARKS.search(nearby(match)) or float(match["mark"]) > int(match["best"]):
        return None
    return f"{match['best']}点満点中{match['mark']}{match['unit'] or ''}"


def _blood_pressure(match: re.Match[str]) -> str | None:
    upper, lower = int(match[1]), int(match[2])
    is_pressure = _PRESSURE.search(nearby(match)) and upper > lower
    return f"{upper}の{lower}" if is_pressure else None


SLASH_RULES: Final = (
    Rule.of(
        "blood pressure",
        "/",
        rf"{_ALONE}([0-9]{{2,3}}) ?/ ?([0-9]{{2,3}}){_END}",
        _blood_pressure,
    ),
    Rule.of("around the clock", "/", rf"{_ALONE}24/7{_END}(?!から|まで)", always("24時間365日")),
    Rule.of(
        "mark",
        "/",
        rf"{_ALONE}(?P<mark>[0-9]{{1,3}}(?:\.[0-9]{{1,2}})?) ?/ ?"
        rf"(?P<best>5|10|20|50|100)(?:\.0)?{_END}"
        r"(?P<unit>点)?(?!の確率|カップ|量|インチ|日)",
        _mark,
    ),
    Rule.of(
        "date or fraction",
        "/",
        r"(?:(?<![0-9A-Za-z./:−-])|(?<=/[0-9]-)|(?<=/[0-9]{2}-)|(?<=\)-))(?P<whole>[0-9]{1,3} )?"
        r"(?P<first>[0-9]{1,3}) ?/ ?(?P<second>[0-9]{1,4})"
        rf"(?![0-9]|[./:][0-9])(?P<counter>{_COUNTED})?"
        r"(?P<to>[-~][0-9]{1,2}(?![0-9/:.年月日時分%]))?",
        _slash,
    ),
)
