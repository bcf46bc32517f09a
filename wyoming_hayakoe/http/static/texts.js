/** All that the page says, in its languages, and who puts it there. */

export const TEXTS = {
  language: { en: "Language", ja: "言語" },
  speakTitle: { en: "Speak a text", ja: "読み上げ" },
  text: { en: "Text", ja: "テキスト" },
  textHint: {
    en: "Ctrl + Enter speaks, Esc stops.",
    ja: "Ctrl + Enterで再生、Escで停止します。",
  },
  sample: {
    en: "おかえりなさい。お風呂が沸きました。明日の東京は晴れ、最高気温は23.5℃です。",
    ja: "おかえりなさい。お風呂が沸きました。明日の東京は晴れ、最高気温は23.5℃です。",
  },
  speak: { en: "Speak", ja: "再生" },
  stop: { en: "Stop", ja: "停止" },
  downloadWav: { en: "Save WAV", ja: "WAVを保存" },
  downloadMp3: { en: "Save MP3", ja: "MP3を保存" },
  waveform: { en: "Waveform of the sound", ja: "音の波形" },
  spectrum: { en: "Spectrum of the sound", ja: "音のスペクトル" },
  player: { en: "Player", ja: "プレーヤー" },
  firstAudio: { en: "First sound", ja: "最初の音まで" },
  rtf: { en: "RTF", ja: "RTF" },
  rtfMeaning: {
    en: "Real-time factor: seconds of waiting for the server per second of sound; below 1 is faster than speech",
    ja: "実時間係数：音声1秒あたりのサーバー待ち時間。1未満なら話す速さより速い",
  },
  length: { en: "Length", ja: "長さ" },
  gaps: { en: "Gaps", ja: "途切れ" },
  milliseconds: { en: "{0} ms", ja: "{0} ms" },
  seconds: { en: "{0} s", ja: "{0}秒" },
  characters: { en: "{0} characters", ja: "{0}文字" },
  waiting: { en: "Waiting for the first sound…", ja: "最初の音を待っています…" },
  speaking: { en: "Speaking…", ja: "再生中…" },
  stopped: { en: "Stopped.", ja: "停止しました。" },
  finished: { en: "Finished.", ja: "再生が終わりました。" },
  saving: { en: "Making the file…", ja: "ファイルを作成しています…" },
  saved: { en: "The file is there.", ja: "ファイルができました。" },
  nothingToSay: { en: "Write something to speak first.", ja: "読み上げるテキストを入力してください。" },
  unreachable: {
    en: "The server does not answer. Is it running?",
    ja: "サーバーが応答しません。起動しているか確認してください。",
  },
  cutOff: { en: "The sound broke off before its end.", ja: "音声が途中で切れました。" },
  pressPlay: {
    en: "The browser does not let the page begin by itself: press play.",
    ja: "ブラウザが自動再生を止めました。再生ボタンを押してください。",
  },
  wait: { en: "Too many requests; try again in {0} s.", ja: "リクエストが多すぎます。{0}秒後にもう一度お試しください。" },
  reading: { en: "Reading", ja: "読み" },
  readingHint: {
    en: "Choose a word to hear it or to correct it.",
    ja: "単語を選ぶと、聞いたり直したりできます。",
  },
  readAs: { en: "read {0}", ja: "読みは{0}" },
  word: { en: "How is this word read?", ja: "この単語の読み" },
  surface: { en: "Word as it is written", ja: "表記" },
  kana: { en: "Reading", ja: "読み" },
  kanaHint: {
    en: "Katakana or hiragana, as it sounds: トーキョー, ワ for the particle は.",
    ja: "発音どおりのカタカナかひらがな。例：トーキョー、助詞の「は」はワ。",
  },
  accent: { en: "Where does the pitch fall?", ja: "どこで音が下がりますか" },
  accentAfter: { en: "after {0}", ja: "{0}のあと" },
  flat: { en: "nowhere", ja: "下がらない" },
  hear: { en: "Hear", ja: "聞く" },
  save: { en: "Save to the dictionary", ja: "辞書に保存" },
  remove: { en: "Remove from the dictionary", ja: "辞書から削除" },
  close: { en: "Close", ja: "閉じる" },
  wordSaved: { en: "{0} is in the dictionary.", ja: "「{0}」を辞書に保存しました。" },
  wordRemoved: { en: "{0} is no longer in the dictionary.", ja: "「{0}」を辞書から削除しました。" },
  sourceOwn: { en: "This reading is from your dictionary.", ja: "この読みはあなたの辞書のものです。" },
  sourceRule: { en: "Decided by the rule “{0}”.", ja: "規則「{0}」による読みです。" },
  sourceUnknown: { en: "The built-in dictionary does not know this word.", ja: "内蔵辞書にない単語です。" },
  badKana: { en: "Write the reading in kana only.", ja: "読みはかなだけで入力してください。" },
  history: { en: "This session", ja: "このセッションの履歴" },
  historyEmpty: { en: "What you have spoken is listed here.", ja: "読み上げたテキストがここに並びます。" },
  again: { en: "Play again: {0}", ja: "もう一度再生：{0}" },
  takeBack: { en: "Put into the text field: {0}", ja: "テキスト欄に戻す：{0}" },
  saveOf: { en: "Save as WAV: {0}", ja: "WAVを保存：{0}" },
  voice: { en: "Voice", ja: "声" },
  style: { en: "Style", ja: "スタイル" },
  licence: { en: "Licence", ja: "ライセンス" },
  credit: { en: "Credit", ja: "クレジット" },
  manner: { en: "Delivery", ja: "話し方" },
  reset: { en: "Reset", ja: "元に戻す" },
  speed: { en: "Speed", ja: "話速" },
  pitch: { en: "Pitch", ja: "高さ" },
  intonation: { en: "Intonation", ja: "抑揚" },
  volume: { en: "Volume", ja: "音量" },
  pause: { en: "Pauses", ja: "間の長さ" },
  moreVoices: { en: "More voices", ja: "声を追加" },
  moreVoicesHint: {
    en: "Voices from the catalogue are downloaded by the server. Mind their terms.",
    ja: "カタログの声はサーバーがダウンロードします。利用規約をご確認ください。",
  },
  noMoreVoices: { en: "All voices of the catalogue are installed.", ja: "カタログの声はすべて追加済みです。" },
  install: { en: "Install", ja: "追加" },
  installing: { en: "Installing…", ja: "追加しています…" },
  installProgress: { en: "Progress of {0}", ja: "{0}の進み具合" },
  installed: { en: "{0} is ready.", ja: "「{0}」が使えるようになりました。" },
  installFailed: { en: "{0} could not be installed.", ja: "「{0}」を追加できませんでした。" },
  tryAgain: { en: "Try again", ja: "再試行" },
  terms: { en: "terms", ja: "利用規約" },
  metrics: { en: "Server", ja: "サーバー" },
  version: { en: "Version", ja: "バージョン" },
  uptime: { en: "Up for", ja: "稼働時間" },
  voicesReady: { en: "Voices ready", ja: "使える声" },
  queue: { en: "Speaking now", ja: "処理中" },
  requests: { en: "Requests", ja: "リクエスト数" },
  meanFirstAudio: { en: "First sound, mean", ja: "最初の音まで（平均）" },
  meanRtf: { en: "RTF, mean", ja: "RTF（平均）" },
  spoken: { en: "Spoken in all", ja: "合成した音声" },
  serverWell: { en: "Ready", ja: "準備完了" },
  serverDegraded: { en: "Ready, but a voice is missing", ja: "準備完了（使えない声があります）" },
  serverBusy: { en: "Not ready yet", ja: "準備中" },
  serverGone: { en: "No connection", ja: "接続できません" },
  keyTitle: { en: "This server needs a key", ja: "このサーバーにはキーが必要です" },
  keyHint: {
    en: "It is kept in this tab until you close it.",
    ja: "キーはこのタブを閉じるまで保持されます。",
  },
  key: { en: "API key", ja: "APIキー" },
  keySend: { en: "Use this key", ja: "このキーを使う" },
};

