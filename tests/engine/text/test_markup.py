import re
from itertools import pairwise
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hayakoe_engine.errors import BadMarkup, RequestError
from hayakoe_engine.options import RANGES, SynthesisOptions
from hayakoe_engine.text.markup import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_SPANS,
    Changes,
    Mark,
    Span,
    parse_ssml,
)

# How long a document takes depends on the machine.
no_deadline = settings(deadline=None)

ANY_TEXT = st.text(st.characters(exclude_categories=()))


def texts(document):
    return [span.text for span in parse_ssml(document)]


def only(document):
    (span,) = parse_ssml(document)
    return span


@pytest.mark.parametrize(
    "text", ["お風呂が沸きました。", "A & B", "3 < 5\n5 > 3", "<笑>", "a&lt;b"]
)
def test_plain_text_is_one_span_as_it_stands(text):
    assert parse_ssml(text) == [Span(text)]


@pytest.mark.parametrize("document", ["", " \n", "<speak/>", "<speak> \n </speak>", "<p></p>"])
def test_without_text_there_is_no_span(document):
    assert parse_ssml(document) == []


@pytest.mark.parametrize(
    "document",
    [
        "<speak>はい</speak>",
        '<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis">はい</speak>',
        "<speak xml:lang='ja-JP'>はい</speak>",
        "<?xml version='1.0' encoding='Shift_JIS'?>\n<speak>はい</speak>",
        "\ufeff<speak>はい</speak>",
        "\ufeff \n<?xml version='1.0'?><speak>はい</speak>",
        "<speak><speak>は</speak>い</speak>",
        "<lang xml:lang='en'>はい</lang>",
        "<x:y z='1'>は</x:y><w>い</w>",
        "は<!-- いいえ --><?いいえ?>い<b/>",
        "<p><![CDATA[はい]]></p>",
        "<token>&#x306f;い</token>",
        "<lexicon uri='x'/><meta name='a' content='b'/>はい",
    ],
)
def test_what_is_not_known_is_read_through(document):
    assert texts(document) == ["はい"]


@pytest.mark.parametrize(
    "document",
    [
        "<desc>音</desc>",
        "<metadata><x>題<break/><mark name='a'/></x></metadata>",
        "<audio src='http://localhost/a.wav'><desc>音</desc></audio>",
    ],
)
def test_what_is_about_the_document_is_silent(document):
    assert parse_ssml(document) == []


def test_the_alternative_text_of_audio_is_read():
    assert texts("<audio src='chime.wav'>ピンポン<desc>音</desc></audio>") == ["ピンポン"]


def test_the_five_entities_are_characters():
    assert texts("<s>&lt;&gt;&amp;&quot;&apos;&#12354;</s>") == ["<>&\"'あ"]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("<s>\n  お風呂が\n  沸きました。\n</s>", "お風呂が沸きました。"),
        ("<s>今日は\t東京</s>", "今日は 東京"),
        ("<s>Home \r\n Assistant</s>", "Home Assistant"),
        ("<s>これは\n  Wi-Fi\n  です</s>", "これはWi-Fiです"),
        ("<s>全角\u3000空白</s>", "全角\u3000空白"),
        ("<s>あ\n<b>\n い\n</b> う</s>", "あいう"),
        ("<s>Wi <b> -Fi </b> on</s>", "Wi -Fi on"),
        ("<s>a&#10;b</s>", "a b"),
    ],
)
def test_layout_is_not_text(document, text):
    assert texts(document) == [text]


def test_white_space_between_words_of_two_spans_is_kept():
    assert texts("<s>Home <emphasis>Assistant</emphasis> is <b>on</b></s>") == [
        "Home",
        " Assistant",
        " is on",
    ]


def test_every_span_knows_where_it_begins():
    document = "<speak>\n  あ<emphasis>い</emphasis>\n\n<p>  う</p></speak>"
    assert [(s.text, s.line, s.column) for s in parse_ssml(document)] == [
        ("あ", 2, 3),
        ("い", 2, 14),
        ("う", 4, 6),
    ]


