import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hayakoe_engine.text.reading import Reader
from hayakoe_engine.text.say_as import INTERPRETATIONS, say_as

# How long a text takes depends on the machine.
no_deadline = settings(deadline=None)

ANY_TEXT = st.text(st.characters(exclude_categories=()))
NAMES = {
    "0": "ゼロ",
    "1": "イチ",
    "2": "ニー",
    "3": "サン",
    "4": "ヨン",
    "5": "ゴー",
    "6": "ロク",
    "7": "ナナ",
    "8": "ハチ",
    "9": "キュー",
}


@pytest.fixture(scope="module")
def reader():
    return Reader()


# (interpretation and format, content, what Open JTalk makes of the result)
SAY_AS = [
    ("characters", "E-105", "イー、ハイフン、イチゼロゴー"),
    ("characters", "NHK", "エヌエイチケー"),
    ("spell-out", "https", "エイチティー、ティーピーエス"),
    ("verbatim", "ａ＠b.jp", "エー、アットマーク、ビー、ドット、ジェーピー"),
    ("characters", "は、を。", "ハ、テン、オ、マル"),
    ("characters", "きゃっぷ", "キ、チーサイヤ、チーサイツ、プ"),
    ("characters", "山田", "ヤマ、タ"),
    ("characters", "a  b", "エー、スペース、ビー"),
    ("digits", "2026", "ニーゼロニーロク"),
    ("digits", "007", "ゼロゼロナナ"),
    ("digits", "12-34", "イチニー、サンヨン"),
    ("digits", "1234567890", "イチニーサン、ヨンゴーロク、ナナハチキューゼロ"),
    ("digits", "０１２", "ゼロイチニー"),
    ("telephone", "03-1234-5678", "ゼロサン、イチニーサンヨン、ゴーロクナナハチ"),
    ("telephone", "(03)1234-5678", "ゼロサン、イチニーサンヨン、ゴーロクナナハチ"),
    ("telephone", "09012345678", "ゼロキューゼロ、イチニーサンヨン、ゴーロクナナハチ"),
    ("telephone", "0312345678", "ゼロサン、イチニーサンヨン、ゴーロクナナハチ"),
    ("telephone", "0120123456", "ゼロイチニーゼロ、イチニーサン、ヨンゴーロク"),
    ("telephone", "+81 90", "プラスハチイチ、キューゼロ"),
    ("telephone", "０３ー1234", "ゼロサン、イチニーサンヨン"),
    ("telephone", "内線12#", "ナイセンイチニー、シャープ"),
    ("telephone", "110", "イチイチゼロ"),
    ("cardinal", "1,234", "センニヒャクサンジューヨン"),
    ("cardinal", "007", "ナナ"),
    ("cardinal", "-5", "マイナスゴ"),
    ("cardinal", "+5", "プラスゴ"),
    ("number", "−3.14", "マイナスサンテンイチヨン"),
    ("number", "0", "ゼロ"),
    ("number", "3/4", "ヨンブンノサン"),
    ("fraction", "1 1/2", "イチトニブンノイチ"),
    ("fraction", "½", "ニブンノイチ"),
    ("ordinal", "3", "サンバンメ"),
    ("ordinal", "4", "ヨンバンメ"),
    ("ordinal", "21st", "ニジューイチバンメ"),
    ("date", "2026-11-20", "ニセンニジューロクネンジューイチガツハツカ"),
    ("date", "20261120", "ニセンニジューロクネンジューイチガツハツカ"),
    ("date", "2026年4月1日", "ニセンニジューロクネンシガツツイタチ"),
    ("date", "2026-04", "ニセンニジューロクネンシガツ"),
    ("date", "11/20", "ジューイチガツハツカ"),
    ("date", "2026", "ニセンニジューロクネン"),
    ("date ymd", "2026/9/4", "ニセンニジューロクネンクガツヨッカ"),
    ("date mdy", "11/20/2026", "ニセンニジューロクネンジューイチガツハツカ"),
    ("date dmy", "1.4.2026", "ニセンニジューロクネンシガツツイタチ"),
    ("date ym", "2026/7", "ニセンニジューロクネンシチガツ"),
    ("date my", "7/2026", "ニセンニジューロクネンシチガツ"),
    ("date dm", "24/12", "ジューニガツニジューヨッカ"),
    ("date y", "1999", "センキューヒャクキュージューキューネン"),
    ("date m", "9", "クガツ"),
    ("date d", "1", "ツイタチ"),
    ("time", "15:30", "ジューゴジサンジュップン"),
    ("time", "9:00", "クジ"),
    ("time", "0:05", "レージゴフン"),
    ("time", "7:04:09", "シチジヨンプンキュービョー"),
    ("time", "1'21\"", "イップンニジューイチビョー"),
    ("time", "午後3時5分", "ゴゴサンジゴフン"),
    ("time hms12", "3:30pm", "ゴゴサンジサンジュップン"),
    ("time hms12", "12:00 a.m.", "ゴゼンレージ"),
    ("time hms24", "24:00", "ニジューヨジ"),
    ("time ms", "12:30", "ジューニフンサンジュービョー"),
    ("currency", "¥1,234", "センニヒャクサンジューヨエン"),
    ("currency", "5000円", "ゴセンエン"),
    ("currency", "$5.20", "ゴドルニジュッセント"),
    ("currency", "$0.05", "ゴセント"),
    ("currency", "-$5", "マイナスゴドル"),
    ("currency", "USD 5", "ゴドル"),
    ("currency", "5 EUR", "ゴユーロ"),
    ("unit", "-3℃", "マイナスサンド"),
    ("unit", "36.5 °C", "サンジューロクテンゴド"),
    ("unit", "10cm", "ジュッセンチメートル"),
    ("unit", "20%", "ニジュッパーセント"),
    ("unit", "4min", "ヨンプン"),
    ("unit", "4h", "ヨジカン"),
    ("unit", "4m²", "ヨンヘーホーメートル"),
    ("unit", "1.2kWh", "イッテンニキロワットアワー"),
    ("unit", "70°F", "カシナナジュード"),
    ("unit", "1,013 hPa", "センジューサンヘクトパスカル"),
    ("unit", "10 m/s", "ジューメートルマイビョー"),
]


