"""Telephone numbers, addresses, versions and other codes that are no quantities."""

from __future__ import annotations

import re
from typing import Final

from hayakoe_engine.text.notation.rule import DIGITS, Rule, always, digit_by_digit, nearby

__all__ = ["CODE_RULES", "VERSION_WORDS"]

_HEX: Final = "[0-9A-Fa-f]"
_DASH: Final = "[-−ー]"

# Words near which 2026.11.1 is a version, not a date.
VERSION_WORDS: Final = re.compile(
    "バージョン|[Vv]er|[Hh]ome ?[Aa]ssistant|ホームアシスタント|HAOS|ESPHome|Core|コア"
    "|更新|アップデート|アップグレード|リリース|ファームウェア|ビルド"
)

_PHONE: Final = rf"0[0-9]{{1,4}}{_DASH}[0-9]{{1,4}}{_DASH}[0-9]{{3,4}}"
_OUTSIDE: Final = r"(?<![0-9A-Za-z.,:/−-])"
_CODE_WORDS: Final = (
    "番号|コード|シリアル|ナンバー|パスワード|パスコード|パスキー|暗証|認証|ワンタイム"
    "|ID|PIN|No|[上下][0-9一二三四五]桁|末尾"
)

# Numbers for advice on emergencies, harassment and the like, the same all over the country.
_SERVICES: Final = frozenset(
    ("7119", "7500", "8000", "8008", "8080", "8103", "8891", "9110", "9910", "9999")
)
_CALLS: Final = re.compile("電話|相談|ダイヤル|通報|連絡|かけ|問い合わせ|窓口|発信|短縮")

_PLACES: Final = re.compile(r"〒|住所|[都道府県市区郡][^、。0-9はがで]{1,10}\Z")
_GAMES: Final = re.compile("試合|勝|敗|引き?分け|スコア|[0-9]対|戦|リード")


def _phone(match: re.Match[str]) -> str:
    return "-".join(re.findall("[0-9]+", match[0]))


def _bracketed_phone(match: re.Match[str]) -> str:
    return "-".join(filter(None, match.groups()))


def _bare_phone(match: re.Match[str]) -> str:
    number = match[0]
    if number.startswith("0120"):
        return f"{number[:4]}-{number[4:7]}-{number[7:]}"
    return f"{number[:3]}-{number[3:7]}-{number[7:]}"


def _foreign_phone(match: re.Match[str]) -> str:
    return "プラス" + "-".join(re.findall("[0-9]+", match[0]))


def _spelled(code: str) -> str:
    return digit_by_digit(code.upper())


def _mac(match: re.Match[str]) -> str:
    return "、".join(_spelled(pair) for pair in re.findall(_HEX + "{2}", match[0]))


def _hex_number(match: re.Match[str]) -> str:
    return "ゼロエックス" + _spelled(match[1])


def _ip_address(match: re.Match[str]) -> str | None:
    groups = match[1].split(".")
    if any(int(group) > 255 for group in groups):
        return None
    spoken = "テン、".join(digit_by_digit(group) for group in groups)
    if match[2]:
        spoken += f"、ポート{digit_by_digit(match[2])}"
    if match[3]:
        spoken += f"、スラッシュ{match[3]}"
    return spoken


def _version(match: re.Match[str]) -> str | None:
    groups = match["groups"].split(".")
    if not match["v"] and len(groups) == 3 and _is_date(groups, nearby(match)):
        return None
    prefix = "バージョン" if match["v"] else ""
    return prefix + "テン".join(str(int(group)) for group in groups)


def _is_date(groups: list[str], text: str) -> bool:
    year, month, day = map(int, groups)
    plausible = 1900 <= year < 2100 and 1 <= month <= 12 and 1 <= day <= 31
    return plausible and VERSION_WORDS.search(text) is None


def _short_version(match: re.Match[str]) -> str:
    return "バージョン" + match[1]


def _code_digits(match: re.Match[str]) -> str:
    """Tell a code by its digits, with a pause between groups that can be remembered."""
    code = match["x"]
    size = 3 if len(code) % 3 == 0 else 4
    groups = [code[i : i + size] for i in range(0, len(code), size)]
    return "、".join(digit_by_digit(group) for group in groups)


def _postal_code(match: re.Match[str]) -> str:
    return f"〒{match[1]}-{match[2]}"


def _short_number(match: re.Match[str]) -> str | None:
    """Tell #9110 by its digits; #1234 may count something."""
    is_service = match[1] in _SERVICES or _CALLS.search(nearby(match))
    return f"シャープ{digit_by_digit(match[1])}" if is_service else None


