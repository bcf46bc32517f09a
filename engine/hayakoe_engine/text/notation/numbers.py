"""Signs before numbers, ranges, ratios, fractions, money, arithmetic and units."""

from __future__ import annotations

import re
from typing import Final

from hayakoe_engine.text.notation.rule import DIGITS, NUMBER, Rule, always, nearby
from hayakoe_engine.text.notation.units import UNIT, spoken_unit

__all__ = ["NUMBER_RULES"]

_CURRENCIES: Final = {"¥": "円", "$": "ドル", "€": "ユーロ", "£": "ポンド", "₩": "ウォン"}
_CENTS: Final = {"$": "セント", "€": "セント", "£": "ペンス"}
# How many zeros they stand for.
_ZEROS: Final = {"k": 3, "K": 3, "M": 6, "B": 9, "million": 6, "billion": 9, "trillion": 12}
_PERIODS: Final = {"月": "か月", "ヶ月": "か月", "時": "時間", "週": "週間", "L": "リットル"}
# Denominator and, as the last digit, numerator.
_VULGAR: Final = dict(
    zip(
        "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒",
        (21, 31, 32, 41, 43, 51, 52, 53, 54, 61, 65, 71, 81, 83, 85, 87, 91, 101),
        strict=True,
    )
)
_SUPERSCRIPTS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")

_JAPANESE: Final = "ぁ-ヿ一-鿿々"
_KANJI_COUNTERS: Final = (
    "度人分時日月年回件個枚本台円秒週階歳才名杯倍割点匹冊泊畳合滴錠粒曲話箱袋皿"
)
_COUNTER: Final = f"[{_KANJI_COUNTERS}ヶヵかグキミセメリトボワパ]"
_FALLING: Final = re.compile(" ?(?:[月時度℃%円年](?!間)|°C)")
_SPORTS: Final = re.compile(
    "試合|スコア|勝|敗|負け|引き?分け|リード|同点|逆転|得点|ゴール|前半|後半|延長"
    "|サッカー|野球|ホッケー|ラグビー|第[0-9]セット|[0-9]セット目|テニス|バレー|卓球|バドミントン"
)
_WINNING: Final = re.compile(
    "[0-9]{1,3}(?:で.{0,8}(?:勝|負|敗|引き?分|リード|快|完封|同点|下し|破[りっる]|制[しす]|降し|退け|圧倒)"
    "|の(?:勝|敗|引|スコア|同点)|と(?:リード|なり))"
)
_QUANTITIES: Final = (
    "電圧|電流|電力|出力|抵抗|容量|周波数|長さ|高さ|幅|奥行き|深さ|距離|重さ|質量|重量"
    "|体重|身長|時間|体積|面積|速さ|速度|水量|雨量"
)
_NAME: Final = re.compile(r"[A-Za-z]{2} ?[0-9]{1,2}\Z")
_RATIO: Final = re.compile("比|割合|アスペクト|縮尺|スケール|画面|対決|混ぜ|希釈")


def _money(match: re.Match[str]) -> str:
    sign, amount, multiple = match["sign"], match["amount"], (match["multiple"] or "").strip()
    minus = "マイナス" if match["minus"] or match["minus2"] else ""
    whole, _, cents = amount.partition(".")
    if sign in _CENTS and len(cents) == 2 and not multiple:
        spoken = f"{whole}{_CURRENCIES[sign]}" if int(whole.replace(",", "")) else ""
        if int(cents) or not spoken:
            spoken += f"{int(cents)}{_CENTS[sign]}"
        return minus + spoken
    return f"{minus}{_multiplied(amount, multiple)}{_CURRENCIES[sign]}"


def _multiplied(amount: str, multiple: str) -> str:
    """Tell 1.5 million as 150万."""
    zeros = _ZEROS.get(multiple)
    whole, _, fraction = amount.replace(",", "").partition(".")
    if zeros is None or len(fraction) > zeros:
        return amount + multiple
    figures = (whole + fraction.ljust(zeros, "0")).lstrip("0")
    spoken = ""
    for myriad in ("", "万", "億", "兆", "京"):
        figures, last = figures[:-4], figures[-4:].lstrip("0")
        spoken = (last + myriad if last else "") + spoken
    return spoken or "0"