def test_paragraphs_and_sentences_end_what_is_spoken():
    spans = parse_ssml("前<p>一つ<s>二つ</s> <s>三つ</s></p>後")
    assert [(span.text, span.ends_sentence) for span in spans] == [
        ("前", True),
        ("一つ", True),
        ("二つ", True),
        ("三つ", True),
        ("後", False),
    ]


@pytest.mark.parametrize(
    ("attributes", "seconds"),
    [
        ("", 0.4),
        ("time='500ms'", 0.5),
        ("time='1.5s'", 1.5),
        ("time=' .25s '", 0.25),
        ("time='+1s'", 1.0),
        ("time='0s'", 0.0),
        ("time='10s'", 10.0),
        ("time='10000ms'", 10.0),
        ("strength='none'", 0.0),
        ("strength='x-weak'", 0.1),
        ("strength='weak'", 0.2),
        ("strength='medium'", 0.4),
        ("strength='strong'", 0.8),
        ("strength='x-strong'", 1.2),
        ("strength='x-strong' time='100ms'", 0.1),
    ],
)
def test_a_break_follows_what_is_before_it(attributes, seconds):
    before, after = parse_ssml(f"<s>あ <break {attributes}/> い</s>")
    assert (before.text, before.break_after_s) == ("あ", seconds)
    assert (after.text, after.break_after_s) == ("い", None)


def test_breaks_add_up_to_ten_seconds():
    assert only("あ<break time='1s'/> <break time='500ms'/>").break_after_s == 1.5
    assert only("あ<break time='8s'/><break time='8s'/>").break_after_s == 10.0


def test_a_break_at_the_start_is_a_span_without_text():
    first, second = parse_ssml("<break time='1s'/>あ")
    assert (first.text, first.break_after_s, second.text) == ("", 1.0, "あ")


def test_a_break_after_a_paragraph_belongs_to_it():
    span = only("<p>あ</p> <break time='2s'/>")
    assert (span.ends_sentence, span.break_after_s) == (True, 2.0)


@pytest.mark.parametrize(
    ("document", "marks"),
    [
        ("<mark name='a'/>はい", [("はい", ["a0"])]),
        ("は<mark name='a'/>い<mark name='b'/>", [("はい", ["a1", "b2"])]),
        ("は<mark name='a'/><emphasis>い</emphasis>", [("は", ["a1"]), ("い", [])]),
        ("は<break/><mark name='a'/>い", [("は", []), ("い", ["a0"])]),
        ("<p>は</p><mark name='a'/><p>い</p>", [("は", []), ("い", ["a0"])]),
        ("は<break/><mark name='a'/><break/>い", [("は", []), ("", ["a0"]), ("い", [])]),
        ("<p>は</p><mark name='a'/>", [("は", []), ("", ["a0"])]),
        ("<mark name='a'/>", [("", ["a0"])]),
        ("は<sub alias='い'><mark name='a'/>x</sub>", [("はい", ["a1"])]),
    ],
)
def test_marks_know_their_place(document, marks):
    found = [
        (span.text, [f"{mark.name}{mark.offset}" for mark in span.marks])
        for span in parse_ssml(document)
    ]
    assert found == marks


def test_a_mark_has_a_name_and_an_offset():
    assert only("<s>は<mark name=' here '/>い</s>").marks == (Mark("here", 1),)


