"""Names and everyday words in Latin letters, and how they sound in Japanese; rules for others.

A table of the project's own: products and services of the home, information technology, weather,
energy, security, and the words of short English sentences. Then what endings, letters and
spellings make of the words that are not in it.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "BEGINNINGS",
    "CONTRACTED",
    "DOMAINS",
    "ENDINGS",
    "GLIDES",
    "LETTERS",
    "PREFIXES",
    "READINGS",
    "SILENT_E",
    "SPELLING",
    "SYLLABLES",
    "TITLES",
    "UNITS",
]

# Entries are "words=katakana", separated by commas. Where a name has a space, people also write a
# hyphen, a capital or nothing. An entry in capitals is for capitals only.
_ENTRIES: Final = (
    # fmt: off
    # Smart homes and their makers.
    "home assistant=ホームアシスタント,nabu casa=ナブカーサ,hacs=ハックス,hass=ハス,"
    "hassio=ハスアイオー,haos=エイチエーオーエス,esp home=イーエスピーホーム,node red=ノードレッド,"
    "app daemon=アップデーモン,open hab=オープンハブ,home kit=ホームキット,home pod=ホームポッド,"
    "home seer=ホームシーア,hubitat=ハビタット,homey=ホーミー,domoticz=ドモティクス,"
    "tasmota=タスモタ,mosquitto=モスキート,zigbee=ジグビー,"
    "zigbee2mqtt=ジグビーツーエムキューティーティー,z wave=ゼットウェーブ,matter=マター,"
    "thread=スレッド,enocean=エノーシャン,lora=ローラ,wi sun=ワイサン,echonet=エコーネット,"
    "hems=ヘムス,bluetooth=ブルートゥース,wi fi=ワイファイ,mesh=メッシュ,rfid=アールエフアイディー,"
    "switch bot=スイッチボット,nature=ネイチャー,nature remo=ネイチャーリモ,remo=リモ,aqara=アカラ,"
    "tuya=トゥヤ,smart things=スマートシングス,tp link=ティーピーリンク,tapo=タポ,kasa=カサ,"
    "deco=デコ,archer=アーチャー,meross=メロス,shelly=シェリー,sonoff=ソノフ,"
    "ewelink=イーウィーリンク,govee=ゴービー,yeelight=イーライト,lifx=ライフエックス,"
    "nanoleaf=ナノリーフ,hue=ヒュー,philips=フィリップス,signify=シグニファイ,wiz=ウィズ,"
    "ikea=イケア,tradfri=トロードフリ,dirigera=ディリゲラ,ecobee=エコビー,nest=ネスト,ring=リング,"
    "arlo=アーロ,wyze=ワイズ,eufy=ユーフィ,anker=アンカー,reolink=リオリンク,frigate=フリゲート,"
    "eve=イブ,netatmo=ネタトモ,tado=タド,somfy=ソムフィ,sensibo=センシボ,broadlink=ブロードリンク,"
    "logitech=ロジテック,logi=ロジ,harmony=ハーモニー,qrio=キュリオ,sesame=セサミ,akerun=アケルン,"
    "yale=エール,lutron=ルートロン,legrand=ルグラン,schlage=シュラーゲ,roborock=ロボロック,"
    "roomba=ルンバ,irobot=アイロボット,ecovacs=エコバックス,deebot=ディーボット,dreame=ドリーミー,"
    "braava=ブラーバ,dyson=ダイソン,balmuda=バルミューダ,iris ohyama=アイリスオーヤマ,"
    "yamazen=ヤマゼン,elecom=エレコム,buffalo=バッファロー,netgear=ネットギア,ubiquiti=ユビキティ,"
    "uni fi=ユニファイ,mikrotik=ミクロティック,synology=シノロジー,qnap=キューナップ,"
    "linksys=リンクシス,aterm=エーターム,raspberry pi=ラズベリーパイ,raspberry=ラズベリー,"
    "arduino=アルドゥイーノ,m5stack=エムファイブスタック,seeed=シード,espressif=エスプレッシフ,"
    "adafruit=エイダフルーツ,jetson=ジェットソン,coral=コーラル,conbee=コンビー,"
    "sky connect=スカイコネクト,ble=ビーエルイー,remootio=リモーティオ,fibaro=フィバロ,"
    "switch=スイッチ,omron=オムロン,victron=ビクトロン,enphase=エンフェーズ,eco flow=エコフロー,"
    "jackery=ジャクリ,bluetti=ブルーティ,power wall=パワーウォール,tesla=テスラ,"
    "withings=ウィジングズ,fitbit=フィットビット,garmin=ガーミン,oura=オーラ,tile=タイル,"
    "air tag=エアタグ,"
    # Voices and AI.
    "alexa=アレクサ,siri=シリ,cortana=コルタナ,bixby=ビクスビー,clova=クローバ,echo=エコー,"
    "chat gpt=チャットジーピーティー,gpt=ジーピーティー,open ai=オープンエーアイ,gemini=ジェミニ,"
    "claude=クロード,anthropic=アンソロピック,copilot=コパイロット,deep seek=ディープシーク,"
    "deep mind=ディープマインド,llama=ラマ,ollama=オラマ,mistral=ミストラル,"
    "perplexity=パープレキシティ,grok=グロック,qwen=クウェン,gemma=ジェンマ,sonnet=ソネット,"
    "opus=オーパス,haiku=ハイク,hugging face=ハギングフェイス,lm studio=エルエムスタジオ,"
    "nvidia=エヌビディア,tts=ティーティーエス,whisper=ウィスパー,piper=パイパー,"
    "wyoming=ワイオミング,hayakoe=ハヤコエ,voicevox=ボイスボックス,open jtalk=オープンジェートーク,"
    "vosk=ボスク,porcupine=ポーキュパイン,rhasspy=ラスピー,midjourney=ミッドジャーニー,sora=ソラ,"
    "stable diffusion=ステーブルディフュージョン,cursor=カーソル,"
    # Companies, products, services.
    "google=グーグル,apple=アップル,amazon=アマゾン,microsoft=マイクロソフト,meta=メタ,"
    "facebook=フェイスブック,instagram=インスタグラム,messenger=メッセンジャー,"
    "whats app=ワッツアップ,telegram=テレグラム,signal=シグナル,discord=ディスコード,"
    "slack=スラック,twitter=ツイッター,tik tok=ティックトック,line=ライン,"
    "line works=ラインワークス,zoom=ズーム,teams=チームズ,skype=スカイプ,gmail=ジーメール,"
    "outlook=アウトルック,chrome=クローム,chromecast=クロームキャスト,firefox=ファイアフォックス,"
    "edge=エッジ,office=オフィス,word=ワード,excel=エクセル,power point=パワーポイント,"
    "one drive=ワンドライブ,one note=ワンノート,drop box=ドロップボックス,app store=アップストア,"
    "i cloud=アイクラウド,face time=フェイスタイム,face id=フェイスアイディー,"
    "touch id=タッチアイディー,notion=ノーション,todoist=トゥドゥイスト,trello=トレロ,"
    "github=ギットハブ,gitlab=ギットラボ,windows=ウィンドウズ,mac=マック,mac book=マックブック,"
    "mac mini=マックミニ,mac os=マックオーエス,i mac=アイマック,i phone=アイフォーン,"
    "i pad=アイパッド,i pod=アイポッド,i os=アイオーエス,ipad os=アイパッドオーエス,"
    "watch os=ウォッチオーエス,apple watch=アップルウォッチ,apple tv=アップルティービー,"
    "apple tv+=アップルティービープラス,air pods=エアポッズ,air play=エアプレイ,"
    "air drop=エアドロップ,car play=カープレイ,android=アンドロイド,"
    "android tv=アンドロイドティービー,pixel=ピクセル,galaxy=ギャラクシー,xperia=エクスペリア,"
    "aquos=アクオス,xiaomi=シャオミ,redmi=レドミ,huawei=ファーウェイ,oppo=オッポ,lenovo=レノボ,"
    "asus=エイスース,acer=エイサー,dell=デル,intel=インテル,qualcomm=クアルコム,samsung=サムスン,"
    "lg=エルジー,tcl=ティーシーエル,hisense=ハイセンス,haier=ハイアール,panasonic=パナソニック,"
    "sony=ソニー,sharp=シャープ,toshiba=トウシバ,hitachi=ヒタチ,mitsubishi=ミツビシ,"
    "fujitsu=フジツウ,daikin=ダイキン,noritz=ノーリツ,rinnai=リンナイ,toto=トートー,lixil=リクシル,"
    "ykk=ワイケーケー,nec=エヌイーシー,ntt=エヌティーティー,docomo=ドコモ,softbank=ソフトバンク,"
    "rakuten=ラクテン,uq mobile=ユーキューモバイル,kddi=ケーディーディーアイ,yahoo=ヤフー,"
    "mercari=メルカリ,cookpad=クックパッド,pay pay=ペイペイ,suica=スイカ,nanaco=ナナコ,waon=ワオン,"
    "edy=エディ,felica=フェリカ,visa=ビザ,mastercard=マスターカード,jcb=ジェーシービー,"
    "paypal=ペイパル,uber=ウーバー,airbnb=エアビーアンドビー,starbucks=スターバックス,"
    "mcdonald's=マクドナルド,mcdonalds=マクドナルド,costco=コストコ,uniqlo=ユニクロ,muji=ムジ,"
    "nitori=ニトリ,daiso=ダイソー,seven eleven=セブンイレブン,lawson=ローソン,"
    "family mart=ファミリーマート,aeon=イオン,toyota=トヨタ,honda=ホンダ,nissan=ニッサン,"
    "mazda=マツダ,subaru=スバル,suzuki=スズキ,yamaha=ヤマハ,lexus=レクサス,prius=プリウス,"
    "leaf=リーフ,bmw=ビーエムダブリュー,audi=アウディ,volkswagen=フォルクスワーゲン,volvo=ボルボ,"
    "byd=ビーワイディー,bosch=ボッシュ,siemens=シーメンス,braun=ブラウン,delonghi=デロンギ,"
    "nespresso=ネスプレッソ,tefal=ティファール,zojirushi=ゾウジルシ,sonos=ソノス,bose=ボーズ,"
    "denon=デノン,marantz=マランツ,onkyo=オンキヨー,epson=エプソン,canon=キャノン,nikon=ニコン,"
    "brother=ブラザー,netflix=ネットフリックス,hulu=フールー,disney=ディズニー,"
    "disney+=ディズニープラス,youtube=ユーチューブ,spotify=スポティファイ,"
    "amazon prime video=アマゾンプライムビデオ,fire tv=ファイアーティービー,kindle=キンドル,"
    "audible=オーディブル,abema=アベマ,tver=ティーバー,dazn=ダゾーン,u next=ユーネクスト,"
    "niconico=ニコニコ,radiko=ラジコ,pandora=パンドラ,deezer=ディーザー,tidal=タイダル,"
    "tunein=チューンイン,twitch=ツイッチ,plex=プレックス,jellyfin=ジェリーフィン,emby=エンビー,"
    "kodi=コディ,roku=ロク,nintendo=ニンテンドー,play station=プレイステーション,"
    "xbox=エックスボックス,minecraft=マインクラフト,pokemon=ポケモン,mario=マリオ,zelda=ゼルダ,"
    "wikipedia=ウィキペディア,wordle=ワードル,hbo=エイチビーオー,cnn=シーエヌエヌ,bbc=ビービーシー,"
    "nhk=エヌエイチケー,tbs=ティービーエス,nasa=ナサ,jaxa=ジャクサ,jr=ジェーアール,JAL=ジャル,"
    "ANA=エーエヌエー,usj=ユーエスジェー,at&t=エーティーアンドティー,p&g=ピーアンドジー,"
    "h&m=エイチアンドエム,q&a=キューアンドエー,r&b=アールアンドビー,m&a=エムアンドエー,"
    "b&b=ビーアンドビー,r&d=アールアンドディー,vs code=ブイエスコード,"
    "visual studio=ビジュアルスタジオ,m&ms=エムアンドエムズ,m&m's=エムアンドエムズ,"
    "s&p=エスアンドピー,beatles=ビートルズ,ghibli=ジブリ,idol=アイドル,fuji=フジ,abc=エービーシー,"
    # Computers and networks.
    "linux=リナックス,ubuntu=ウブントゥ,debian=デビアン,docker=ドッカー,kubernetes=クバネティス,"
    "proxmox=プロックスモックス,portainer=ポーテイナー,grafana=グラファナ,"
    "influx db=インフラックスディービー,prometheus=プロメテウス,nginx=エンジンエックス,"
    "apache=アパッチ,cloudflare=クラウドフレア,tailscale=テイルスケール,wireguard=ワイヤーガード,"
    "duck dns=ダックディーエヌエス,pi hole=パイホール,adguard=アドガード,"
    "bitwarden=ビットウォーデン,nextcloud=ネクストクラウド,immich=イミッチ,python=パイソン,"
    "java script=ジャバスクリプト,type script=タイプスクリプト,node js=ノードジェーエス,"
    "rust=ラスト,ruby=ルビー,swift=スウィフト,kotlin=コトリン,c++=シープラスプラス,c#=シーシャープ,"
    "react=リアクト,yaml=ヤムル,json=ジェイソン,html=エイチティーエムエル,css=シーエスエス,"
    "sql=エスキューエル,sqlite=エスキューライト,mysql=マイエスキューエル,maria db=マリアディービー,"
    "postgres=ポストグレス,postgre sql=ポストグレスキューエル,http=エイチティーティーピー,"
    "https=エイチティーティーピーエス,ssl=エスエスエル,ftp=エフティーピー,url=ユーアールエル,"
    "gui=ジーユーアイ,lan=ラン,wan=ワン,vlan=ブイラン,vpn=ブイピーエヌ,dns=ディーエヌエス,"
    "dhcp=ディーエイチシーピー,poe=ピーオーイー,mac address=マックアドレス,ip=アイピー,nas=ナス,"
    "raid=レイド,iot=アイオーティー,pc=ピーシー,cpu=シーピーユー,gpu=ジーピーユー,ram=ラム,"
    "rom=ロム,ssd=エスエスディー,hdd=エイチディーディー,usb=ユーエスビー,usb c=ユーエスビーシー,"
    "type c=タイプシー,sd=エスディー,micro sd=マイクロエスディー,hdmi=エイチディーエムアイ,"
    "bios=バイオス,sim=シム,e sim=イーシム,gps=ジーピーエス,pdf=ピーディーエフ,jpeg=ジェーペグ,"
    "jpg=ジェーペグ,png=ピング,gif=ジフ,mp3=エムピースリー,mp4=エムピーフォー,zip=ジップ,"
    "ascii=アスキー,unicode=ユニコード,utf=ユーティーエフ,ui=ユーアイ,ux=ユーエックス,os=オーエス,"
    "ai=エーアイ,vr=ブイアール,it=イット,IT=アイティー,ict=アイシーティー,sns=エスエヌエス,"
    "pin=ピン,captcha=キャプチャ,root=ルート,wiki=ウィキ,blog=ブログ,web=ウェブ,"
    "website=ウェブサイト,internet=インターネット,ethernet=イーサネット,network=ネットワーク,"
    "modem=モデム,server=サーバー,client=クライアント,cloud=クラウド,software=ソフトウェア,"
    "hardware=ハードウェア,firmware=ファームウェア,driver=ドライバー,database=データベース,"
    "backup=バックアップ,reboot=リブート,reset=リセット,update=アップデート,upgrade=アップグレード,"
    "upload=アップロード,install=インストール,version=バージョン,beta=ベータ,release=リリース,"
    "add on=アドオン,plugin=プラグイン,integration=インテグレーション,automation=オートメーション,"
    "automate=オートメート,script=スクリプト,scene=シーン,blueprint=ブループリント,"
    "dashboard=ダッシュボード,entity=エンティティ,device=デバイス,area=エリア,zone=ゾーン,"
    "supervisor=スーパーバイザー,lovelace=ラブレース,assist=アシスト,pipeline=パイプライン,"
    "core=コア,template=テンプレート,trigger=トリガー,status=ステータス,attribute=アトリビュート,"
    "service=サービス,log=ログ,debug=デバッグ,error=エラー,warning=ワーニング,warn=ワーン,"
    "info=インフォ,timeout=タイムアウト,token=トークン,password=パスワード,user=ユーザー,"
    "login=ログイン,log in=ログイン,logout=ログアウト,e mail=イーメール,email=イーメール,"
    "file=ファイル,folder=フォルダー,data=データ,code=コード,cache=キャッシュ,memory=メモリー,"
    "display=ディスプレイ,monitor=モニター,keyboard=キーボード,mouse=マウス,tablet=タブレット,"
    "smartphone=スマートフォン,smart=スマート,app=アプリ,application=アプリケーション,bot=ボット,"
    "chat=チャット,link=リンク,ping=ピング,hub=ハブ,bridge=ブリッジ,gateway=ゲートウェイ,"
    "port=ポート,proxy=プロキシ,sync=シンク,async=エーシンク,config=コンフィグ,"
    "configuration=コンフィギュレーション,setup=セットアップ,set up=セットアップ,option=オプション,"
    "default=デフォルト,manual=マニュアル,auto=オート,automatic=オートマチック,ctrl=コントロール,"
    "esc=エスケープ,enter=エンター,shift=シフト,alt=オルト,tab=タブ,click=クリック,tap=タップ,"
    "scroll=スクロール,ifttt=イフト,zapier=ザピアー,onvif=オンビフ,jarvis=ジャービス,"
    "okay nabu=オーケーナブ,dolby=ドルビー,blue sky=ブルースカイ,mastodon=マストドン,"
    "linked in=リンクトイン,pinterest=ピンタレスト,reddit=レディット,canva=キャンバ,figma=フィグマ,"
    "adobe=アドビ,photoshop=フォトショップ,oracle=オラクル,azure=アジュール,cisco=シスコ,"
    "ryzen=ライゼン,ge force=ジーフォース,radeon=ラデオン,xeon=ジーオン,arm=アーム,"
    "snapdragon=スナップドラゴン,waze=ウェイズ,strava=ストラバ,duolingo=デュオリンゴ,"
    "l'oreal=ロレアル,pi=パイ,prime=プライム,panel=パネル,see you=シーユー,t shirt=ティーシャツ,"
    "resume=レジューム,nestle=ネスレ,player=プレーヤー,climate=クライメート,binary=バイナリー,"
    "image=イメージ,text=テキスト,speech=スピーチ,voice=ボイス,sound=サウンド,"
    "assistant=アシスタント,satellite=サテライト,storage=ストレージ,system=システム,"
    "process=プロセス,control=コントロール,controller=コントローラー,function=ファンクション,"
    "component=コンポーネント,custom=カスタム,theme=テーマ,icon=アイコン,menu=メニュー,"
    "search=サーチ,support=サポート,feedback=フィードバック,report=レポート,"
    "successfully=サクセスフリー,quality=クオリティ,dust=ダスト,filter=フィルター,fresh=フレッシュ,"
    "dry=ドライ,wet=ウェット,clean=クリーン,dinner=ディナー,breakfast=ブレックファスト,egg=エッグ,"
    "cake=ケーキ,beer=ビア,wine=ワイン,potato=ポテト,orange=オレンジ,red=レッド,blue=ブルー,"
    "grey=グレー,color=カラー,colour=カラー,silver=シルバー,oh=オー,ah=アー,wow=ワオ,bit=ビット,"
    "lot=ロット,really=リアリー,maybe=メイビー,sure=シュア,around=アラウンド,through=スルー,"
    "during=デュアリング,against=アゲンスト,far=ファー,once=ワンス,twice=トゥワイス,own=オウン,"
    "same=セイム,few=フュー,even=イーブン,ever=エバー,got=ゴット,came=ケイム,made=メイド,"
    "took=トゥック,said=セッド,feel=フィール,show=ショー,run=ラン,running=ランニング,walk=ウォーク,"
    "watch=ウォッチ,listen=リッスン,learn=ラーン,build=ビルド,add=アッド,remove=リムーブ,"
    "save=セーブ,load=ロード,receive=レシーブ,view=ビュー,request=リクエスト,response=レスポンス,"
    "expect=エクスペクト,remain=リメイン,outdoors=アウトドアーズ,important=インポータント,"
    "beautiful=ビューティフル,possible=ポッシブル,different=ディファレント,private=プライベート,"
    "local=ローカル,city=シティ,town=タウン,country=カントリー,bike=バイク,traffic=トラフィック,"
    "price=プライス,cost=コスト,business=ビジネス,market=マーケット,store=ストア,team=チーム,"
    "member=メンバー,group=グループ,baby=ベビー,boy=ボーイ,girl=ガール,father=ファザー,"
    "parent=ペアレント,student=スチューデント,teacher=ティーチャー,doctor=ドクター,body=ボディ,"
    "hand=ハンド,eye=アイ,blood=ブラッド,step=ステップ,weight=ウェイト,apps=アプリ,"
    "wi max=ワイマックス,air con=エアコン,"
    # The house and what is in it.
    "house=ハウス,home=ホーム,room=ルーム,living=リビング,kitchen=キッチン,bed=ベッド,"
    "bedroom=ベッドルーム,toilet=トイレ,laundry=ランドリー,garage=ガレージ,garden=ガーデン,"
    "terrace=テラス,hall=ホール,hallway=ホールウェイ,closet=クローゼット,floor=フロア,door=ドア,"
    "doorbell=ドアベル,window=ウィンドウ,gate=ゲート,curtain=カーテン,shutter=シャッター,"
    "cover=カバー,lock=ロック,key=キー,light=ライト,lamp=ランプ,bulb=バルブ,ceiling=シーリング,"
    "spotlight=スポットライト,led=エルイーディー,rgb=アールジービー,tv=ティービー,"
    "television=テレビジョン,radio=ラジオ,speaker=スピーカー,camera=カメラ,video=ビデオ,"
    "audio=オーディオ,microphone=マイクロフォン,remote=リモート,button=ボタン,dimmer=ディマー,"
    "plug=プラグ,outlet=アウトレット,socket=ソケット,cable=ケーブル,sensor=センサー,"
    "motion=モーション,presence=プレゼンス,occupancy=オキュパンシー,vibration=バイブレーション,"
    "leak=リーク,water=ウォーター,gas=ガス,fire=ファイア,thermostat=サーモスタット,heat=ヒート,"
    "cool=クール,boiler=ボイラー,air=エア,purifier=ピュリファイア,humidifier=ヒューミディファイア,"
    "dehumidifier=ディヒューミディファイア,fan=ファン,vacuum=バキューム,robot=ロボット,"
    "dryer=ドライヤー,dishwasher=ディッシュウォッシャー,refrigerator=リフリジレーター,"
    "freezer=フリーザー,oven=オーブン,microwave=マイクロウェーブ,coffee=コーヒー,"
    "toaster=トースター,timer=タイマー,alarm=アラーム,alert=アラート,siren=サイレン,clock=クロック,"
    "pump=ポンプ,valve=バルブ,sprinkler=スプリンクラー,mower=モーア,pet=ペット,"
    "mailbox=メールボックス,package=パッケージ,delivery=デリバリー,mode=モード,away=アウェイ,"
    "sleep=スリープ,eco=エコ,silent=サイレント,party=パーティー,movie=ムービー,theater=シアター,"
    "level=レベル,brightness=ブライトネス,volume=ボリューム,channel=チャンネル,mute=ミュート,"
    "play=プレイ,pause=ポーズ,stop=ストップ,start=スタート,music=ミュージック,pop=ポップ,"
    "news=ニュース,podcast=ポッドキャスト,"
    # Weather, energy, security, health.
    "weather=ウェザー,forecast=フォーキャスト,clear=クリア,cloudy=クラウディ,rain=レイン,"
    "lightning=ライトニング,wind=ウインド,windy=ウィンディ,fog=フォグ,humidity=ヒューミディティ,"
    "temperature=テンパラチャー,pressure=プレッシャー,celsius=セルシウス,"
    "fahrenheit=ファーレンハイト,typhoon=タイフーン,earthquake=アースクエイク,sun=サン,"
    "energy=エナジー,power=パワー,solar=ソーラー,battery=バッテリー,charge=チャージ,"
    "inverter=インバーター,voltage=ボルテージ,watt=ワット,kilowatt=キロワット,meter=メーター,"
    "usage=ユーセージ,consumption=コンサンプション,ev=イーブイ,ups=ユーピーエス,hvac=エイチバック,"
    "DC=ディーシー,uv=ユーブイ,voc=ブイオーシー,aqi=エーキューアイ,security=セキュリティ,"
    "secure=セキュア,armed=アームド,disarm=ディスアーム,danger=デンジャー,caution=コーション,"
    "guard=ガード,panic=パニック,person=パーソン,people=ピープル,detect=ディテクト,"
    "detection=ディテクション,sos=エスオーエス,covid=コビッド,dna=ディーエヌエー,bmi=ビーエムアイ,"
    "aed=エーイーディー,"
    # Common words.
    "a=ア,an=アン,the=ザ,I=アイ,i=アイ,he=ヒー,she=シー,we=ウィー,they=ゼイ,me=ミー,him=ヒム,"
    "her=ハー,us=アス,US=ユーエス,usa=ユーエスエー,uk=ユーケー,eu=イーユー,them=ゼム,his=ヒズ,"
    "its=イッツ,our=アワー,their=ゼア,yours=ユアーズ,that=ザット,these=ジーズ,those=ゾーズ,"
    "there=ゼア,WHO=ダブリューエイチオー,what=ワット,which=ウィッチ,where=ウェア,why=ワイ,how=ハウ,"
    "is=イズ,am=アム,AM=エーエム,PM=ピーエム,a.m.=エーエム,p.m.=ピーエム,are=アー,was=ワズ,"
    "were=ワー,been=ビーン,being=ビーイング,have=ハブ,has=ハズ,had=ハド,does=ダズ,did=ディド,"
    "done=ダン,will=ウィル,would=ウッド,could=クッド,shall=シャル,should=シュッド,may=メイ,"
    "must=マスト,not=ノット,no=ノー,yes=イエス,yeah=イェー,ok=オーケー,okay=オーケー,of=オブ,"
    "to=トゥ,off=オフ,at=アット,for=フォー,with=ウィズ,without=ウィズアウト,into=イントゥ,"
    "about=アバウト,before=ビフォー,between=ビトウィーン,up=アップ,down=ダウン,back=バック,"
    "and=アンド,or=オア,so=ソー,as=アズ,than=ザン,then=ゼン,because=ビコーズ,while=ホワイル,"
    "until=アンティル,too=トゥー,also=オルソー,most=モスト,less=レス,many=メニー,some=サム,"
    "any=エニー,everyone=エブリワン,everything=エブリシング,something=サムシング,"
    "nothing=ナッシング,other=アザー,another=アナザー,both=ボース,just=ジャスト,soon=スーン,"
    "later=レイター,again=アゲイン,always=オールウェイズ,still=スティル,already=オールレディー,"
    "today=トゥデイ,tomorrow=トゥモロー,tonight=トゥナイト,yesterday=イエスタデイ,"
    "afternoon=アフタヌーン,evening=イブニング,night=ナイト,day=デイ,month=マンス,hour=アワー,"
    "minute=ミニット,time=タイム,date=デイト,monday=マンデー,tuesday=チューズデー,"
    "wednesday=ウェンズデー,thursday=サーズデー,friday=フライデー,saturday=サタデー,"
    "january=ジャニュアリー,february=フェブラリー,april=エイプリル,july=ジュライ,"
    "november=ノーベンバー,december=ディセンバー,one=ワン,two=トゥー,six=シックス,seven=セブン,"
    "eight=エイト,ten=テン,hundred=ハンドレッド,thousand=サウザンド,first=ファースト,new=ニュー,"
    "good=グッド,better=ベター,best=ベスト,bad=バッド,great=グレート,sorry=ソーリー,"
    "thank you=サンキュー,welcome=ウェルカム,hello=ハロー,hi=ハイ,hey=ヘイ,bye=バイ,"
    "goodbye=グッドバイ,see=シー,say=セイ,talk=トーク,speak=スピーク,ask=アスク,answer=アンサー,"
    "know=ノー,want=ウォント,like=ライク,make=メイク,take=テイク,give=ギブ,let=レット,put=プット,"
    "find=ファインド,use=ユーズ,try=トライ,work=ワーク,wait=ウェイト,turn=ターン,open=オープン,"
    "close=クローズ,set=セット,check=チェック,finish=フィニッシュ,ready=レディー,"
    "complete=コンプリート,fail=フェイル,available=アベイラブル,unknown=アンノウン,"
    "connect=コネクト,connection=コネクション,enable=イネーブル,disable=ディスエーブル,"
    "online=オンライン,offline=オフライン,low=ロー,high=ハイ,hot=ホット,cold=コールド,"
    "warm=ウォーム,big=ビッグ,large=ラージ,short=ショート,full=フル,empty=エンプティ,left=レフト,"
    "right=ライト,top=トップ,end=エンド,read=リード,write=ライト,buy=バイ,move=ムーブ,leave=リーブ,"
    "arrive=アライブ,eat=イート,food=フード,tea=ティー,world=ワールド,life=ライフ,man=マン,"
    "mom=マム,dad=ダッド,family=ファミリー,name=ネーム,thing=シング,way=ウェイ,place=プレイス,"
    "car=カー,cat=キャット,dog=ドッグ,school=スクール,station=ステーション,train=トレイン,bus=バス,"
    "number=ナンバー,message=メッセージ,notification=ノーティフィケーション,calendar=カレンダー,"
    "schedule=スケジュール,list=リスト,task=タスク,to do=トゥードゥー,note=ノート,page=ページ,"
    "book=ブック,free=フリー,premium=プレミアム,pro=プロ,max=マックス,mini=ミニ,plus=プラス,"
    "ultra=ウルトラ,model=モデル,type=タイプ,question=クエスチョン,issue=イシュー,idea=アイデア,"
    "minus=マイナス,vs=バーサス,etc=エトセトラ,mr=ミスター,mrs=ミセス,ms=ミズ,dr=ドクター,"
    "e.g.=イージー,i.e.=アイイー,ph.d=ピーエイチディー,com=コム,christmas=クリスマス,"
    "have a nice day=ハブアナイスデー,don't=ドント,doesn't=ダズント,didn't=ディドント,"
    "isn't=イズント,aren't=アーント,wasn't=ワズント,weren't=ワーント,can't=キャント,"
    "couldn't=クドゥント,won't=ウォント,wouldn't=ウドゥント,shouldn't=シュドゥント,"
    "haven't=ハブント,hasn't=ハズント,it's=イッツ,it'll=イトル,who's=フーズ,here's=ヒアズ,"
    "they're=ゼアー,o'clock=オクロック,ex=エックス,ad=アド,ha=ハ,uh=アー,dioxide=ダイオキシド,"
    "monoxide=モノキシド,weekend=ウィークエンド,everybody=エブリバディ,somebody=サムバディ,"
    "anything=エニシング,anyone=エニワン,someone=サムワン,myself=マイセルフ,yourself=ユアセルフ,"
    "favorite=フェイバリット,together=トゥゲザー,busy=ビジー,unique=ユニーク,ticket=チケット,"
    "candy=キャンディ,restaurant=レストラン,mt=マウント,need=ニード,wash=ウォッシュ,look=ルック,"
    "keep=キープ,select=セレクト,send=センド,tell=テル,access=アクセス,on=オン,"
    # Acronyms that are words, and words with no rule.
    "id=アイディー,ids=アイディーズ,asap=エーエスエーピー,faq=エフエーキュー,diy=ディーアイワイ,"
    "ceo=シーイーオー,dj=ディージェー,cd=シーディー,dvd=ディーブイディー,bgm=ビージーエム,"
    "fm=エフエム,esg=イーエスジー,sdgs=エスディージーズ,gdp=ジーディーピー,atm=エーティーエム,"
    "ETC=イーティーシー,ng=エヌジー,ol=オーエル,pta=ピーティーエー,qol=キューオーエル,"
    "rpg=アールピージー,unesco=ユネスコ,opec=オペック,nato=ナトー,tokyo=トーキョー,kyoto=キョート,"
    "osaka=オーサカ,english=イングリッシュ,american=アメリカン,london=ロンドン,paris=パリ,"
    "europe=ヨーロッパ,asia=アジア,korea=コリア,hamburger=ハンバーガー,agenda=アジェンダ,"
    "karaoke=カラオケ,sake=サケ,ninja=ニンジャ,sushi=スシ,anime=アニメ,"
    # fmt: on
)

READINGS: Final[dict[str, str]] = {
    words: kana
    for words, _, kana in (entry.partition("=") for entry in "".join(_ENTRIES).split(",") if entry)
}

UNITS: Final = (
    "w v a m km cm mm kg g mg l ml kwh wh kw mw hz khz mhz ghz gb mb kb tb ppm ppb hpa lx db s ms"
    " h min mbps gbps rpm c f k t"
)
DOMAINS: Final = "com net org io jp co dev local html json yaml yml py js txt pdf csv zip log"
TITLES: Final = frozenset({"mt", "mr", "mrs", "ms", "dr", "vs"})
PREFIXES: Final = {"re": "リ", "un": "アン", "dis": "ディス"}
CONTRACTED: Final = {"ll": "ル", "re": "アー", "ve": "ブ", "d": "ド", "m": "ム", "t": "ト"}
LETTERS: Final = (
    "エー ビー シー ディー イー エフ ジー エイチ アイ ジェー ケー エル エム エヌ オー ピー キュー"
    " アール エス ティー ユー ブイ ダブリュー エックス ワイ ゼット"
)


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


def _each(moras: dict[str, str], rest: str) -> dict[str, str]:
    return {mora: kana + rest for mora, kana in moras.items()}


_TO_I: Final = _pairs(
    "ク=キ グ=ギ プ=ピ ブ=ビ ト=ティ ド=ディ ス=シ ズ=ジ ル=リ ム=ミ ン=ニ フ=フィ チ=チ ジ=ジ"
    " シュ=シ"
)
_TO_A: Final = _pairs(
    "ク=カ グ=ガ プ=パ ブ=バ ト=タ ド=ダ ス=サ ズ=ザ ル=ラ ム=マ ン=ナ フ=ファ チ=チャ ジ=ジャ"
    " シュ=シャ"
)
_PAST: Final = _pairs("ト=テッド ド=デッド ク=クト プ=プト ス=スト フ=フト チ=チト シュ=シュト")
_PLURAL: Final = _pairs("ト=ツ ド=ズ ス=シズ ズ=ジズ シュ=シズ ク=クス プ=プス フ=フス")
# For each ending: what it makes of the last mora, and what it adds to any other.
ENDINGS: Final[dict[str, tuple[dict[str, str], str]]] = {
    "es": (_PLURAL, "ズ"),
    "s": (_PLURAL, "ズ"),
    "ed": (_PAST, "ド"),
    "ing": (_each(_TO_I, "ング"), "イング"),
    "er": (_each(_TO_A, "ー"), "アー"),
    "able": (_each(_TO_A, "ブル"), "アブル"),
    "ly": ({"ル": "リー"}, "リー"),
    "ment": ({}, "メント"),
    "ness": ({}, "ネス"),
    "less": ({}, "レス"),
    "ful": ({}, "フル"),
    "y": (_each(_TO_I, "ー"), "イー"),
}

# Phones of English and of romaji: C, S, T and Q begin チ, シ, ツ and クイ, a capital vowel is long,
# Y is the glide in キャ. A row has the phone with a, i, u, e, o, and by itself.
SYLLABLES: Final = (
    "_ア イ ウ エ オ|kカ キ ク ケ コ ク|gガ ギ グ ゲ ゴ グ|sサ シ ス セ ソ ス|zザ ジ ズ ゼ ゾ ズ"
    "|tタ ティ トゥ テ ト ト|dダ ディ ドゥ デ ド ド|nナ ニ ヌ ネ ノ ン|hハ ヒ フ ヘ ホ フ"
    "|bバ ビ ブ ベ ボ ブ|pパ ピ プ ペ ポ プ|mマ ミ ム メ モ ム|rラ リ ル レ ロ ル"
    "|yヤ イ ユ イェ ヨ イ|wワ ウィ ウ ウェ ウォ ウ|fファ フィ フ フェ フォ フ"
    "|Cチャ チ チュ チェ チョ チ|Sシャ シ シュ シェ ショ シュ|jジャ ジ ジュ ジェ ジョ ジ"
    "|Qクワ クイ ク クエ クオ ク|Tツァ ツィ ツ ツェ ツォ ツ"
)
GLIDES: Final = dict(zip("kgnhbpmrdft", "キギニヒビピミリデフチ", strict=True))
# With which consonants English words begin.
BEGINNINGS: Final = (
    "chr phl phr sch scr shr sph spl spr squ str thr bl br ch cl cr dr dw fl fr gh gl gn gr kh kl"
    " kn kr mc ph pl pr ps rh sc sh sk sl sm sn sp sq st sv sw th tr ts tw wh wr"
)
SILENT_E: Final = "(?=[bcdfgklmnpstvz](?:e(?:[drs]|ly|ment)?$|ing$))"
# Letters and the phones they stand for; of the rules that fit, the first counts. % is any vowel,
# @ means that a silent e follows, or what took its place.
SPELLING: Final = (
    "air=ea are$=ea aught=Ot augh=af au=O aw=O ay=E ai=E al(?=k)=O a(?=ll$|l[td])=O able$=abr"
    " ar(?![r%])=A a(?=[bdgpt]le|ti[ov]|tor$|ste$|nge|cy$|si[os])=E a@=E (?<=w)a(?=[lnst])=o ae=E"
    " a=a bb=b b=b ch(?=[rl])=k ck=k ch=C ci(?=[ao])=S cc(?=[ei])=ks cqu=Q cc=k"
    " c(?=a[bmnpst](?:[^%r]|$))=kY c(?=[eiy])=s c=k dge$=ッj dg=ッj dd=d dj=j d=d eau=O"
    " ear(?=[cnlt])=A ear=ia eer=ia (?<=^.)ere$=ia (?<=^..)ere$=ia eigh=E eye=ai ee=I"
    " ea(?=d$|th|lth|su|ven)=e ea=I ei=E eum=iam eu=YU ew=YU ey=I er(?![r%])=A e@=I ex(?=[%])=egz"
    " (?<=[%][^%])e(?=ly$|ment|ful$|less|ness)= es$=iz (?<=..)e$= e$=I e=e ff=f f=f ^gh=g gh="
    " ^gn=n gn$=n gg=g gu(?=[eiy])=g g(?=a(?:p|ng|mb))=gY g(?=e(?!t)|i(?![vrf])|y)=j g=g h(?![%])="
    " h=h igh=ai ign$=ain ier$=iA (?<=^.)ie$=ai iet$=aieッt iet=aiet ie=I ind$=aind ild$=aird"
    " ique$=Ik ire=aia ir(?![r%])=A (?<=...)ive$=ib (?<=....)ice$=is (?<=...)ine$=in"
    " i(?=[bdgtf]le)=ai (?<=...)i(?=[^%]er$)=i i@=ai i=i j=j ^kn=n kk=k k=k ll=r (?<=[^%r])le$=r"
    " l=r mb$=m mm=m m=m nn=n n=n ought=Ot ough=O oor=oa oo(?=[kd]$)=u oo=U oa=O oi=oi oy=oi our=O"
    " ous$=as ou=au own$=aun ow$=O ow=au (?<=[ts])or$=A or(?![r%])=O ore=oa"
    " o(?=l[dlt]|st$|[st]ion|[bg]le)=O o@=O oe=O o=o ph=f ^ps=s ^pn=n pp=p p=p que$=k qu=Q q=k"
    " rr=r rh=r r(?![%])= r=r sch=sk shion=Son sh=S ssion=Son (?<=[%])sion=jon sion=Son sure$=jA"
    " ss=s sc(?=[eiy])=s (?<=a)s(?=e$|i)=s (?<=[%])s(?=[%])=z s=s tion=Son tial=Sar tious=Sas"
    " tient=Sent ture=CA tain$=ten tch=ッC th(?=er$)=z th=s tre$=tA tt=t ts$=T t=t ure$=Yua"
    " (?<=g)ue$= ue$=U uy=ai ui(?=[tc])=U ur(?![r%])=A (?<=[rljsz])u@=U u@=YU ^uni=Yuni u(?=ll)=u"
    " u$=U (?<=[bcdfhkmpt])u(?=[aeiou]|[bcdgklmnpstv][aeiou])=Yu u=a v=b wh=w wr=r w(?![%])= w=w"
    " ^x=z x=ks ^y=y (?<=^[^%])y$=ai (?<=^[^%][^%])y$=ai y$=I y@=ai y(?=[%])=y yr=ir y=i zz=z z=z"
)
