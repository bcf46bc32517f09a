"""Dates, weekdays, times of day and durations."""

from __future__ import annotations

import re
from typing import Final

from hayakoe_engine.text.notation.codes import VERSION_WORDS
from hayakoe_engine.text.notation.rule import Rule, nearby

__all__ = ["TIME_RULES", "minutes"]

_WEEKDAYS: Final = "月火水木金土日"
_WEEKDAY_NAMES: Final = dict(
    zip(_WEEKDAYS, ("ゲツ", "カ", "スイ", "モク", "キン", "ド", "ニチ"), strict=True)
)
_ERAS: Final = {"R": "令和", "H": "平成", "S": "昭和", "T": "大正", "M": "明治"}
_HALVES: Final = {"a": "午前", "p": "午後", "午前": "午前", "午後": "午後"}
_HALF: Final = r"(?:午前|午後|[AaPp]\.?[Mm]\.?)"

# Words before 1:30 that make it a length of time.
_REMAINING: Final = re.compile("残り|のこり|あと|タイマー|経過|所要|稼働|運転時間|連続|長さ")
_PLAYING: Final = re.compile("再生|曲|動画|トラック|演奏")
# What counts down in minutes and seconds.
_COUNTDOWN: Final = re.compile(
    "タイマー|カウントダウン|レンジ|加熱|ゆで|茹で|蒸らし|カップ麺|ラウンド|インターバル"
)
_RATIO: Final = re.compile("比|割合|アスペクト|縮尺")

# PM10 is also dust.
_AIR: Final = re.compile("濃度|大気|粒子|粉じん|μg|PM2|空気|センサー|値")


def minutes(count: int) -> str:
    """How many minutes; Open JTalk does not double the consonant after 8."""
    if count % 10 != 8:
        return f"{count}分"
    return f"{count - 8 or ''}ハップン"


def _clock(hour: int, minute: int, second: int | None, half: str = "") -> str:
    # 零時 after 午前 is read ゼロジ.
    spoken = half + (f"{hour}時" if hour else "レイジ")
    if minute or second:
        spoken += minutes(minute)
    return spoken + (f"{second}秒" if second else "")


def _length(parts: tuple[tuple[int, str], ...]) -> str:
    spoken = [minutes(n) if unit == "分" else f"{n}{unit}" for n, unit in parts if n]
    return "".join(spoken) or f"0{parts[-1][1]}"


def _half(written: str | None) -> str:
    return _HALVES[written if written.startswith("午") else written[0].lower()] if written else ""


def _time(match: re.Match[str]) -> str | None:
    hour, minute = int(match["hour"]), int(match["minute"])
    second = int(match["second"]) if match["second"] else None
    if minute > 59 or (second or 0) > 59:
        return None
    before = match.string[max(0, match.start() - 16) : match.start()]
    half = _half(match["before"] or match["after"])
    suffix = "まで" if match["until"] else ""
    if hour > 12:
        half = ""
    elif hour == 12 and half and half != match["before"]:
        hour = 0  # 12:30 PM is after noon
    if not half and second is None and _RATIO.search(nearby(match)):
        return None
    if not half and (hour > 30 or _REMAINING.search(before) or _PLAYING.search(before)):
        is_short = bool(_PLAYING.search(before) or _COUNTDOWN.search(nearby(match)))
        return suffix + _as_length(hour, minute, second, is_short=is_short)
    if hour > 30:
        return None
    return _clock(hour, minute, second, half) + _zone(match["zone"]) + suffix


def _as_length(first: int, second: int, third: int | None, *, is_short: bool) -> str:
    if third is not None:
        return _length(((first, "時間"), (second, "分"), (third, "秒")))
    if first > 30 or is_short:
        return _length(((first, "分"), (second, "秒")))
    return _length(((first, "時間"), (second, "分")))


def _zone(zone: str | None) -> str:
    """The time zone, unless it is Japan's."""
    if not zone or zone in {"+09:00", "+0900", "+09"}:
        return ""
    if zone == "Z" or set(zone) <= set("+-0:"):
        return "、UTC"
    sign = "プラス" if zone[0] == "+" else "マイナス"
    hours, rest = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    return f"、UTC{sign}{hours}時間" + (minutes(rest) if rest else "")