@pytest.mark.parametrize(
    ("attributes", "changes"),
    [
        ("", Changes()),
        ("rate='150%'", Changes(speed=1.5)),
        ("rate='+20%'", Changes(speed=1.2)),
        ("rate='-20%'", Changes(speed=0.8)),
        ("rate='1.5'", Changes(speed=1.5)),
        ("rate='x-slow'", Changes(speed=0.5)),
        ("rate='slow'", Changes(speed=0.8)),
        ("rate='medium'", Changes()),
        ("rate='fast'", Changes(speed=1.25)),
        ("rate='x-fast'", Changes(speed=1.6)),
        ("rate='0%'", Changes(speed=0.25)),
        ("rate='999999'", Changes(speed=4.0)),
        ("pitch='+2st'", Changes(pitch=2 ** (2 / 12))),
        ("pitch='-1.5st'", Changes(pitch=2 ** (-1.5 / 12))),
        ("pitch='+100%'", Changes(pitch=2.0)),
        ("pitch='-50%'", Changes(pitch=0.5)),
        ("pitch='-100%'", Changes(pitch=0.5)),
        ("pitch='x-low'", Changes(pitch=2 ** (-4 / 12))),
        ("pitch='high'", Changes(pitch=2 ** (2 / 12))),
        ("pitch='default'", Changes()),
        ("volume='-120dB'", Changes(volume=1e-6)),
        ("volume='+999999dB'", Changes(volume=2.0)),
        ("volume='-50%'", Changes(volume=0.5)),
        ("volume='50'", Changes(volume=0.5)),
        ("volume='100'", Changes()),
        ("volume='silent'", Changes(volume=0.0)),
        ("volume='x-loud'", Changes(volume=2.0)),
        ("rate=' fast ' pitch='low' volume='soft' range='x'", Changes(1.25, 2 ** (-2 / 12), 0.5)),
    ],
)
def test_prosody(attributes, changes):
    found = only(f"<prosody {attributes}>あ</prosody>").changes
    assert found.speed == pytest.approx(changes.speed)
    assert found.pitch == pytest.approx(changes.pitch)
    assert found.volume == pytest.approx(changes.volume)


def test_six_decibels_are_twice_as_much():
    assert only("<prosody volume='+6dB'>あ</prosody>").changes.volume == pytest.approx(2, rel=0.01)
    assert only("<prosody volume='-6dB'>あ</prosody>").changes.volume == pytest.approx(
        0.5, rel=0.01
    )


def test_nested_prosody_multiplies_and_names_are_absolute():
    spans = parse_ssml(
        "<prosody rate='150%' pitch='+2st'>い"
        "<prosody rate='50%' pitch='+1st'>ろ</prosody>"
        "<prosody rate='fast' pitch='medium'>は</prosody>に</prosody>ほ"
    )
    assert [(s.text, s.changes.speed, s.changes.pitch) for s in spans] == [
        ("い", 1.5, pytest.approx(2 ** (2 / 12))),
        ("ろ", 0.75, pytest.approx(2 ** (3 / 12))),
        ("は", 1.25, 1.0),
        ("に", 1.5, pytest.approx(2 ** (2 / 12))),
        ("ほ", 1.0, 1.0),
    ]


@pytest.mark.parametrize(
    ("attributes", "volume"),
    [
        ("", 1.12),
        ("level='strong'", 1.25),
        ("level='moderate'", 1.12),
        ("level='none'", 1.0),
        ("level='reduced'", 0.8),
    ],
)
def test_emphasis_is_a_little_volume(attributes, volume):
    assert only(f"<emphasis {attributes}>あ</emphasis>").changes == Changes(volume=volume)


def test_changes_apply_to_the_options_within_their_ranges():
    options = SynthesisOptions(speed=2.0, pitch_scale=0.75, volume=0.5, style="x", seed=7)
    assert Changes().applied_to(options) == options
    assert Changes(1.5, 1.2, 1.25).applied_to(options) == options.changed(
        speed=3.0, pitch_scale=0.75 * 1.2, volume=0.625
    )
    assert Changes(4.0, 0.5, 2.0).applied_to(options.changed(volume=2.0)) == options.changed(
        speed=4.0, pitch_scale=0.5, volume=2.0
    )


def test_text_of_one_manner_is_one_span():
    assert texts("あ<emphasis level='none'>い</emphasis><prosody>う</prosody>") == ["あいう"]