const STORED = "hayakoe.language";
let language = chosenLanguage();

export function currentLanguage() {
  return language;
}

/** The text of a key, with {0}, {1}… replaced. */
export function say(key, ...values) {
  return TEXTS[key][language].replace(/\{(\d)\}/g, (_, index) => values[index]);
}

/** Say everything in the document in the current language. */
export function translate(root = document) {
  if (root === document) document.documentElement.lang = language;
  for (const element of root.querySelectorAll("[data-text]")) {
    element.textContent = say(element.dataset.text);
  }
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", say(element.dataset.label));
  }
  for (const element of root.querySelectorAll("[data-title]")) {
    element.title = say(element.dataset.title);
  }
}

export function changeLanguage(name) {
  language = name;
  remember(STORED, name);
  translate();
  document.dispatchEvent(new Event("languagechange"));
}

function chosenLanguage() {
  const name = recall(STORED) ?? navigator.language ?? "en";
  return name.startsWith("ja") ? "ja" : "en";
}

/** Storage may be forbidden; the page works without it. */
export function recall(key, storage = "localStorage") {
  try {
    return window[storage].getItem(key);
  } catch {
    return null;
  }
}

export function remember(key, value, storage = "localStorage") {
  try {
    window[storage].setItem(key, value);
  } catch {
    // Then it is forgotten.
  }
}
