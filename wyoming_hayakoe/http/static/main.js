/** The page: puts its parts together. */

import { onKeyNeeded, speechFile } from "./api.js";
import { Catalogue } from "./catalogue.js";
import { Dictionary } from "./dictionary.js";
import { byId, offerFile } from "./dom.js";
import { Health } from "./health.js";
import { History } from "./history.js";
import { Player, wavOf } from "./player.js";
import { ReadingView } from "./reading.js";
import { Scope } from "./scope.js";
import { changeLanguage, currentLanguage, recall, remember, say, translate } from "./texts.js";
import { Manner } from "./voices.js";
import { WordEditor } from "./word_editor.js";

const TEXT = "hayakoe.text";

const player = new Player(byId("plain-player"), showSpeech);
const scope = new Scope(byId("waveform"), byId("spectrum"));
const dictionary = new Dictionary();
const editor = new WordEditor(dictionary, hearWord, onWordChange);
const reading = new ReadingView(byId("reading"), {
  isOwn: ({ surface }) => dictionary.has(surface),
  onWord: (word) => editor.open(word),
});
const manner = new Manner(() => {});
const history = new History({
  replay: (speech) => player.replay(speech),
  takeBack: ({ request }) => setText(request.text),
  save: saveSpeech,
});
const catalogue = new Catalogue({ onReady: () => manner.load(), tell, complain });
const health = new Health();

let shown = null; // the utterance whose figures are on the page

function speak() {
  const text = byId("text").value;
  if (!text.trim()) {
    tell(say("nothingToSay"));
    byId("text").focus();
    return;
  }
  player.speak({ ...manner.request(), text });
}

function hearWord(ssml) {
  player.speak({ ...manner.request(), text: ssml, markup: "ssml" });
}

function showSpeech(state, speech, problem) {
  if (state === "waiting") {
    shown = speech;
    complain(null);
  }
  if (shown !== speech && state !== "failed") shown = speech;
  byId("stop").disabled = !["waiting", "playing", "progress"].includes(state);
  byId("speak").setAttribute("aria-busy", String(state === "waiting"));
  if (state === "playing") scope.start(player.analyser);
  if (["finished", "stopped", "failed"].includes(state)) scope.stop();
  const news = { waiting: "waiting", playing: "speaking", finished: "finished", stopped: "stopped" };
  if (news[state]) tell(say(news[state]));
  if (state === "failed") {
    tell("");
    complain(problem);
  }
  showFigures(speech);
  const isOver = state === "finished" || (state === "stopped" && speech.firstAudioMs !== null);
  if (isOver && !speech.request.markup) history.add(speech, manner.voice?.title);
}

function showFigures({ firstAudioMs, rtf, seconds, gaps }) {
  const put = (id, isKnown, text) => (byId(id).textContent = isKnown ? text() : "–");
  put("first-audio", firstAudioMs !== null, () => say("milliseconds", Math.round(firstAudioMs)));
  put("rtf", rtf !== null, () => rtf.toFixed(3));
  put("length", seconds > 0, () => say("seconds", seconds.toFixed(1)));
  put("gaps", firstAudioMs !== null, () => String(gaps));
}

function tell(news) {
  byId("speech-state").textContent = news;
}

function complain(problem) {
  byId("problem").hidden = !problem;
  byId("problem").textContent = problem?.message ?? "";
}

async function onWordChange(news) {
  tell(news);
  await reading.refresh();
}

function setText(text) {
  byId("text").value = text;
  onText();
  byId("text").focus();
}

function onText() {
  const { value } = byId("text");
  byId("text-count").textContent = say("characters", [...value].length);
  remember(TEXT, value, "sessionStorage");
  reading.follow(value);
}

async function saveText(format) {
  const text = byId("text").value;
  if (!text.trim()) return tell(say("nothingToSay"));
  await save({ ...manner.request(), text }, format);
}

function saveSpeech(speech) {
  if (speech.pcm) offerFile(wavOf(speech), fileName(speech.request.text, "wav"));
  else save(speech.request, "wav");
}

async function save(request, format) {
  tell(say("saving"));
  complain(null);
  try {
    offerFile(await speechFile(request, format), fileName(request.text, format));
    tell(say("saved"));
  } catch (problem) {
    tell("");
    complain(problem);
  }
}

function fileName(text, format) {
  const name = text.replace(/[\s\\/:*?"<>|.。、]+/g, " ").trim().slice(0, 30);
  return `${name || "hayakoe"}.${format}`;
}

function askForKey() {
  const dialog = byId("key-dialog");
  byId("key").value = "";
  dialog.showModal();
  return new Promise((resolve) => {
    byId("key-form").onsubmit = (event) => {
      event.preventDefault();
      dialog.close();
      resolve(byId("key").value.trim());
    };
    // Without a key there is nothing to see, so it cannot be sent away.
    dialog.oncancel = (event) => event.preventDefault();
  });
}

function listen() {
  byId("speak").addEventListener("click", speak);
  byId("stop").addEventListener("click", () => player.stop());
  byId("save-wav").addEventListener("click", () => saveText("wav"));
  byId("save-mp3").addEventListener("click", () => saveText("mp3"));
  byId("text").addEventListener("input", onText);
  document.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      speak();
    } else if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
      player.stop();
    }
  });
  byId("word-dialog").addEventListener("close", () => player.stop());
  byId("language").addEventListener("change", ({ target }) => changeLanguage(target.value));
  document.addEventListener("languagechange", () => {
    byId("text-count").textContent = say("characters", [...byId("text").value].length);
    reading.draw();
    history.draw();
    catalogue.draw();
    health.draw();
    if (shown) showFigures(shown);
  });
}

async function begin() {
  onKeyNeeded(askForKey);
  byId("language").value = currentLanguage();
  translate();
  listen();
  byId("text").value = recall(TEXT, "sessionStorage") ?? say("sample");
  onText();
  try {
    await Promise.all([manner.load(), health.look(), dictionary.load()]);
    await Promise.all([reading.refresh(), catalogue.load()]);
  } catch (problem) {
    complain(problem);
  }
}

begin();