def test_every_span_knows_the_voices_around_it():
    spans = parse_ssml(
        "<voice name='a'>い<voice name=' b '>ろ</voice><voice gender='female'>は</voice></voice>に"
    )
    assert [(s.text, s.voices) for s in spans] == [
        ("い", ("a",)),
        ("ろ", ("a", "b")),
        ("は", ("a",)),
        ("に", ()),
    ]


def test_a_voice_that_is_asked_for_again_is_wanted_most():
    document = "<voice name='a'><voice name='b'><voice name='a'>い</voice></voice></voice>"
    assert only(document).voices == ("b", "a")
    assert texts("<voice name='a'>い<voice name='a'>ろ</voice>は</voice>") == ["いろは"]


@pytest.mark.parametrize(
    ("document", "voices"),
    [
        ("<voice name='a'>い<break time='1s'/>ろ</voice>", [("a",), ("a",)]),
        ("<voice name='a'><p>い</p><p>ろ</p></voice>", [("a",), ("a",)]),
        ("<p>い<voice name='a'>ろ</voice></p>は", [(), ("a",), ()]),
        ("<prosody rate='fast'><voice name='a'>い</voice>ろ</prosody>", [("a",), ()]),
        ("<voice name='a'><phoneme ph=\"ハ'シ\">箸</phoneme></voice>", [("a",)]),
        ("<voice name='a'><say-as interpret-as='time'>9:00</say-as></voice>", [("a",)]),
        ("<sub alias='い'><voice name='a'>x</voice></sub>", [()]),
    ],
)
def test_a_voice_speaks_whatever_is_in_its_element(document, voices):
    assert [span.voices for span in parse_ssml(document)] == voices


def test_a_mark_between_two_voices_ends_the_first():
    first, second = parse_ssml("い<mark name='m'/><voice name='a'>ろ</voice>")
    assert (first.marks, second.marks) == ((Mark("m", 1),), ())


@pytest.mark.parametrize("element", ["voice", "mark"])
@pytest.mark.parametrize("name", ["mei", "冥鳴ひまり", "mei:るん るん", "é-1_2.3", "あ" * 256])
def test_a_name_is_any_text_that_can_be_seen(element, name):
    (span,) = parse_ssml(f"<{element} name='{name}'>は</{element}>")
    assert [*span.voices, *(mark.name for mark in span.marks)] == [name]


@pytest.mark.parametrize("element", ["voice", "mark"])
@pytest.mark.parametrize(
    "name", ["あ" * 257, "a&#10;b", "a&#x85;b", "a\u200bb", "a\u202eb", "a\u2028b", "a\ue000"]
)
def test_a_name_that_does_not_belong_into_a_log_is_refused(element, name):
    with pytest.raises(
        BadMarkup, match=f"line 1, column 4: <{element}>: name must be at most 256 characters"
    ) as error:
        parse_ssml(f"はい。<{element} name='{name}'>は</{element}>")
    assert len(str(error.value).splitlines()) == 1
    assert len(str(error.value)) < 200


def test_an_alias_is_read_instead():
    assert texts("これは<sub alias='ホームアシスタント'>HA</sub>です") == [
        "これはホームアシスタントです"
    ]


def test_an_alias_with_an_accent_is_a_reading():
    span = only('<sub alias="は\'し">箸</sub>')
    assert (span.text, span.kana) == ("箸", "ハ'シ")


@pytest.mark.parametrize("alias", ["it's", "東京'", "'"])
def test_an_apostrophe_alone_makes_no_reading(alias):
    assert only(f'<sub alias="{alias}">x</sub>').kana is None