def _fahrenheit(match: re.Match[str]) -> str:
    minus = "マイナス" if match[1] else ""
    return f"華氏{minus}{match[2]}度"


def _per(match: re.Match[str]) -> str | None:
    """Tell 5kWh/日 with the day first."""
    unit = match["unit"]
    spoken = unit if unit in "円回件人台個分秒時間" else spoken_unit(unit)
    if spoken is None:
        return None
    period = _PERIODS.get(match["period"], match["period"])
    return f"1{period}あたり{match['number']}{spoken}"


def _unit(match: re.Match[str]) -> str | None:
    # iPhone 5s is no time.
    before = match.string[max(0, match.start() - 12) : match.start()]
    if match["unit"] in {"s", "g", "h"} and _NAME.search(before):
        return "エス" if match["unit"] == "s" else None
    return spoken_unit(match["unit"], after_digit=before[-1:] in DIGITS)


def _unit_in_brackets(match: re.Match[str]) -> str | None:
    """Tell the unit of a quantity, as in 電圧(V), after a short pause."""
    unit = spoken_unit(match["unit"], after_digit=False)
    is_quantity = len(match["unit"]) > 1 or not match["unit"].isalpha() or match["quantity"]
    return f"{match['quantity'] or ''}、{unit}" if unit and is_quantity else None


def _celsius(match: re.Match[str]) -> str | None:
    return "度" if re.search("[温℃]", nearby(match)) else None


def _is_ascending(match: re.Match[str]) -> bool:
    first, second = (float(match[name].replace(",", "")) for name in ("first", "second"))
    return first < second


def _hyphen_range(match: re.Match[str]) -> str | None:
    # From December to February, from ten at night to six, from 25 down to 18 degrees.
    goes_down = _FALLING.match(match.string, match.end("second"))
    if goes_down and goes_down[0] in "月時" and not match["unit"]:
        return goes_down[0] + "から"
    return "から" if _is_ascending(match) or goes_down else None


def _score(match: re.Match[str]) -> str | None:
    after = match.string[match.end() : match.end() + 16]
    return "対" if _SPORTS.search(nearby(match)) or _WINNING.match(after) else None


def _ratio(match: re.Match[str]) -> str:
    return match[0].replace(":", "対").replace(" ", "")


def _subtraction(match: re.Match[str]) -> str | None:
    return "引く" if re.search("[0-9)] ?[=≒≠] ?[-−]?[0-9]", nearby(match)) else None


def _bound(match: re.Match[str]) -> str | None:
    unit = spoken_unit(match["unit"]) if match["unit"] else ""
    if unit is None:
        return None
    words = {"≧": "以上", "≥": "以上", "≦": "以下", "≤": "以下", ">": "超", "<": "未満"}
    minus = "マイナス" if match["minus"] else ""
    return f"{minus}{match['number']}{unit}{words[match['sign'][0]]}"


def _comparison(match: re.Match[str]) -> str:
    words = {
        ">": "ダイナリ",
        "<": "ショーナリ",
        "≧": "ダイナリイコール",
        "≥": "ダイナリイコール",
        "≦": "ショーナリイコール",
        "≤": "ショーナリイコール",
    }
    sign = match[0].strip()
    return words[sign[0]] + "イコール" * sign.endswith("=")


def _power(match: re.Match[str]) -> str:
    exponent = match["exponent"].translate(_SUPERSCRIPTS).replace("−", "-")
    sign = {"-": "マイナス", "+": ""}.get(exponent[0], "")
    return f"の{sign}{exponent.lstrip('+-')}乗"


def _vulgar_fraction(match: re.Match[str]) -> str:
    below, above = divmod(_VULGAR[match["x"]], 10)
    joined = "と" if match.start() and match.string[match.start() - 1] in DIGITS else ""
    return f"{joined}{below}分の{above}"


_UNIT_OR_KANJI: Final = rf"(?: ?{UNIT}|{_COUNTER})"

