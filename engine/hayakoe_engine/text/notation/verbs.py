"""Verbs and adjectives whose reading depends on the words around them."""

from __future__ import annotations

import re
from typing import Final

from hayakoe_engine.text.notation.context import word
from hayakoe_engine.text.notation.rule import Rule

__all__ = ["VERB_RULES"]

# What stands open and is not opened: あく, not ひらく.
_OPENS: Final = (
    "ドア|扉|窓|戸|鍵|カギ|かぎ|ロック|カーテン|ブラインド|シャッター|玄関|門|ゲート"
    "|ガレージ|車庫|勝手口|蓋|フタ|ふた"
    "|冷蔵庫|冷凍庫|引き出し|棚|箱|ポスト|トランク|サッシ|網戸|雨戸|蛇口|バルブ|弁|栓"
    "|店|口|穴|入口|出口|部屋"
)
_OPENED: Final = re.compile(rf"(?:{_OPENS})[^、。をに]{{0,12}}\Z")
# What opens like a flower, also said with が.
_UNFOLDS: Final = re.compile(
    r"(?:花|つぼみ|蕾|傘|差|距離|間隔|会議?|大会|画面|ページ|ファイル|アプリ|メニュー"
    r"|ウィンドウ|アルバム|本|心|を)"
    r"[^、。]{0,8}\Z"
)
_SUBJECT: Final = re.compile(r"[がもは、。][^をがに]{0,8}\Z|\A\Z")


def _open(match: re.Match[str]) -> str | None:
    before = match.string[max(0, match.start() - 20) : match.start()]
    if _UNFOLDS.search(before):
        return None
    stands_open = match[0] in {"開いて", "開いた"} and _SUBJECT.search(before)
    if not _OPENED.search(before) and not stands_open:
        return None
    return "あ" + match[0][1:]


_FOOD: Final = (
    "カレー|料理|ラーメン|スープ|キムチ|鍋|ソース|スパイス|唐辛子|わさび|ワサビ|からし|マスタード"
    "|麻婆|担々|タンタン|坦々|(?<![意興趣地正])味(?!方)|食べ物|食べた|お菓子|スナック"
    "|麺|甘口|甘い|激辛"
    "|胡椒|こしょう|ハバネロ|タバスコ|チゲ|トッポギ|四川|韓国|エスニック|レシピ"
    "|メニュー|調味|大根|ピリ"
    "|餃子|チキン|唐揚げ|ソーセージ|チョリソー|明太子|サルサ|ご飯|お鍋|中辛"
)
_DUTY: Final = (
    "実験|調査|点検|会議|清掃|掃除|試験|検査|工事|訓練|更新|作業|測定|交換|手入れ"
    "|メンテナンス|イベント|練習|投票"
    "|選挙|面接|面談|打ち合わせ|打合せ|手術|診察|接種|テスト|バックアップ|再起動|確認"
    "|調整|採点|充電|研修|設定|式"
    "|消毒|換気|運転|計測|収集|配達|説明|発表|計算|操作|処理|活動|取材|撮影"
)
_HABITS: Final = (
    "(?:たばこ|タバコ|煙草|喫煙|お?酒|飲酒|仕事|習慣|会社|学校|夜更かし|夜ふかし"
    "|ギャンブル|パチンコ|間食|お菓子"
    "|無駄遣い|部活|バイト|アルバイト|いじめ|ダイエット|甘い物|甘いもの|貧乏ゆすり)(?:を|は|も)"
)

