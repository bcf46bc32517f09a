"""Signs between words, enclosed and Roman figures, ordinals, and names with figures."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from hayakoe_engine.text.notation.rule import DIGITS, NUMBER, Rule, always, nearby
from hayakoe_engine.text.notation.units import spoken_unit

__all__ = ["SIGN_RULES"]

_ORDINALS: Final = {
    1: "ファースト",
    2: "セカンド",
    3: "サード",
    4: "フォース",
    5: "フィフス",
    6: "シックスス",
    7: "セブンス",
    8: "エイス",
    9: "ナインス",
    10: "テンス",
}
_ENGLISH_DIGITS: Final = {"1": "ワン", "2": "ツー", "3": "スリー", "4": "フォー", "5": "ファイブ"}
_COMPANIES: Final = {"株": "株式会社", "有": "有限会社", "代": "代表", "祝": "祝日", "税": "税"}
_BELOW: Final = str.maketrans(DIGITS, "₀₁₂₃₄₅₆₇₈₉")
_CHEMICALS: Final = {
    "H2O": "エイチツーオー",
    "O2": "オーツー",
    "O3": "オースリー",
    "N2": "エヌツー",
    "H2": "エイチツー",
    "NO2": "エヌオーツー",
    "SO2": "エスオーツー",
    "CH4": "シーエイチフォー",
    "NH3": "エヌエイチスリー",
}
# The same with small figures below the line.
_CHEMICALS.update({name.translate(_BELOW): kana for name, kana in _CHEMICALS.items()})
_SUBSCRIPTS: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_ARROW: Final = re.compile(" ?(?:[→⇒]|[-=]>) ?(?=.)")
_PARTICLES: Final = "とをはがにのやもへで、。,・~ )」』"


def _enclosed_number(char: str) -> int | None:
    """The number in ①, ⑳, ㉑, ❶ and the like."""
    value = unicodedata.numeric(char, None)
    return int(value) if value is not None else None


def _circled(match: re.Match[str]) -> str | None:
    number = _enclosed_number(match[0])
    if number is None:
        return None
    after = match.string[match.end() : match.end() + 1]
    return f"{number}" + ("、" if after and after not in _PARTICLES else "")


def _compatible(match: re.Match[str]) -> str:
    text = unicodedata.normalize("NFKC", match[0]).strip("()")
    return _COMPANIES.get(text) or spoken_unit(text) or text


def _in_brackets(match: re.Match[str]) -> str:
    return _COMPANIES[match[1]]


def _ordinal(match: re.Match[str]) -> str:
    number = int(match[1][:-2])
    return _ORDINALS.get(number) or f"{number}番目"


def _english_digit(match: re.Match[str]) -> str:
    return _ENGLISH_DIGITS[match["x"]]


def _chemical(match: re.Match[str]) -> str:
    return _CHEMICALS[match[0]]


def _subscript(match: re.Match[str]) -> str:
    return match[0].translate(_SUBSCRIPTS)


def _arrow(match: re.Match[str]) -> str:
    """から between two states, a pause in a path of menus."""
    if not match.start():
        return ""
    return "、" if len(_ARROW.findall(nearby(match))) > 1 else "から"


def _floor(match: re.Match[str]) -> str:
    return ("地下" if match[1] else "") + f"{int(match[2])}階"


SIGN_RULES: Final = (
    Rule.of(
        "chemical formula",
        DIGITS + "₀₁₂₃₄₅₆₇₈₉",
        rf"(?<![A-Za-z0-9])(?:{'|'.join(_CHEMICALS)})(?![A-Za-z0-9])",
        _chemical,
    ),
    Rule.of("subscript", "₀₁₂₃₄₅₆₇₈₉", "[₀-₉]{1,4}", _subscript),
    Rule.of("floor", "F", r"(?<![0-9A-Za-z.:°-])(B)?([1-9]|[1-5][0-9])F(?![0-9A-Za-z:-])", _floor),
    Rule.of("number", "#", rf"(?<![0-9A-Za-z#])#(?=({NUMBER})(?![0-9A-Za-z]))", always("ナンバー")),
    Rule.of("number", "№", "№ ?", always("ナンバー")),
    Rule.of("number", "N", r"(?<![A-Za-z])N[oO]\.? ?(?=[0-9])", always("ナンバー")),
    Rule.of("number", "n", r"(?<![A-Za-z])no\. ?(?=[0-9])", always("ナンバー")),
    Rule.of("tag", "#", r"(?<![0-9A-Za-z#])#(?=[ぁ-ヿ一-鿿A-Za-z])", always("ハッシュタグ")),
    Rule.of("level", "L", r"(?<![A-Za-z])L[vV]\.? ?(?=[0-9])", always("レベル")),
    Rule.of(
        "magnitude",
        "M",
        r"(?<![A-Za-z0-9])M(?=[0-9](?:\.[0-9])?(?:の|、|と|程度|クラス|です))"
        r"(?=.{0,12}(?:地震|揺れ|震))",
        always("マグニチュード"),
    ),
    Rule.of("volume", "Vv", r"(?<![A-Za-z])[Vv]ol\.? ?(?=[0-9])", always("ボリューム")),
    Rule.of(
        "page",
        "pP",
        r"(?<![A-Za-z0-9])[pP]{1,2}\. ?([0-9]{1,4})(?![0-9])",
        lambda m: f"{m[1]}ページ",
    ),
    Rule.of(
        "ordinal",
        DIGITS,
        r"(?<![0-9A-Za-z.,])([0-9]{0,3}(?:1st|2nd|3rd|[0-9]th))(?![0-9A-Za-z])",
        _ordinal,
    ),
    Rule.of(
        "name with a figure",
        DIGITS,
        r"(?:(?<=[Pp]i)|(?<=PS)|(?<=パイ)|(?<=プレステ)|(?<=[Ee]cho Show)) ?"
        r"(?P<x>[2-5])(?![0-9A-Za-z.,:/%度時分個人年月日つ])",
        _english_digit,
    ),
    Rule.of(
        "name with a figure",
        "M",
        r"(?<![A-Za-z0-9])M(?P<x>[1-5])(?= ?(?:チップ|搭載|プロ|マックス|Pro|Max|Ultra"
        r"|Mac|MacBook|iPad|版|モデル))",
        _english_digit,
    ),
    Rule.of(
        "name with a figure",
        "M",
        r"(?<![A-Za-z0-9])M5(?:Stack|stack|スタック)",
        always("エムファイブスタック"),
    ),
    Rule.of("name with a figure", "Cc", r"(?<=USB)-(?=[ABC](?![A-Za-z]))", always("")),
    Rule.of(
        "name with a figure", "Tt", r"(?<![A-Za-z])[Tt]ype-?(?=[ABC](?![A-Za-z]))", always("タイプ")
    ),
    Rule.of("colour temperature", "K", r"(?<=[0-9]{4}) ?K(?![A-Za-z0-9])", always("ケルビン")),
    Rule.of("enclosed figure", "", "[①-⓿❶-➓⓪㉑-㉟㊱-㊿]", _circled),
    Rule.of("compatibility character", "", "[㈀-㉇㊀-㊰㋀-㋿㌀-㏿]", _compatible),
    Rule.of("company", "(", r"\(([株有祝])\)", _in_brackets),
    Rule.of("versus", "v", r"(?<![A-Za-z])vs\.?(?![A-Za-z])", always("対")),
    Rule.of("arrow", "→⇒>", _ARROW.pattern, _arrow),
    Rule.of("arrow", "↑", r"(?<=[0-9%℃度円温])↑", always("アップ")),
    Rule.of("arrow", "↓", r"(?<=[0-9%℃度円温])↓", always("ダウン")),
    Rule.of("arrow", "↑", "↑", always("上")),
    Rule.of("arrow", "↓", "↓", always("下")),
    Rule.of("arrow", "←↔⇔⇐", " ?[←↔⇔⇐] ?", always("、")),
    Rule.of("blank name", "○", "○○", always("マルマル")),
    Rule.of("blank name", "△", "△△", always("サンカクサンカク")),
    Rule.of("blank name", "×", "××", always("バツバツ")),
)
