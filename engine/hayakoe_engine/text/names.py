"""Names of persons and places in Latin letters, and how they sound in Japanese.

Only those that neither Open JTalk's dictionary nor the rules of spelling read as people do.
"""

from __future__ import annotations

from typing import Final

__all__ = ["NAMES"]

# Entries are "words=katakana"; where a name has several words, they are joined by ``_``.
_PERSONS: Final = (
    " joseph=ジョセフ daniel=ダニエル matthew=マシュー brian=ブライアン jason=ジェイソン"
    " ryan=ライアン jacob=ジェイコブ gary=ゲイリー nicholas=ニコラス stephen=スティーブン"
    " alexander=アレクサンダー raymond=レイモンド jose=ホセ nathan=ネイサン douglas=ダグラス"
    " zachary=ザカリー ethan=イーサン walter=ウォルター noah=ノア keith=キース roger=ロジャー"
    " gerald=ジェラルド harold=ハロルド sean=ショーン jesse=ジェシー bryan=ブライアン"
    " gabriel=ガブリエル logan=ローガン juan=フアン wayne=ウェイン russell=ラッセル"
    " elijah=イライジャ louis=ルイス patricia=パトリシア lisa=リサ donna=ドナ michelle=ミシェル"
    " carol=キャロル melissa=メリッサ rebecca=レベッカ amy=エイミー kathleen=キャスリーン"
    " angela=アンジェラ anna=アンナ pamela=パメラ katherine=キャサリン rachel=レイチェル"
    " carolyn=キャロリン catherine=キャサリン diane=ダイアン julie=ジュリー ruth=ルース"
    " joan=ジョーン evelyn=エブリン judith=ジュディス andrea=アンドレア hannah=ハンナ"
    " megan=メーガン cheryl=シェリル jacqueline=ジャクリーン madison=マディソン janice=ジャニス"
    " kathryn=キャスリン frances=フランシス alice=アリス judy=ジュディ denise=デニース"
    " danielle=ダニエル theresa=テレサ diana=ダイアナ kayla=ケイラ alexis=アレクシス lori=ローリ"
    " Ed=エド dave=デイブ oliver=オリバー lucas=ルーカス ava=エイバ chloe=クロエ zoe=ゾーイ"
    " kate=ケイト bruno=ブルーノ adele=アデル beyonce=ビヨンセ rihanna=リアーナ drake=ドレイク"
    " oasis=オアシス nirvana=ニルヴァーナ metallica=メタリカ bowie=ボウイ"
    " mccartney=マッカートニー garcia=ガルシア davis=デイビス rodriguez=ロドリゲス"
    " martin=マーティン thompson=トンプソン young=ヤング campbell=キャンベル stewart=スチュワート"
    " peterson=ピーターソン bailey=ベイリー howard=ハワード cox=コックス hughes=ヒューズ"
    " myers=マイヤーズ sheeran=シーラン swift=スウィフト edison=エジソン kennedy=ケネディ"
    " biden=バイデン bush=ブッシュ reagan=レーガン shakespeare=シェイクスピア"
    " hemingway=ヘミングウェイ mozart=モーツァルト beethoven=ベートーヴェン bach=バッハ"
    " chopin=ショパン picasso=ピカソ gogh=ゴッホ gates=ゲイツ altman=アルトマン holmes=ホームズ"
    " tarantino=タランティーノ spielberg=スピルバーグ kubrick=キューブリック nolan=ノーラン"
    " dicaprio=ディカプリオ cruise=クルーズ hepburn=ヘプバーン gaga=ガガ grande=グランデ"
    " eilish=アイリッシュ cobain=コバーン mercury=マーキュリー armstrong=アームストロング"
    " coltrane=コルトレーン miles=マイルス nina=ニーナ simone=シモン"
    " fitzgerald=フィッツジェラルド marie=マリー pierre=ピエール francois=フランソワ hans=ハンス"
    " pablo=パブロ carlos=カルロス luis=ルイス miguel=ミゲル lionel=リオネル messi=メッシ"
    " ronaldo=ロナウド neymar=ネイマール mbappe=エムバペ federer=フェデラー nadal=ナダル"
    " djokovic=ジョコビッチ leonardo=レオナルド vinci=ヴィンチ galileo=ガリレオ"
    " tchaikovsky=チャイコフスキー debussy=ドビュッシー schubert=シューベルト"
    " vivaldi=ヴィヴァルディ brahms=ブラームス wagner=ワーグナー verdi=ヴェルディ"
    " einstein=アインシュタイン tesla=テスラ curie=キュリー pasteur=パスツール freud=フロイト"
    " nietzsche=ニーチェ kant=カント descartes=デカルト plato=プラトン socrates=ソクラテス"
    " aristotle=アリストテレス napoleon=ナポレオン caesar=シーザー cleopatra=クレオパトラ"
    " gandhi=ガンジー mandela=マンデラ putin=プーチン zelensky=ゼレンスキー macron=マクロン"
    " merkel=メルケル thatcher=サッチャー elton=エルトン bieber=ビーバー avicii=アヴィーチー"
    " abba=アバ zeppelin=ツェッペリン eagles=イーグルス aerosmith=エアロスミス"
    " radiohead=レディオヘッド muse=ミューズ carpenters=カーペンターズ dua_lipa=デュアリパ"
    " maroon=マルーン imagine_dragons=イマジンドラゴンズ bts=ビーティーエス twice=トゥワイス"
    " blackpink=ブラックピンク yoasobi=ヨアソビ ado=アド davidson=デビッドソン"
    " richardson=リチャードソン robertson=ロバートソン stevenson=スティーブンソン"
    " da_vinci=ダヴィンチ van_gogh=ヴァンゴッホ"
)

