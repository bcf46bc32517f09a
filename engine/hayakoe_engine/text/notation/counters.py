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


def _minutes(match: re.Match[str]) -> str:
    return minutes(int(match[1]))


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
    # Alone, 1日 is a length of time for Open JTalk.
    Rule.of(
        "first of the month",
        "1",
        rf"(?<![0-9.,:/月])1日(?={_WEEKDAY}|から[0-9]{{1,2}}日|[と、・~][0-9]{{1,2}}日|付|締|分の)"
        r"|(?<=[毎来今翌先]月の)1日|(?<=月の)1日(?=[にはがもで])",
        always("ツイタチ"),
    ),
    Rule.of(
        "thousands", DIGITS, r"(?<=[0-9]) (?=[度分時日月年回件個枚本台円秒人名歳])", always("")
    ),
)