@pytest.mark.parametrize(("attributes", "content", "kana"), SAY_AS)
def test_it_is_read_right(reader, attributes, content, kana):
    interpretation, _, form = attributes.partition(" ")
    assert reader.read(say_as(content, interpretation, form)).kana == kana


@pytest.mark.parametrize(
    ("attributes", "content"),
    [
        ("cardinal", "たくさん"),
        ("cardinal", "1,23"),
        ("fraction", "3"),
        ("ordinal", "第三"),
        ("date", "明日"),
        ("date", "13/40"),
        ("date", "20"),
        ("date ymd", "11/20"),
        ("time", "25:00"),
        ("time", "12:60"),
        ("time", "13:00pm"),
        ("time", "午前3:00am"),
        ("time ms", "午前3:00"),
        ("time hms", "1:2:3:4"),
        ("currency", "5"),
        ("currency", "$5円"),
        ("currency", "5ペソ"),
        ("unit", "5"),
        ("unit", "5パーセク"),
        ("unit", "5x/y"),
        ("unit", "約5cm"),
    ],
)
def test_what_is_not_what_it_is_said_to_be_is_read_as_it_stands(attributes, content):
    assert say_as(content, *attributes.split()) == content


def test_every_run_of_digits_is_read_digit_by_digit(reader):
    for number in [*(f"{n:02}" for n in range(100)), *(f"{n:04}" for n in range(0, 10_000, 7))]:
        expected = "".join(NAMES[digit] for digit in number)
        assert reader.read(f"番号は{say_as(number, 'digits')}です。").kana == (
            f"バンゴーワ{expected}デス"
        )


def test_every_day_has_its_name(reader):
    days = {1: "ツイタチ", 2: "フツカ", 4: "ヨッカ", 8: "ヨーカ", 10: "トーカ", 20: "ハツカ"}
    for month, name in ((1, "イチガツ"), (4, "シガツ"), (7, "シチガツ"), (9, "クガツ")):
        for day, kana in days.items():
            text = say_as(f"2026-{month:02}-{day:02}", "date")
            assert reader.read(f"{text}です").kana.endswith(f"{name}{kana}デス")


@no_deadline
@given(ANY_TEXT | st.from_regex(r"[0-9年月日:/.,'+¥$-]{1,12}"), st.sampled_from(INTERPRETATIONS))
def test_anything_can_be_said_as_anything(text, interpretation):
    spoken = say_as(text, interpretation)
    assert bool(spoken.strip("、")) or not re.search(r"\w", text)


@pytest.mark.parametrize(
    ("interpretation", "form", "message"),
    [
        ("date of birth", "", "interpret-as must be one of characters, spell-out"),
        ("date", "yyyymmdd", "format of a date must be one of ymd, mdy"),
        ("time", "x", "format of a time must be one of hms12, hms24"),
    ],
)
def test_what_is_not_known_is_an_error(interpretation, form, message):
    with pytest.raises(ValueError, match=message):
        say_as("1", interpretation, form)