NUMBER_RULES: Final = (
    Rule.of(
        "money",
        "".join(_CURRENCIES),
        r"(?P<minus>(?<![0-9A-Za-z])[-−▲])?(?:(?<![A-Za-z])US)?(?P<sign>[¥$€£₩]) ?"
        rf"(?P<minus2>[-−▲])?(?P<amount>{NUMBER})(?P<multiple> ?(?:[mb]illion|trillion)"
        r"|[百千万億兆]{1,2}|[kKMB](?![A-Za-z0-9]))?(?:円|-(?![0-9]))?",
        _money,
    ),
    Rule.of(
        "Fahrenheit",
        "°℉",
        rf"(?<![0-9A-Za-z])([-−])?(?<![0-9.])({NUMBER}) ?(?:° ?F|℉)(?![A-Za-z])",
        _fahrenheit,
    ),
    Rule.of(
        "rate",
        "/",
        rf"(?<![0-9.,])(?P<number>{NUMBER}) ?(?P<unit>[円回件人台個分秒]|時間|{UNIT})"
        r"/(?P<period>日|週|[かヶ]?月|年|人|台|個|本|件|泊|箱|袋|分|時間?|秒|回|kWh|kg|GB|g|L)"
        r"(?![0-9A-Za-z])",
        _per,
    ),
    Rule.of(
        "bound",
        "≧≥≦≤<>",
        rf"(?<![0-9A-Za-z<>=-])(?<![0-9A-Za-z] )(?P<sign>[<>]=|[≧≥≦≤<>]) ?(?P<minus>[-−])?"
        rf"(?P<number>{NUMBER})(?![0-9])(?P<unit> ?{UNIT})?(?! ?[<>=])",
        _bound,
    ),
    Rule.of(
        "comparison",
        "≧≥≦≤<>",
        r"(?<=[0-9A-Za-z]) ?(?:[<>]=|[≧≥≦≤<>]) ?(?=[-−]?(?:[0-9]|[A-Za-z](?![A-Za-z])))",
        _comparison,
    ),
    Rule.of("ratio", ":", r"(?<![0-9:.])[0-9]{1,4}(?: ?: ?[0-9]{1,4}){1,3}(?![0-9:])", _ratio),
    Rule.of(
        "score",
        "-−",
        r"(?<![0-9A-Za-z.:/−-])[0-9]{1,3}(?P<x>[-−])(?=[0-9]{1,3}(?![0-9-−.年月日時分%]))",
        _score,
    ),
    Rule.of("subtraction", "-−", r"(?<=[0-9)]) ?(?P<x>[-−] ?)(?=[0-9(])", _subtraction),
    Rule.of(
        "range",
        "-−–—",
        rf"(?<![0-9A-Za-z.,:/−-])(?P<first>{NUMBER})(?P<unit> ?{UNIT}|{_COUNTER})?"
        rf"(?P<x> ?[-−–—] ?)(?=(?P<second>{NUMBER}){_UNIT_OR_KANJI})",
        _hyphen_range,
    ),
    Rule.of(
        "range",
        "~",
        rf"(?<=[0-9%℃°A-Za-z{_JAPANESE})]) ?(?P<x>~ ?)(?=[0-9¥$€+▲−-]|午|AM|PM)",
        always("から"),
    ),
    Rule.of(
        "range", "~", r"(?<=[一-鿿々0-9])~(?=[一-鿿々A-Za-z])|(?<=[A-Z])~(?=[A-Z])", always("から")
    ),
    Rule.of(
        "part of a number",
        "-−",
        r"(?<![0-9.,:/−-])[0-9]{1,3}(?P<x>[-−])(?=[0-9]{1,3}(?:組|班|問|図|章|節))",
        always("の"),
    ),
    Rule.of("plus or minus", "±", r"±", always("プラスマイナス")),
    Rule.of("minus", "−▲", r"(?<![0-9A-Za-z])[−▲] ?(?=[0-9¥$€£.])", always("マイナス")),
    Rule.of(
        "minus",
        "-",
        r"(?:(?<=\A)|(?<=[ ぁ-ゖ:、。,(「『\[=→~/<>≦≧≤≥×÷^*±温差比率値量計]))-(?=[.]?[0-9])",
        always("マイナス"),
    ),
    # After a name, 会議室-2 is no negative number.
    Rule.of(
        "minus", "-", rf"(?<=[ァ-ヿ一-鿿々])-(?={NUMBER} ?(?:{UNIT}|[度円]))", always("マイナス")
    ),
    Rule.of("decimal", ".", r"(?<![0-9A-Za-z.])(?=\.[0-9]{1,12}(?![0-9.]))(?P<x>\.)", always("0.")),
    Rule.of(
        "power of ten",
        "eE",
        r"(?<=[0-9])[eE](?P<exponent>[-−+]?[0-9]{1,3})(?![0-9A-Za-z.])",
        lambda match: f"かける10{_power(match)}",
    ),
    Rule.of(
        "power",
        "^*²³¹⁰⁴⁵⁶⁷⁸⁹⁻",
        r"(?<=[0-9A-Za-z)])(?:\^|\*\*)(?P<exponent>[-−+]?[0-9]{1,4})",
        _power,
    ),
    Rule.of(
        "unit in brackets",
        "(",
        rf"(?P<quantity>{_QUANTITIES})?(?<=[ぁ-ヿ一-鿿])\((?P<unit>{UNIT})\)",
        _unit_in_brackets,
    ),
    Rule.of(
        "unit",
        "",
        rf"(?<=[0-9何数半十百千万億兆]) ?(?P<unit>{UNIT})",
        _unit,
    ),
    Rule.of("unit", "°", r"° ?C?(?![A-Za-z])", always("度")),
    Rule.of("unit", "%", "(?<![0-9何数])%", always("パーセント")),
    Rule.of("unit", "C", r"(?<=[0-9]) ?C(?![0-9A-Za-z-])", _celsius),
    Rule.of(
        "inch", '"', r'(?<=[0-9])"(?=型|の|テレビ|モニ|ディスプレイ|液晶|画面)', always("インチ")
    ),
    Rule.of(
        "power",
        "²³¹⁰⁴⁵⁶⁷⁸⁹⁻",
        r"(?<=[0-9A-Za-z)])(?P<exponent>[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,4})",
        _power,
    ),
    Rule.of("fraction", "".join(_VULGAR), f"(?P<x>[{''.join(_VULGAR)}])", _vulgar_fraction),
    Rule.of("root", "√", "√(?=[0-9A-Za-z(])", always("ルート")),
    Rule.of("pi", "πΠ", "(?<![Α-Ωα-ω])π(?![Α-Ωα-ω])", always("パイ")),
    Rule.of("infinity", "∞", "∞", always("無限大")),
    Rule.of(
        "times",
        "×",
        r"(?<=[0-9A-Za-zπ)円個本枚度人]) ?× ?(?=[0-9A-Za-zπ√(])|×(?=[0-9])",
        always("かける"),
    ),
    Rule.of(
        "times",
        "xX",
        r"(?<=[0-9]) ?[xX] ?(?=[0-9])|(?<![0-9A-Za-z])x(?=[0-9]{1,3}(?![0-9A-Za-z]))",
        always("かける"),
    ),
    Rule.of("times", "*", r"(?<=[0-9A-Za-z)]) ?\* ?(?=[0-9A-Za-z(])", always("かける")),
    Rule.of("divided", "÷", "(?<=[ぁ-ん一-鿿]) ?÷ ?", always("、わる")),
    Rule.of("divided", "÷", " ?÷ ?", always("わる")),
    Rule.of("equal", "≠", " ?≠ ?", always("ノットイコール")),
    Rule.of("equal", "≒≈", " ?[≒≈] ?", always("ニアリーイコール")),
    Rule.of("equal", "=", r"(?<![=<>!]) ?=(?![=<>]) ?(?=.)", always("イコール")),
    Rule.of(
        "plus", "+", r"(?<![+]) ?[+]{1,2} ?(?![+])", lambda match: "プラス" * match[0].count("+")
    ),
)