@pytest.mark.parametrize(
    ("attributes", "kana", "plain"),
    [
        ("alphabet='yomigana' ph=\"カ'キ\"", "カ'キ", "カキ"),
        ("alphabet='yomigana' ph='か↓き'", "カ'キ", "カキ"),
        ("alphabet='x-katakana' ph='カキ’'", "カキ'", "カキ"),
        ("alphabet='x-katakana' ph='カキ_'", "カキ", "カキ"),
        ("ph='ｶｷ'", "カキ", "カキ"),
        ("ph=\"トーキョ'ート/カ'ンダ\"", "トーキョ'ート/カ'ンダ", "トーキョートカンダ"),
        ('ph="キョ\'ーワ、ハレ_"', "キョ'ーワ、ハレ", "キョーワ、ハレ"),
        ("ph=\"カ'キ クリ'\"", "カ'キ/クリ'", "カキクリ"),
        ("ph='ヴァイオリン'", "ヴァイオリン", "ヴァイオリン"),
        ("alphabet='ipa' ph='kakʲi'", None, None),
        ("alphabet='x-sampa' ph='kaki'", None, None),
    ],
)
def test_a_phoneme_is_read_as_it_says(attributes, kana, plain):
    span = only(f"<phoneme {attributes}>牡蠣</phoneme>")
    assert (span.text, span.kana, span.plain_kana) == ("牡蠣", kana, plain)


def test_a_phoneme_is_a_span_of_its_own():
    spans = parse_ssml("橋と<phoneme ph=\"ハ'シ\">箸</phoneme><phoneme ph='ハシ'>端</phoneme>と")
    assert [(s.text, s.kana) for s in spans] == [
        ("橋と", None),
        ("箸", "ハ'シ"),
        ("端", "ハシ"),
        ("と", None),
    ]


def test_a_phoneme_needs_no_text():
    span = only('<phoneme ph="カ\'キ"/>')
    assert (span.text, span.kana) == ("カキ", "カ'キ")


@pytest.mark.parametrize(
    "ph", ["牡蠣", "'カキ", "カ'キ'", "カ_キ", "カ//キ", "、カ", "kaki", "カ'_", "シ'ャ漢", "。"]
)
def test_a_reading_is_kana_with_one_accent_a_phrase(ph):
    with pytest.raises(BadMarkup, match="a reading must be kana such as"):
        parse_ssml(f'<phoneme ph="{ph}">x</phoneme>')


def test_say_as_joins_the_sentence_around_it():
    assert texts("開始は<say-as interpret-as='time'>15:30</say-as>です") == ["開始は15時30分です"]


@pytest.mark.parametrize(
    ("document", "line", "column", "message"),
    [
        ("<speak>\n<p>あ</speak>", 2, 7, "<p> of line 2 is not closed"),
        ("<speak>", 1, 10, "<speak> of line 1 is not closed"),
        ("あ</p>", 1, 4, "a tag is closed that is not open"),
        ("<p>あ & い</p>", 1, 7, "written &amp;"),
        ("<p>\n &nbsp;</p>", 2, 2, "the only entities are"),
        ("<p>\0</p>", 1, 4, "this is no XML"),
        ("<p>あ\ud800</p>", 1, 5, "surrogate"),
        ("<p>\nあ\ud800</p>", 2, 2, "surrogate"),
        ("<p a='1' a='2'/>", 1, 10, "duplicate attribute"),
        ("\n  <break time='11s'/>", 2, 3, "<break>: time must be 500ms or 1.5s, from 0 to 10s"),
        ("<break time='-1s'/>", 1, 1, "time must be"),
        ("<break time='5'/>", 1, 1, "time must be"),
        ("<break time=''/>", 1, 1, "time must be"),
        ("<break strength='big'/>", 1, 1, "strength must be one of none, x-weak"),
        ("<prosody rate='quick'/>", 1, 1, "rate must be 80%, +20%, 1.2 or one of x-slow"),
        ("<prosody rate='-2'/>", 1, 1, "rate must be"),
        ("<prosody rate='nan'/>", 1, 1, "rate must be"),
        ("<prosody pitch='200Hz'/>", 1, 1, "pitch must be +2st, -10% or one of x-low"),
        ("<prosody pitch='110%'/>", 1, 1, "pitch must be"),
        ("<prosody volume='101'/>", 1, 1, "volume must be +6dB, -20%, 0 to 100 or one of silent"),
        ("<prosody volume='1e9'/>", 1, 1, "volume must be"),
        ("<emphasis level='very'/>", 1, 1, "level must be one of strong"),
        ("<sub>x</sub>", 1, 1, "<sub>: needs the attribute alias"),
        ("<mark/>", 1, 1, "<mark>: needs the attribute name"),
        ("<voice name=''/>", 1, 1, "<voice>: needs the attribute name"),
        ("<phoneme>x</phoneme>", 1, 1, "<phoneme>: needs the attribute ph"),
        ("<phoneme alphabet='kana' ph='x'/>", 1, 1, "alphabet must be yomigana or x-katakana"),
        ("あ<say-as>\n1</say-as>", 1, 2, "<say-as>: needs the attribute interpret-as"),
        ("<say-as interpret-as='x'>1</say-as>", 1, 1, "interpret-as must be one of characters"),
        ("<say-as interpret-as='date' format='x'>1</say-as>", 1, 1, "must be one of ymd, mdy"),
        ("<say-as interpret-as='time' format='x'>1</say-as>", 1, 1, "must be one of hms12"),
    ],
)
def test_an_error_says_where_and_what_is_allowed(document, line, column, message):
    with pytest.raises(BadMarkup, match=re.escape(message)) as caught:
        parse_ssml(document)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value).startswith(f"line {line}, column {column}: ")
    assert isinstance(caught.value, RequestError)
    assert caught.value.code == "bad-markup"