_PLACES: Final = (
    " rome=ローマ madrid=マドリード barcelona=バルセロナ vienna=ウィーン prague=プラハ"
    " budapest=ブダペスト warsaw=ワルシャワ moscow=モスクワ stockholm=ストックホルム"
    " copenhagen=コペンハーゲン amsterdam=アムステルダム brussels=ブリュッセル geneva=ジュネーブ"
    " zurich=チューリッヒ milan=ミラノ venice=ベネチア florence=フィレンツェ naples=ナポリ"
    " athens=アテネ istanbul=イスタンブール cairo=カイロ dubai=ドバイ mumbai=ムンバイ"
    " delhi=デリー bangkok=バンコク singapore=シンガポール jakarta=ジャカルタ seoul=ソウル"
    " busan=プサン beijing=ペキン shanghai=シャンハイ hong_kong=ホンコン taipei=タイペイ"
    " melbourne=メルボルン brisbane=ブリスベン honolulu=ホノルル hawaii=ハワイ"
    " los_angeles=ロサンゼルス seattle=シアトル miami=マイアミ orlando=オーランド"
    " vancouver=バンクーバー montreal=モントリオール mexico=メキシコ sao_paulo=サンパウロ"
    " buenos_aires=ブエノスアイレス texas=テキサス brooklyn=ブルックリン hollywood=ハリウッド"
    " silicon_valley=シリコンバレー edinburgh=エディンバラ munich=ミュンヘン"
    " frankfurt=フランクフルト hamburg=ハンブルク lyon=リヨン marseille=マルセイユ germany=ドイツ"
    " italy=イタリア spain=スペイン portugal=ポルトガル greece=ギリシャ turkey=トルコ"
    " russia=ロシア argentina=アルゼンチン kenya=ケニア ireland=アイルランド"
    " scotland=スコットランド switzerland=スイス norway=ノルウェー poland=ポーランド"
    " ukraine=ウクライナ saudi_arabia=サウジアラビア iraq=イラク thailand=タイ vietnam=ベトナム"
    " indonesia=インドネシア malaysia=マレーシア philippines=フィリピン taiwan=タイワン"
    " mongolia=モンゴル africa=アフリカ america=アメリカ england=イングランド belgium=ベルギー"
    " netherlands=オランダ austria=オーストリア hungary=ハンガリー zealand=ジーランド"
    " cuba=キューバ peru=ペルー chile=チリ colombia=コロンビア morocco=モロッコ guam=グアム"
    " bali=バリ macau=マカオ pyongyang=ピョンヤン kyiv=キーウ nairobi=ナイロビ sendai=センダイ"
    " kobe=コーベ hokkaido=ホッカイドー kyushu=キューシュー ginza=ギンザ tanabe=タナベ"
    " watanabe=ワタナベ abe=アベ inoue=イノウエ takabe=タカベ shinkansen=シンカンセン"
    " narita=ナリタ haneda=ハネダ fuji=フジ kanto=カントー kansai=カンサイ shikoku=シコク"
    " tohoku=トーホク ueno=ウエノ ebisu=エビス namba=ナンバ umeda=ウメダ"
)

NAMES: Final[dict[str, str]] = {
    words.replace("_", " "): kana
    for words, kana in (entry.split("=") for entry in f"{_PERSONS} {_PLACES}".split())
}
