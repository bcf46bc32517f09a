"""What the benchmarks have spoken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT: Final = "リビングの照明とエアコンを今消しました。"
"""20 characters."""

ONE_SENTENCE: Final = (
    "リビングの照明とエアコンを今消しましたが、寝室の窓がまだ開いたままになっていて、"
    "天気予報によると今夜遅くから雨が強く降りはじめ、明日の朝にかけて風も強まるということなので、"
    "お休みになる前に窓を閉めて鍵をかけ、ベランダに干してある洗濯物を取り込んだうえで、"
    "玄関の鍵と台所の火の元をもう一度確かめ、目覚まし時計をいつもより三十分早く合わせておくと、"
    "明日の朝は電車が遅れても慌てずに家を出られると思います。"
)
"""200 characters that begin like `SHORT`, without a full stop before the end."""

SENTENCES: Final = (
    "リビングの照明とエアコンを今消しました。寝室の窓がまだ開いたままになっています。"
    "今夜は遅くから雨が強く降りはじめ、明日の朝にかけて風も強まる見込みです。現在の室温は二十二度です。"
    "お休みになる前に、ベランダに干してある洗濯物を取り込んでください。"
    "明日の予定は、午前に歯医者の予約、午後に学校の保護者会、夕方に荷物の受け取りがあります。"
    "目覚ましは、いつもより三十分早い六時に合わせました。おやすみなさい。"
)
"""200 characters in eight sentences; begins with `SHORT`."""

LONG: Final = SENTENCES * 25
"""5000 characters."""

FIRST: Final = "こんにちは、いい天気ですね。"
"""What a fresh engine says first."""

TWO_SECONDS: Final = "お風呂が沸きました。"
"""Of the neural voice, as the following ones."""

EIGHT_SECONDS: Final = "天気予報によると、今夜は雨が降り、明日の朝には風が強まるそうです。"

FORTY_SECONDS: Final = (
    "洗濯が終わりましたので、乾燥機に移すか、庭の物干しに干してください。"
    "冷蔵庫の牛乳が残り少なくなっていますから、買い物の時に忘れずに買ってきてください。"
    "午後の会議は予定より少し遅れて始まるので、資料をもう一度読んでおくといいと思います。"
    "夕食の支度は、野菜を切って鍋に入れるところまで済んでいます。"
)
"""Four sentences."""

AT_ONCE: Final = (
    "寝室の窓が開いたままなので、お休みになる前に閉めて、鍵をかけてください。",
    "台所の火の元を確かめてから、玄関の明かりを消して、ゆっくり休んでください。",
    "荷物は夕方に届きますので、それまでに印鑑を用意して、家で待っていてください。",
)
"""What clients have spoken at the same moment; 8 seconds each."""

PLAIN: Final = (
    "はい。",
    "電気を消しますか？",
    "ありがとう、とても助かりました！",
    "お風呂が沸きました。",
    "おはようございます。",
    "庭に花が咲きました。",
    "窓を開けてください。",
    "友達に手紙を書きました。",
    "ここは静かです。",
    "コーヒーを飲みますか？",
    "電話が鳴っています。",
    "テレビの音が大きいです。",
    "鍵を忘れないでくださいね。",
    "山の上から海が見えます。",
    "カレーを作りました、食べますか？",
    "ゆっくり休んでください。",
)
"""Sentences without anything that needs to be interpreted."""

_MIXED: Final = (
    "はい。",
    "わかりました。",
    "お風呂が沸きました。",
    SHORT,
    "玄関のドアが開いています。鍵をかけてください。",
    "室温は23.5度、湿度は48%です。",
    "洗濯が終わるまで、あと12分です。終わったらお知らせします。",
    "今日の天気は晴れのち曇り、最高気温は28度、降水確率は20%です。傘は要らないでしょう。",
    "Hello, タイマーを5分にセットしました！",
    "燃えるごみの日です。",
    "タイマーが終わりました。",
    ONE_SENTENCE,
)


def mixed() -> Iterator[str]:
    """Texts of 3 to 200 characters and a number, without end; no two are the same."""
    number = 0
    while True:
        for text in _MIXED:
            number += 1
            yield f"{text}{number}番。"