def _hour(match: re.Match[str]) -> str | None:
    hour = int(match["hour"] or match["hour2"])
    if match["before"] == "PM" and hour == 10 and _AIR.search(nearby(match)):
        return None
    half = _half(match["before"] or match["after"])
    return _clock(hour, 0, None, half) if hour <= 24 else None


def _full_date(match: re.Match[str]) -> str | None:
    year, month, day = int(match["year"]), int(match["month"]), int(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if match["separator"] == "." and VERSION_WORDS.search(nearby(match)):
        return None
    return f"{year}年{month}月{day}日"


def _year_and_month(match: re.Match[str]) -> str:
    return f"{match[1]}年{int(match[2])}月"


def _era_date(match: re.Match[str]) -> str:
    year = "元" if int(match[2]) == 1 else str(int(match[2]))
    spoken = f"{_ERAS[match[1]]}{year}年"
    if match[3]:
        spoken += f"{int(match[3])}月"
    return spoken + (f"{int(match[4])}日" if match[4] else "")


def _weekday_in_brackets(match: re.Match[str]) -> str:
    return f"{match[1]}曜日" + ("、祝日" if match[2] else "")


def _weekday_list(match: re.Match[str]) -> str:
    is_named = match.string.startswith("曜", match.end())
    if match[0][1] in "~-":
        return f"{match[0][0]}曜から{match[0][-1]}" + "曜" * (not is_named)
    days = [_WEEKDAY_NAMES[day] for day in match[0] if day in _WEEKDAYS]
    if is_named:
        days[-1] = match[0][-1]
    return "、".join(days)


def _weekday_run(match: re.Match[str]) -> str:
    return "、".join(_WEEKDAY_NAMES[day] for day in match[0])


def _units_of_time(match: re.Match[str]) -> str | None:
    names = {"d": "日", "h": "時間", "m": "分", "s": "秒"}
    parts = re.findall("([0-9]{1,5}) ?([dhms])", match[0].lower())
    if "".join(unit for _, unit in parts) not in "dhms" or len(parts) < 2:
        return None
    return _length(tuple((int(n), names[unit]) for n, unit in parts))


_TO: Final = r"(?P<x> ?[-−~ー–—] ?)"

TIME_RULES: Final = (
    Rule.of(
        "date range",
        "/",
        rf"/[0-9]{{1,2}}(?:\([{_WEEKDAYS}]\))?(?P<x> ?[-−] ?)"
        r"(?=(?:[0-9]{4}/)?[0-9]{1,2}/[0-9]{1,2}(?![0-9/]))",
        lambda _: "から",
    ),
    Rule.of(
        "date",
        "-/.−",
        r"(?:(?<![0-9A-Za-z./-])|(?<=/[0-9]-)|(?<=/[0-9]{2}-))(?P<year>(?:19|20)[0-9]{2})"
        r"(?P<separator>[-/.−])(?P<month>[0-9]{1,2})(?P=separator)(?P<day>[0-9]{1,2})"
        r"(?![0-9]|[-/.−][0-9](?![0-9]?/|[0-9]{3}/))(?:T(?=[0-9]{1,2}:))?",
        _full_date,
    ),
    Rule.of(
        "date",
        "RHSTM",
        r"(?<![0-9A-Za-z])([RHSTM])([0-9]{1,2})(?:[./-](1[0-2]|0?[1-9])[./-](3[01]"
        r"|[12][0-9]|0?[1-9])"
        r"|年(?=[0-9度]))(?![0-9./-])",
        _era_date,
    ),
    Rule.of(
        "date",
        "/-",
        r"(?<![0-9A-Za-z./-])((?:19|20)[0-9]{2})[/-](1[0-2]|0[1-9])(?![0-9A-Za-z/-])",
        _year_and_month,
    ),
    Rule.of("year", "'", r"(?P<x>')(?=[0-9]{2}年)", lambda _: ""),
    Rule.of(
        "time range",
        ":時分",
        rf"(?:(?<=:[0-9]{{2}})|(?<=時)|(?<=分)|(?<=半)|(?<=[AaPp][Mm])){_TO}"
        rf"(?=(?:{_HALF} ?)?[0-9]{{1,2}}[:時])",
        lambda _: "から",
    ),
    Rule.of(
        "time range",
        ":時分日月",
        r"(?:(?<=:[0-9]{2})|(?<=[時分日月年)]))(?P<x> ?[~-])(?! ?[0-9A-Za-z(ぁ-ヿ一-鿿])",
        lambda _: "から",
    ),
    Rule.of("time range", "~", r"(?<=:[0-9]{2})(?P<x> ?~ ?)(?=[はにのも])", lambda _: "から"),
    Rule.of(
        "time",
        ":",
        rf"(?:(?:(?<=\A)|(?<=[ 、。は:(が]))(?P<until>~ ?))?"
        rf"(?:(?<![A-Za-z])(?P<before>{_HALF}) ?|(?<![0-9:.A-SU-Za-z]))(?P<iso>(?<=T))?"
        r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,][0-9]{1,9})?)?"
        r"(?![0-9]|:[0-9])(?: ?(?P<after>[AaPp]\.?[Mm](?![A-Za-z])\.?))?"
        r"(?:分(?!の))?(?P<zone>(?(iso)(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?|))",
        _time,
    ),
    Rule.of(
        "time",
        "AaPp",
        r"(?<![A-Za-z0-9])(?:(?P<before>[AP]M|[AaPp]\.[Mm]\.|[ap]m(?= ?[0-9]{1,2}時)) ?"
        r"(?P<hour>[0-9]{1,2})(?![0-9:.A-Za-z])時?"
        r"|(?P<hour2>[0-9]{1,2}) ?(?P<after>[AaPp](?:[Mm]|\.[Mm]\.))(?![A-Za-z0-9]))",
        _hour,
    ),
    Rule.of(
        "duration",
        "dhmsDHMS",
        r"(?<![0-9A-Za-z.])[0-9]{1,5} ?[dhmDHM](?:in)?"
        r"(?: ?[0-9]{1,2} ?(?:h|H|min|m|M|sec|s|S)){1,3}"
        r"(?![0-9A-Za-z])",
        _units_of_time,
    ),
    Rule.of(
        "midnight", "0零", r"(?<![0-9.,:])0{1,2}時(?!間)|(?<=午[前後])零時", lambda _: "レイジ"
    ),
    Rule.of(
        "leading zero",
        "0",
        r"(?<![0-9.,:/-])(?P<x>0)(?!8分)(?=[0-9](?:[年月日時分秒](?!の)|[月日]の))",
        lambda _: "",
    ),
    Rule.of(
        "weekday",
        "(",
        rf"(?<=[0-9日週 ]) ?\(([{_WEEKDAYS}])曜?日?(?:[ ・,、/]?([祝休])日?)?\)",
        _weekday_in_brackets,
    ),
    Rule.of(
        "weekdays",
        "・、/~-",
        rf"(?:(?<![一-鿿々ァ-ヶA-Za-z0-9])|(?<=毎週)|(?<=隔週)|(?<=曜日)|(?<=平日))"
        rf"(?:[{_WEEKDAYS}](?:[・、/][{_WEEKDAYS}]){{1,6}}|[{_WEEKDAYS}][-~][{_WEEKDAYS}])"
        rf"(?=[ はにがのをもで、。()とだ曜]|\Z)(?!曜日?[・、/~])",
        _weekday_list,
    ),
    Rule.of(
        "weekdays",
        "火水木金",
        "(?<![一-鿿々ァ-ヶ])(?:月水金?|月木|月金|火木土?|火金|水土|水金|月火水木金土?"
        "|月火水木?|木金土?)"
        "(?=の(?:夜|朝|週|収|回|予|ゴミ|ごみ|[0-9午])|は|に(?:収|出|行|あ|通|回"
        "|[0-9燃可])|と|だけ|、|。|\\Z)",
        _weekday_run,
    ),
)