def test_an_error_does_not_repeat_a_long_value():
    with pytest.raises(BadMarkup) as caught:
        parse_ssml(f"<break strength='{'あ' * 10_000}'/>")
    assert len(str(caught.value)) < 200


LAUGHS = "".join(f"<!ENTITY lol{n} '{f'&lol{n - 1};' * 10}'>" for n in range(1, 10))


@pytest.mark.parametrize(
    "document",
    [
        f"<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY lol0 'lol'>{LAUGHS}]><speak>&lol9;</speak>",
        "<!DOCTYPE speak [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><speak>&x;</speak>",
        "<!DOCTYPE speak SYSTEM 'http://localhost/speak.dtd'><speak>あ</speak>",
        "<!DOCTYPE speak><speak>あ</speak>",
        "<speak><!DOCTYPE speak>あ</speak>",
        "<!DOCTYPE speak [<!ENTITY % x '%x;'>%x;]><speak/>",
        "<speak><!ENTITY x 'y'>&x;</speak>",
        # out of the element that every document is put into, and into it again
        "</_><!DOCTYPE x [<!ENTITY a 'b'>]><_>&a;",
        "</_><_>あ",
    ],
)
def test_nothing_can_be_declared(document):
    with pytest.raises(BadMarkup):
        parse_ssml(document)


def test_elements_may_be_nested_only_so_deep():
    assert texts("<p>" * MAX_DEPTH + "あ" + "</p>" * MAX_DEPTH) == ["あ"]
    with pytest.raises(BadMarkup, match="nested 64 deep"):
        parse_ssml("<p>" * (MAX_DEPTH + 1) + "あ" + "</p>" * (MAX_DEPTH + 1))
    with pytest.raises(BadMarkup, match="nested 64 deep"):
        parse_ssml("<p>" * 100_000)


