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

  drawSentence(sentence) {
    const levels = moraLevels(sentence.accent_phrases);
    let spoken = 0;
    const parts = sentence.words.map((word) => {
      const moras = morasOf(word.kana);
      const mine = levels.slice(spoken, spoken + moras.length);
      spoken += moras.length;
      if (!moras.length) return make("span", { class: "punctuation" }, word.surface);
      return this.drawWord(word, moras, mine);
    });
    return make("div", { class: "sentence", role: "group", "aria-label": sentence.text }, ...parts);
  }

  drawWord(word, moras, levels) {
    const shapes = moras.map((mora, index) => {
      const { isHigh, before, after } = levels[index] ?? {};
      return drawMora(mora, isHigh, before, after);
    });
    const classes = ["word"];
    if (!word.is_known) classes.push("is-unknown");
    if (this.isOwn(word)) classes.push("is-own");
    return make(
      "button",
      {
        type: "button",
        class: classes.join(" "),
        "aria-label": say("wordLabel", word.surface, word.kana),
        "aria-haspopup": "dialog",
        onclick: () => this.onWord({ ...word, moras, accent: accentOf(levels) }),
      },
      make("span", { class: "moras", "aria-hidden": "true" }, ...shapes),
      make("span", { class: "surface", "aria-hidden": "true" }, word.surface),
    );
  }
}

/** For each mora of the sentence: whether it is high, and how its neighbours in the phrase are. */
function moraLevels(phrases) {
  return phrases.flatMap(({ moras, accent }) => {
    const levels = heights(moras.length, accent);
    return levels.map((isHigh, index) => ({
      isHigh,
      before: levels[index - 1],
      after: levels[index + 1],
    }));
  });
}

/** Where the pitch falls within a word, from 1; 0 if it does not. */
function accentOf(levels) {
  const fall = levels.findIndex(({ isHigh, after }) => isHigh && after === false);
  return fall + 1;
}