def _short_address(match: re.Match[str]) -> str | None:
    before = match.string[max(0, match.start() - 24) : match.start()]
    if not _PLACES.search(before) or _GAMES.search(nearby(match)):
        return None
    return _address(match)


def _address(match: re.Match[str]) -> str:
    return "の".join(re.findall("[0-9]+", match[0]))


CODE_RULES: Final = (
    Rule.of(
        "UUID",
        "-",
        rf"(?<![0-9A-Za-z-]){_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}(?![0-9A-Za-z-])",
        always("UUID"),
    ),
    Rule.of(
        "MAC address",
        ":-",
        rf"(?<![0-9A-Za-z:-]){_HEX}{{2}}(?:[:-]{_HEX}{{2}}){{5}}(?![0-9A-Za-z:-])",
        _mac,
    ),
    Rule.of(
        "hexadecimal", "xX", rf"(?<![0-9A-Za-z])0[xX]({_HEX}{{1,16}})(?![0-9A-Za-z])", _hex_number
    ),
    Rule.of(
        "hash",
        DIGITS,
        rf"(?<![0-9A-Za-z])(?=[0-9]{{0,63}}[a-fA-F])(?=[a-fA-F]{{0,63}}[0-9]){_HEX}{{20,64}}"
        r"(?![0-9A-Za-z])",
        always("ハッシュ値"),
    ),
    Rule.of(
        "IP address",
        ".",
        r"(?<![0-9A-Za-z.])((?:[0-9]{1,3}\.){3}[0-9]{1,3})(?::([0-9]{2,5}))?(?:/([0-9]{1,2}))?"
        r"(?![0-9A-Za-z]|\.[0-9])",
        _ip_address,
    ),
    Rule.of(
        "version",
        ".",
        r"(?<![0-9A-Za-z.])(?P<v>[vV](?:er(?:sion)?)?\.? ?)?"
        r"(?P<groups>[0-9]{1,5}(?:\.[0-9]{1,5}){2,4})(?!\.?[0-9])",
        _version,
    ),
    Rule.of(
        "version",
        "vV",
        r"(?<![0-9A-Za-z.])[vV](?:er(?:sion)?)?\.? ?([0-9]{1,4}(?:\.[0-9]{1,4})?)(?![0-9.])",
        _short_version,
    ),
    Rule.of("telephone", "-−ー", rf"{_OUTSIDE}{_PHONE}(?!{_DASH}?[0-9])", _phone),
    Rule.of(
        "telephone",
        "(",
        rf"{_OUTSIDE}\(?(0[0-9]{{1,4}})(?:\) ?|{_DASH}?\()([0-9]{{1,4}})(?:\)|{_DASH})"
        r"([0-9]{3,4})(?![0-9])",
        _bracketed_phone,
    ),
    Rule.of(
        "telephone",
        "0",
        r"(?<![0-9A-Za-z.,-])(?:0[5789]0[0-9]{8}|0120[0-9]{6})(?![0-9])",
        _bare_phone,
    ),
    Rule.of(
        "telephone",
        "+",
        r"(?<![0-9A-Za-z])\+[0-9]{1,3}(?:[- ](?:\(0\))?[0-9]{1,4}){2,4}(?![0-9-])",
        _foreign_phone,
    ),
    Rule.of("telephone", "#", r"(?<![0-9A-Za-z#])#([0-9]{3,4})(?![0-9A-Za-z.,:/-])", _short_number),
    Rule.of("postal code", "〒", rf"〒 ?([0-9]{{3}}){_DASH}?([0-9]{{4}})(?![0-9])", _postal_code),
    Rule.of(
        "code",
        DIGITS,
        rf"(?:{_CODE_WORDS})[^0-9、。]{{0,6}}(?<![0-9A-Za-z.,/:-])(?P<x>[0-9]{{4,12}})"
        r"(?![0-9A-Za-z.,/:-]|年|月|円|件|人|個|回|万|億)",
        _code_digits,
    ),
    # 丸の内1-9-2
    Rule.of(
        "address",
        "-−",
        r"(?<=[ぁ-ヿ一-鿿々])(?!(?:19|20)[0-9]{2}[-−](?:0?[1-9]|1[0-2])[-−])"
        r"[1-9][0-9]{0,3}(?:[-−][1-9][0-9]{0,3}){2}(?![0-9-−])",
        _address,
    ),
    Rule.of(
        "address",
        "-−",
        r"(?<=[ぁ-ヿ一-鿿々])[1-9][0-9]{0,3}[-−][1-9][0-9]{0,3}"
        r"(?= ?[にへはのでを、。(]|です| [ァ-ヿ一-鿿A-Z]|\Z)",
        _short_address,
    ),
)