def test_a_document_may_be_only_so_large():
    assert len(only("<p>" + "あ" * ((MAX_BYTES - 7) // 3) + "</p>").text) == (MAX_BYTES - 7) // 3
    for document in ("a" * (MAX_BYTES + 1), "<p>" + "あ" * (MAX_BYTES // 3) + "</p>"):
        with pytest.raises(BadMarkup, match="at most 1048576 bytes"):
            parse_ssml(document)


def test_a_document_may_have_only_so_many_spans():
    assert len(parse_ssml("あ<break/>" * MAX_SPANS)) == MAX_SPANS
    with pytest.raises(BadMarkup, match="at most 10000 spans"):
        parse_ssml("あ<break/>" * (MAX_SPANS + 1))


READ_THROUGH = ("speak", "lang", "b", "x:y", "audio", "w", "笑")
VALUES = st.sampled_from(
    (
        "",
        "1",
        "500ms",
        "3s",
        "+2st",
        "-10%",
        "+6dB",
        "fast",
        "strong",
        "medium",
        "none",
        "mei",
        "ymd",
        "date",
        "time",
        "telephone",
        "characters",
        "yomigana",
        "カ'キ",
        "ハ_",
    )
) | st.text(max_size=4)
NAMES = "speak p s break prosody emphasis sub say-as phoneme voice lang mark audio desc b"
ATTRIBUTES = "time strength rate pitch volume level alias interpret-as format ph alphabet name"


def _element(name, attributes, children):
    written = "".join(f' {key}="{escape(value, {chr(34): "&quot;"})}"' for key, value in attributes)
    return f"<{name}{written}>{''.join(children)}</{name}>"


def _trees(names, attributes):
    plain = st.text("あ漢a1、。 \n\u3000<&>'\"\t", max_size=6).map(escape)
    return st.recursive(
        plain,
        lambda children: st.builds(
            _element, st.sampled_from(names), attributes, st.lists(children, max_size=4)
        ),
        max_leaves=12,
    )


ANY_TREE = _trees(
    NAMES.split(),
    st.dictionaries(st.sampled_from(ATTRIBUTES.split()), VALUES, max_size=3).map(
        lambda found: list(found.items())
    ),
)


def _check(spans):
    for span in spans:
        assert span.text == span.text.strip(" \n") or span.text[0] == " "
        assert span.text or span.marks or span.break_after_s is not None
        assert span.line >= 1
        assert span.column >= 1
        assert span.break_after_s is None or 0 <= span.break_after_s <= 10
        for name, option in (("speed", "speed"), ("pitch", "pitch_scale"), ("volume", "volume")):
            low, high = RANGES[option]
            assert low <= getattr(span.changes, name) <= high
        offsets = [mark.offset for mark in span.marks]
        assert all(a <= b for a, b in pairwise([0, *offsets, len(span.text)]))


@no_deadline
@given(ANY_TEXT)
def test_any_text_is_spans_or_bad_markup(text):
    for document in (text, f"<p>{text}", f"<p>{text}</p>", f"<p {text}/>"):
        try:
            parse_ssml(document)
        except BadMarkup as error:
            assert error.line >= 1  # noqa: PT017 - either is right
            assert error.column >= 1  # noqa: PT017


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANY_TREE)
def test_any_tree_is_spans_or_bad_markup(document):
    try:
        spans = parse_ssml(f"<speak>{document}</speak>")
    except BadMarkup:
        return
    _check(spans)


def _laid_out(text):
    """White space by the rules, the slow way."""
    japanese = "[あ漢、。\u3000笑]"
    text = re.sub(r"[ \t]*\n[ \t\n]*", "\n", text.strip(" \t\n"))
    text = re.sub(rf"(?<={japanese})\n|\n(?={japanese})", "", text)
    return re.sub(r"[ \t]+|\n", " ", text)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_trees(READ_THROUGH, st.just([])))
def test_the_text_of_what_is_read_through_is_kept(document):
    content = re.sub(r"<[^>]*>", "", document)
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        content = content.replace(entity, char)
    spans = parse_ssml(f"<speak>{document}</speak>")
    assert "".join(span.text for span in spans) == _laid_out(content)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_trees(("prosody", "emphasis", "voice", "b"), st.sampled_from([[], [("name", "x")]])))
def test_manners_change_no_text(document):
    spans = parse_ssml(f"<speak>{document}</speak>")
    bare = re.sub(r"<[^>]*>", "", document)
    assert "".join(span.text for span in spans) == "".join(texts(f"<speak>{bare}</speak>"))
