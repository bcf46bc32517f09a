/** The reading of the text: words with their moras and pitch, to be chosen. */

import { read } from "./api.js";
import { drawMora, heights, morasOf } from "./accent.js";
import { make } from "./dom.js";
import { say } from "./texts.js";

const DELAY_MS = 350; // after the last key

export class ReadingView {
  /**
   * @param isOwn Whether a word is in the user's dictionary.
   * @param onWord Called with the word that was chosen.
   */
  constructor(element, { isOwn, onWord }) {
    this.element = element;
    this.isOwn = isOwn;
    this.onWord = onWord;
    this.timer = 0;
    this.abort = new AbortController();
    this.text = "";
    this.sentences = [];
  }

  /** Show the reading of this text soon. */
  follow(text) {
    clearTimeout(this.timer);
    this.text = text;
    this.timer = setTimeout(() => this.show(text), DELAY_MS);
  }

  /** Show the reading of this text now. */
  async show(text) {
    clearTimeout(this.timer);
    this.abort.abort();
    this.abort = new AbortController();
    const { signal } = this.abort;
    this.text = text;
    try {
      this.sentences = text.trim() ? await read(text, signal) : [];
      if (!signal.aborted) this.draw();
    } catch (problem) {
      if (signal.aborted) return;
      this.sentences = [];
      this.element.replaceChildren(make("p", { class: "hint" }, problem.message));
    }
  }

  refresh() {
    return this.show(this.text);
  }

  draw() {
    this.element.replaceChildren(...this.sentences.map((sentence) => this.drawSentence(sentence)));
  }

  /** Words of one phrase stay together, and signs with the word before them. */
  drawSentence(sentence) {
    const moras = sentence.accent_phrases.flatMap(phraseMoras);
    const groups = [];
    let spoken = 0;
    let phrase = null;
    for (const word of sentence.words) {
      const mine = moras.slice(spoken, spoken + morasOf(word.kana).length);
      spoken += mine.length;
      if (!groups.length || (mine.length && mine[0].phrase !== phrase)) {
        groups.push(make("span", { class: "phrase" }));
      }
      if (mine.length) {
        phrase = mine[0].phrase;
        groups.at(-1).append(this.drawWord(word, mine));
      } else {
        groups.at(-1).append(make("span", { class: "punctuation" }, word.surface));
      }
    }
    return make("div", { class: "sentence", role: "group", "aria-label": sentence.text }, ...groups);
  }

  drawWord(word, moras) {
    const shapes = moras.map(({ kana, isHigh, before, after }) =>
      drawMora(kana, isHigh, before, after),
    );
    const classes = ["word"];
    if (!word.is_known && !word.rule) classes.push("is-unknown");
    if (this.isOwn(word)) classes.push("is-own");
    const chosen = { ...word, moras: moras.map(({ kana }) => kana), accent: accentOf(moras) };
    return make(
      "button",
      {
        type: "button",
        class: classes.join(" "),
        "aria-haspopup": "dialog",
        onclick: () => this.onWord(chosen),
      },
      make("span", { class: "moras", "aria-hidden": "true" }, ...shapes),
      make("span", { class: "surface" }, word.surface),
      make("span", { class: "hidden" }, say("readAs", word.kana)),
    );
  }
}

/** The moras of a phrase: whether each is high, and how its neighbours are. */
function phraseMoras(phrase) {
  const levels = heights(phrase.moras.length, phrase.accent);
  return phrase.moras.map((kana, index) => ({
    phrase,
    kana,
    isHigh: levels[index],
    before: levels[index - 1],
    after: levels[index + 1],
  }));
}

/** Where the pitch falls within a word, from 1; 0 if it does not. */
function accentOf(moras) {
  return moras.findIndex(({ isHigh, after }) => isHigh && after === false) + 1;
}
