"""Numbers, dates and codes of ``say-as``, written so that they are read right.

Every function returns the text unchanged where it is not what it is said to be: what cannot be
interpreted is read as it stands.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from hayakoe_engine.text.kana import to_katakana
from hayakoe_engine.text.notation.units import UNIT, spoken_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["INTERPRETATIONS", "say_as"]

# Kana leave no choice: as figures, a run of digits is read as a number, and 〇 as マル.
_DIGIT_NAMES: Final = "ゼロ イチ ニー サン ヨン ゴー ロク ナナ ハチ キュー"
_LETTER_NAMES: Final = (
    "エー ビー シー ディー イー エフ ジー エイチ アイ ジェー ケー エル エム エヌ オー ピー キュー "
    "アール エス ティー ユー ブイ ダブリュー エックス ワイ ゼット"
)
_DIGITS: Final = dict(zip("0123456789", _DIGIT_NAMES.split(), strict=True))
_LETTERS: Final = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _LETTER_NAMES.split(), strict=True))
_SIGNS: Final = {
    " ": "スペース",
    "!": "ビックリマーク",
    '"': "クォーテーション",
    "#": "シャープ",
    "$": "ドル",
    "%": "パーセント",
    "&": "アンド",
    "'": "アポストロフィー",
    "(": "カッコ",
    ")": "カッコトジ",
    "*": "アスタリスク",
    "+": "プラス",
    ",": "カンマ",
    "-": "ハイフン",
    ".": "ドット",
    "/": "スラッシュ",
    ":": "コロン",
    ";": "セミコロン",
    "=": "イコール",
    "?": "ハテナ",
    "@": "アットマーク",
    "\\": "バックスラッシュ",
    "_": "アンダーバー",
    "~": "チルダ",
    "、": "テン",
    "。": "マル",
    "ー": "ノバシボー",
}
_SMALL: Final = dict(zip("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ", strict=True))

_RUN: Final = 4
"""A longer run of digits or letters is spoken in parts of this length at most."""

_CHARACTER_RUNS: Final = re.compile(r"[0-9]+|[A-Z]+|[^0-9A-Z]")
_DIGIT_RUNS: Final = re.compile(r"[0-9]+|[^0-9]+")
_SEPARATORS: Final = re.compile(r"[\s().,/・‐-―−-]+|(?<=[0-9])ー(?=[0-9])")

_UNSIGNED: Final = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
_NUMBER: Final = re.compile(rf"([+−-]?)({_UNSIGNED})")
_FRACTION: Final = re.compile(r"(?:([0-9]{1,16})[ +])?([0-9]{1,16})[/⁄]([0-9]{1,16})")
_ORDINAL: Final = re.compile(r"([0-9]{1,16})(?:st|nd|rd|th)?", re.IGNORECASE)
_AMOUNT: Final = re.compile(rf"([+−-]?)([^\d\s+−-]*) ?({_UNSIGNED}) ?(\D.*)?")
_MEASURE: Final = re.compile(rf"([+−-]?)({_UNSIGNED}) ?({UNIT})")

_DATE_FORMATS: Final = ("ymd", "mdy", "dmy", "ym", "my", "md", "dm", "y", "m", "d")
_COMPACT_DATE: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_DATE: Final = re.compile(
    r"([0-9]{1,4})(?:[-/. 年月]([0-9]{1,4}))?(?:[-/. 月日]([0-9]{1,4}))?[年月日]?"
)

_TIME_FORMATS: Final = ("hms12", "hms24", "hms", "hm", "ms")
_TIME: Final = re.compile(
    r"(?P<before>[ap]\.?m\.?|午前|午後)? ?(?P<first>[0-9]{1,2})"
    r"(?:[:時分'](?P<second>[0-9]{1,2}))?(?:[:分\"'](?P<third>[0-9]{1,2}))?[時分秒'\"]? ?"
    r"(?P<after>[ap]\.?m\.?)?",
    re.IGNORECASE,
)

_CURRENCIES: Final = {
    "¥": ("円", ""),
    "円": ("円", ""),
    "JPY": ("円", ""),
    "$": ("ドル", "セント"),
    "USD": ("ドル", "セント"),
    "ドル": ("ドル", "セント"),
    "€": ("ユーロ", "セント"),
    "EUR": ("ユーロ", "セント"),
    "ユーロ": ("ユーロ", "セント"),
    "£": ("ポンド", "ペンス"),
    "GBP": ("ポンド", "ペンス"),
    "元": ("元", ""),
    "CNY": ("元", ""),
    "₩": ("ウォン", ""),
    "KRW": ("ウォン", ""),
}


def say_as(text: str, interpretation: str, form: str = "") -> str:
    """Write a text so that it is read as what it is.

    Args:
        text: The content of the element.
        interpretation: One of ``INTERPRETATIONS``.
        form: Order of the parts of a date or a time, as in ``ymd``; empty: to be guessed.

    Raises:
        ValueError: The interpretation or the form is unknown; the message lists the known ones.
    """
    _check("interpret-as", interpretation, INTERPRETATIONS)
    plain = " ".join(unicodedata.normalize("NFKC", text).split())
    if interpretation == "date":
        return _date(plain, form) or text
    if interpretation == "time":
        return _time(plain, form) or text
    return _READERS[interpretation](plain) or text


def _check(name: str, value: str, allowed: Iterable[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value[:40]!r}")


def _characters(text: str) -> str:
    """Name every character; Latin letters and digits in runs, as they are spelled."""
    runs = (run for match in _CHARACTER_RUNS.findall(text.upper()) for run in _parts(match))
    return "、".join("".join(map(_name, run)) for run in runs)


def _name(char: str) -> str:
    char = to_katakana(char) or char
    if char in _SMALL:
        return f"小さい{_SMALL[char]}"
    return _DIGITS.get(char) or _LETTERS.get(char) or _SIGNS.get(char, char)


def _parts(run: str) -> Iterator[str]:
    """Cut a run into parts of nearly the same length, the longer ones last."""
    count = -(-len(run) // _RUN)
    for i in range(count):
        yield run[i * len(run) // count : (i + 1) * len(run) // count]


def _digits(text: str) -> str:
    """Say digits one by one; what separates them is a pause."""
    return _digit_by_digit(_SEPARATORS.sub("、", text))


def _telephone(text: str) -> str:
    grouped = _grouped_number(text)
    named = grouped.replace("+", "プラス").replace("#", "、シャープ、").replace("*", "、コメ、")
    return _digit_by_digit(_SEPARATORS.sub("、", named))


def _grouped_number(text: str) -> str:
    """Group a Japanese number that is written without separators, where its length tells how."""
    if re.fullmatch(r"0[5-9]0[0-9]{8}|0[36][0-9]{8}", text):
        return f"{text[:-8]}-{text[-8:-4]}-{text[-4:]}"
    if re.fullmatch(r"0120[0-9]{6}", text):
        return f"{text[:4]}-{text[4:7]}-{text[7:]}"
    return text


def _digit_by_digit(text: str) -> str:
    spoken = (
        "、".join("".join(_DIGITS[digit] for digit in part) for part in _parts(run))
        if run[0] in _DIGITS
        else run
        for run in _DIGIT_RUNS.findall(text)
    )
    return re.sub("、{2,}", "、", "".join(spoken)).strip("、")


def _number(text: str) -> str:
    match = _NUMBER.fullmatch(text)
    return _sign(match[1]) + _plain(match[2]) if match else _fraction(text)


def _sign(sign: str) -> str:
    return {"": "", "+": "プラス"}.get(sign, "マイナス")


def _plain(number: str) -> str:
    """A number without separators and leading zeros, which would have it read digit by digit."""
    whole, point, decimals = number.replace(",", "").partition(".")
    return (whole.lstrip("0") or "0") + point + decimals


def _fraction(text: str) -> str:
    match = _FRACTION.fullmatch(text)
    if match is None:
        return ""
    whole = f"{_plain(match[1])}と" if match[1] else ""
    return f"{whole}{_plain(match[3])}分の{_plain(match[2])}"


def _ordinal(text: str) -> str:
    match = _ORDINAL.fullmatch(text)
    return f"{_plain(match[1])}番目" if match else ""


def _currency(text: str) -> str:
    match = _AMOUNT.fullmatch(text)
    if match is None or bool(match[2]) == bool(match[4]):
        return ""
    unit, part = _CURRENCIES.get((match[2] or match[4]).upper(), ("", ""))
    if not unit:
        return ""
    whole, _, decimals = _plain(match[3]).partition(".")
    sign = _sign(match[1])
    if not decimals.strip("0"):
        return f"{sign}{whole}{unit}"
    if not part or len(decimals) > 2:
        return f"{sign}{whole}.{decimals}{unit}"
    rest = f"{int(decimals.ljust(2, '0'))}{part}"
    return sign + (rest if whole == "0" else f"{whole}{unit}{rest}")


def _unit(text: str) -> str:
    match = _MEASURE.fullmatch(text)
    unit = spoken_unit(match[3]) if match else None
    return f"{_sign(match[1])}{_plain(match[2])}{unit}" if match and unit else ""


def _date(text: str, form: str) -> str:
    if form:
        _check("format of a date", form, _DATE_FORMATS)
    match = _COMPACT_DATE.fullmatch(text) if form in ("", "ymd") else None
    match = match or _DATE.fullmatch(text)
    if match is None:
        return ""
    parts = [part for part in match.groups() if part]
    form = form or _guessed_date(parts)
    return _written_date(dict(zip(form, parts, strict=True))) if len(form) == len(parts) else ""


def _guessed_date(parts: list[str]) -> str:
    if len(parts[0]) == 4:
        return "ymd"[: len(parts)]
    return {2: "md"}.get(len(parts), "")


def _written_date(parts: dict[str, str]) -> str:
    month, day = int(parts.get("m", "1")), int(parts.get("d", "1"))
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return ""
    year = f"{int(parts['y'])}年" if "y" in parts else ""
    months = f"{month}月" if "m" in parts else ""
    if "d" not in parts:
        return year + months
    # 1日 is also how long something takes, イチニチ.
    return year + months + ("ついたち" if day == 1 else f"{day}日")


def _time(text: str, form: str) -> str:
    if form:
        _check("format of a time", form, _TIME_FORMATS)
    match = _TIME.fullmatch(text)
    if match is None or (match["before"] and match["after"]):
        return ""
    parts = [int(part) for part in match.group("first", "second", "third") if part]
    names = "分秒" if form == "ms" or "'" in text else "時分秒"
    half = (match["before"] or match["after"] or "").lower().replace(".", "")
    if len(parts) > len(names) or max(parts) > 59:
        return ""
    if names[0] == "時":
        return _clock(parts, half)
    return "" if half else _written_time(parts, names)


def _clock(parts: list[int], half: str) -> str:
    hour = parts[0]
    if hour > (12 if half else 24):
        return ""
    if half:
        parts = [hour % 12, *parts[1:]]
    prefix = {"": "", "am": "午前", "午前": "午前"}.get(half, "午後")
    return prefix + _written_time(parts, "時分秒")


def _written_time(parts: list[int], names: str) -> str:
    while len(parts) > 1 and parts[-1] == 0:
        parts = parts[:-1]
    pieces = (f"{number}{name}" for number, name in zip(parts, names, strict=False))
    return re.sub(r"\A0時", "レージ", "".join(pieces))


_READERS: Final[dict[str, Callable[[str], str]]] = {
    "characters": _characters,
    "spell-out": _characters,
    "verbatim": _characters,
    "digits": _digits,
    "cardinal": _number,
    "number": _number,
    "fraction": _fraction,
    "ordinal": _ordinal,
    "telephone": _telephone,
    "currency": _currency,
    "unit": _unit,
}

INTERPRETATIONS: Final = (*_READERS, "date", "time")
"""What ``interpret-as`` may be."""
