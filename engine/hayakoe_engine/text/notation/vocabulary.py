"""Words that the dictionary lacks or reads wrong, wherever they stand or nearly so."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Final

from hayakoe_engine.text.notation.context import word
from hayakoe_engine.text.notation.rule import Rule, always
from hayakoe_engine.text.notation.units import UNIT, spoken_unit
from hayakoe_engine.text.notation.words import PERSONS, PLACES, WORDS

__all__ = ["VOCABULARY_RULES"]

_KANJI: Final = "一-鿿々"
_SOME: Final = {"数": "スー", "何": "ナン"}


def _some(match: re.Match[str]) -> str | None:
    """Read 数 and 何 before a unit."""
    unit = re.compile(f" ?({UNIT})").match(match.string, match.end())
    return _SOME[match[0]] if unit and spoken_unit(unit[1]) else None


def _listed(written: str) -> str:
    """A pattern for a word of the table, without its first character."""
    if len(written) > 2 and "~" not in written:
        return written[1:] + ("(?!場)" if written.endswith("市") else "")
    left = "" if written.startswith("~") else f"(?<![{_KANJI}].)"
    right = "" if written.endswith("~") else f"(?![{_KANJI}])"
    return left + written.strip("~")[1:] + right


def _table(name: str, words: dict[str, str]) -> Rule:
    """One rule for many words; those that begin alike are sought together."""
    beginnings: defaultdict[str, list[str]] = defaultdict(list)
    for written in sorted(words, key=len, reverse=True):
        beginnings[written.strip("~")[0]].append(_listed(written))
    spoken = {written.strip("~"): kana for written, kana in words.items()}
    pattern = "|".join(f"{char}(?:{'|'.join(rest)})" for char, rest in beginnings.items())
    return Rule.of(name, "".join(beginnings), pattern, lambda match: spoken[match[0]])


VOCABULARY_RULES: Final = (
    word("月末", "ゲツマツ", pattern="(?<![0-9一二三四五六七八九十何先今来毎翌同前ヶか])月末"),
    word("西風", "ニシカゼ", pattern="(?<![一-鿿])西風"),
    word(
        "東風",
        "ヒガシカゼ",
        after="[がはのをにで、。]|\\Z",
        around="風速|[mメ]|強|天気|予報|吹く|吹い|吹き",
    ),
    word("年", "ネン", pattern="(?<![一-鿿0-9])年(?=に[0-9一二三四五六七八九十数何]{1,3}[度回日])"),
    word("晴れ", "ハレ", after="(?:のち|後|時々|一時)"),
    word(
        "何分", "ナンプン", after="(?![のと初昔急]|はじ|不慣|素人|[0-9一-鿿]{0,2}(?:よろ|宜)|にも)"
    ),
    _table("word", WORDS),
    _table("place", PLACES),
    _table("person", PERSONS),
    Rule.of("some", "数何", f"(?<![一-鿿])[数何](?= ?{UNIT})", _some),
    Rule.of("値", "値", "(?<=の)値(?=[はがをもにでと、。])", always("アタイ")),
    Rule.of("一日中", "中", "(?<=日中)(?=家|部屋|外)", always("、")),
    Rule.of("月の出", "月", "月の出(?=[はがの、。時]|\\Z)", always("ツキノデ")),
    word(
        "年",
        "ネン",
        pattern="(?<![一-鿿0-9])年(?=[0-9]{1,3}(?:\\.[0-9]+)?(?:[%割回度分兆億万円]|パーセント))",
    ),
    word(
        "引き",
        "ビキ",
        before="[0-9一二三四五六七八九半](?:%|割|円|分|ドル)|半額",
        after="(?![ずくまっ出上下落締抜続受起かけこさ])",
    ),
    # one of several offices before their present holder
    word(
        "前",
        "ゼン",
        pattern=f"(?<![{_KANJI}0-9時分])前",
        after="(?:[市町村区都]長|知事|監督|[部課局所次室店]長|理事|役員|議員|大臣|法相|外相"
        "|[都道府県]知事"
        "|[一-鿿]{2,4}(?:相|大臣|長官|知事|市長))",
    ),
    word(
        "相",
        "ショー",
        before="法務|外務|財務|総務|経産|農水|国交|厚労|文科|防衛|環境|担当|再生|デジタル|経済",
        after="(?![談手互当違場性続棒関応])",
    ),
    # doors and slots
    word(
        "口",
        "グチ",
        before="搭乗|降車|乗車|通用|投入|差し?込み?|挿入|受付|取り?出し|充電|点検|発券|精算|注ぎ"
        "|入出",
        after=f"(?![{_KANJI}])",
    ),
    word(
        "筋",
        "キン",
        before="[二三四]頭|表情|広背|直|斜|僧帽|平目|三角|臀|括約|平滑|骨格|深層|ヒラメ|起立",
    ),
    word("直筋", "チョッキン", before="腹"),
    word("代わり", "ガワリ", before=f"[{_KANJI}ァ-ヶー](?<![入立移])", after="[のにとでだ、。]"),
    word(
        "好き",
        "ズキ",
        before="酒|本|車|猫|犬|歌|遊び|仕事|旅行?|料理|映画|音楽|動物|子供|子ども|鉄道|歴史|釣り"
        "|きれい"
        "|綺麗|新し物|話|世話|女|男|甘い物|甘いもの",
        after="(?:な(?!の)|の(?!は)|に|で|が|、|。|だ|も)",
    ),
    # beef
    word(
        "牛",
        "ギュー",
        pattern=f"(?<![{_KANJI}])牛(?=ばら|バラ|もも|モモ|肩|ひき|挽|切り落|ヒレ|ロース|カルビ"
        f"|サーロイン"
        "|赤身|すね|スネ|脂|筋|すじ|スジ|こま|細切|かつ|カツ|めし|飯|皿|鍋|しゃぶ|だし"
        "|革|テール|ミンチ|ステーキ)",
    ),
    word("牛", "ギュー", before="[産用種交]", after=f"(?![{_KANJI}])"),
    word(
        "御",
        "お",
        pattern="御(?=世話|客|守り|出掛|手洗|父|母|姉|兄|釣|負け|任せ|結び|子様|化け|下がり|得意"
        "|手伝|願|知らせ"
        "|茶(?!ノ)|菓子|手紙|金|店|酒|宅|名前|休み|疲れ|届|気軽|待ち|支払|問い合|間違"
        "|陰|蔭|互い|伝え|話|正月|弁当|風呂|部屋"
        "|土産|湯|皿|箸|札|米|肉|魚|野菜|買い|仕事|節介|揃|昼|寿司|祭|時間|手数|返事)",
    ),
    word("金星", "キンセー", never="横綱|大関|前頭|関脇|平幕|力士|白星|獲得|場所"),
    word("年", "ネン", pattern="(?<![一-鿿々0-9])年(?=平均|に(?:数|一|二|三|何)[回度百千万十円])"),
    word("何分", "ナニブン", after="(?:初めて|はじめて|不慣れ|急な|昔|古い|若|素人|よろ|宜)"),
    # from the nearest station of the same letters on
    word("三宮", "サンノミヤ", after="行|駅|方面|発"),
    word("回表", "カイオモテ", before="[0-9一二三四五六七八九十]"),
    word("水", "みず", after="か(?:お湯|ぬるま|白湯|牛乳|お茶|[ァ-ヶ])|と(?:油|塩|砂糖|緑)"),
    Rule.of("metres", "m", "(?<=[0-9])m(?=[0-9]{2}(?![0-9/]))", always("メートル")),
    # compounds whose second part is voiced
    word(
        "切れ",
        "ギレ",
        before="充電|電池|時間|期限|在庫|燃料|資金|ガス|インク|バッテリー|期間|契約|保証|電球"
        "|賞味期限",
        after="(?![ずてたるまなや])",
    ),
    word(
        "越し",
        "ゴシ",
        before="壁|窓|肩|頭|ガラス|カーテン|年|電話|画面|扉|ドア|フェンス|柵|塀|カメラ|服|布"
        "|マスク",
    ),
    word("三つ", "ミッツ", pattern="(?<![0-9一-鿿])三つ(?=目[のをがはで、。])"),
    word("四つ", "ヨッツ", pattern="(?<![0-9一-鿿])四つ(?=目[のをがはで、。])"),
    word("甲斐", "カイ", before="[ただるの]", after="[がはもあな]"),
    word("一見", "イッケン", after="に[如し]か"),
    word("水", "みず", pattern="(?<=[ぁ-ん])水(?=[をがはも])"),
)