VERB_RULES: Final = (
    Rule.of("open", "開", "開(?:い[てた]|きます|きました|きません|く(?!と共)|か(?:な|ず))", _open),
    # hot, not hard to bear
    word(
        "辛",
        "から",
        pattern="(?<![塩甘])辛(?=(?:[いくかけ](?!ら)|すぎ))",
        around=_FOOD,
        never="気持|思い|辛い(?:こと|時|とき|経験|日|仕事|別れ|過去|立場)|別れ|人生|悲し|痛"
        "|毎日|生活|残業|疲れ|勉強|具合|体調|食欲|食べ(?:る|られ)",
    ),
    word(
        "辛",
        "から",
        pattern="辛(?=[いく](?:の|の?もの|物)[がはも](?:苦手|好|得意|大丈夫|平気|食|嫌|駄目|だめ))",
    ),
    word("辛さ", "カラサ", around=rf"{_FOOD}|辛さ[0-9]|辛さ(?:控え|調整|レベル|は[0-9普中])"),
    # give up, not halt
    word("止め", "やめ", before=_HABITS),
    word(
        "行",
        "おこな",
        pattern="行(?=っ[てた])",
        before=rf"(?:{_DUTY})を[^、。へに]{{0,10}}",
    ),
    word(
        "行",
        "おこな",
        pattern="行(?=っ[てた])",
        before=rf"(?:{_DUTY})[はも][^、。へ]{{0,8}}(?:[0-9一二三四五六七八九十何数][度回]|全員で"
        rf"|毎[日週月年]|定期的に|自動で)",
    ),
    word(
        "行",
        "おこな",
        pattern="行(?=っ[てた])",
        before=r"[一-鿿ァ-ヶー](?<![道先上前歩路橋街所中角])を",
        never="(?:道|通り|先|連れ|持っ)[^、。]{0,4}を行っ",
    ),
    # not full
    word(
        "空",
        "す",
        pattern="空(?=[いきくか])",
        before="(?:お腹|おなか|小腹|腹|[車社店館院場園]内|道|道路|電車|バス|列車"
        "|高速)[はがもの]?(?:ちょっと|少し|かなり|とても|比較的|すごく|だいぶ)?",
    ),
    # said ユー, whatever it is written
    word("言う", "ゆう", pattern="(?<![一-鿿])[言云]う"),
    word(
        "いう",
        "ゆう",
        pattern="いう(?!か[がた])",
        before="(?<!おと)(?:と|って)",
    ),
    # what falls, falls
    word(
        "降",
        "ふ",
        pattern="降(?=り|っ[たて]|る|ら)",
        before="(?:[雨雪霜雹灰露]|みぞれ|あられ|ひょう|にわか雨|火山灰|雷雨|大雨"
        "|大雪)[がはもの]?(?:[^、。をで]{0,6}(?:に|く|と|も))?",
    ),
    # through a place, not regularly to one
    word(
        "通",
        "とお",
        pattern="通(?=っ[てた])",
        before="を|(?:[人車者台本匹]|バス|電車|列車|風|血|電気|電流|光|筋|話|意見|法案|提案"
        "|主張)[はがも]"
        "|(?:審査|試験|予選|面接|選考|検査)[には]{1,2}",
    ),
    word(
        "通",
        "かよ",
        pattern="通(?=っ[てた])",
        before="(?:学校|大学|高校|中学|小学校|病院|医院|クリニック|塾|教室|ジム|会社|職場|店|園"
        "|施設|スクール|センター"
        "|[毎連]日|毎週|ずっと)(?:に|へ|まで)?",
    ),
    # on record
    word("録", "撮", pattern="録(?=[っらりるれろ])"),
    # hard to bear
    word(
        "辛",
        "つら",
        pattern="(?<![塩甘世知])辛(?=[いくかけ](?!ら))",
        around="泣|涙|悲|気持|思い|別れ|人生|生活|残業|症状|腰|膝|肩|花粉|鼻|咳|孤独|寂し|失恋"
        "|治療|通院|苦し",
        never=_FOOD,
    ),
    word(
        "空",
        "あ",
        pattern="空(?=[いきくかけ])",
        before="(?:席|手|間|体|時間|予定|部屋|ベッド|枠|駐車場|スケジュール|行間"
        "|間隔)[がもはの](?:ちょっと|少し|まだ|一つ|[0-9]つ)?",
    ),
    word("一目", "ヒトメ", after="[でぼ惚見]|見"),
    word(
        "降り",
        "ふり",
        pattern="降り(?=始|はじめ|やま|止|しき|続|つづ|積|つも|注|そそ|出[しす])",
        never="(?:電車|バス|車|駅|山|階段|坂|飛行機|船)[をから]",
    ),
)
