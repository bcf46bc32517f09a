/** One word: heard, corrected, kept in the dictionary. */

import { drawMora, heights, isKana, morasOf } from "./accent.js";
import { byId, make } from "./dom.js";
import { say } from "./texts.js";

export class WordEditor {
  /**
   * @param dictionary Where words are kept.
   * @param hear Called with SSML that is to be spoken.
   * @param onChange Called with what was done, when the dictionary has changed.
   */
  constructor(dictionary, hear, onChange) {
    this.dictionary = dictionary;
    this.hear = hear;
    this.onChange = onChange;
    this.dialog = byId("word-dialog");
    this.accent = 0;
    byId("word-kana").addEventListener("input", () => this.drawAccents());
    byId("word-hear").addEventListener("click", () => this.speak());
    byId("word-remove").addEventListener("click", () => this.remove());
    byId("word-close").addEventListener("click", () => this.dialog.close());
    byId("word-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
  }

  open(word) {
    this.isBusy = false;
    this.complain("");
    byId("word-surface").value = word.surface;
    byId("word-kana").value = word.moras.join("");
    this.accent = word.accent;
    this.drawAccents();
    const isOwn = this.dictionary.has(word.surface);
    byId("word-source").textContent = isOwn ? say("sourceOwn") : sourceOf(word);
    byId("word-remove").hidden = !isOwn;
    this.dialog.showModal();
    this.speak();
  }

  /** The moras with the pitch that they would have; each is a choice of where it falls. */
  drawAccents() {
    const moras = morasOf(byId("word-kana").value);
    this.accent = Math.min(this.accent, moras.length);
    const levels = heights(moras.length, this.accent);
    const choices = moras.map((mora, index) =>
      this.drawChoice(
        index + 1,
        say("accentAfter", mora),
        drawMora(mora, levels[index], levels[index - 1], levels[index + 1] ?? this.accent === 0),
      ),
    );
    const flat = this.drawChoice(0, say("flat"), document.createTextNode(say("flat")), "flat");
    byId("word-accent").replaceChildren(...choices, flat);
  }

  drawChoice(accent, label, content, name = "") {
    const input = make("input", {
      type: "radio",
      name: "accent",
      value: accent,
      checked: accent === this.accent,
      "aria-label": label,
      onchange: () => {
        this.accent = accent;
        this.drawAccents();
        byId("word-accent").querySelector(":checked")?.focus();
        this.speak();
      },
    });
    return make("label", { class: name }, input, content);
  }

  speak() {
    const kana = byId("word-kana").value;
    if (!isKana(kana)) return this.complain(say("badKana"));
    this.complain("");
    const moras = morasOf(kana);
    if (this.accent) moras.splice(this.accent, 0, "'");
    const surface = byId("word-surface").value || kana;
    const phoneme = `<phoneme ph="${moras.join("")}">${escapeXml(surface)}</phoneme>`;
    return this.hear(`<speak>${phoneme}</speak>`);
  }

  save() {
    const kana = byId("word-kana").value;
    if (!isKana(kana)) return this.complain(say("badKana"));
    const surface = byId("word-surface").value.trim();
    const word = { surface, reading: morasOf(kana).join(""), accent: this.accent };
    return this.change(() => this.dictionary.save(word), say("wordSaved", surface));
  }

  remove() {
    const surface = byId("word-surface").value.trim();
    return this.change(() => this.dictionary.remove(surface), say("wordRemoved", surface));
  }

  async change(act, news) {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      await act();
      this.dialog.close();
      this.onChange(news);
    } catch (problem) {
      this.complain(problem.message);
    } finally {
      this.isBusy = false;
    }
  }

  complain(message) {
    byId("word-problem").textContent = message;
    byId("word-problem").hidden = !message;
  }
}

function sourceOf(word) {
  if (word.rule) return say("sourceRule", word.rule);
  return word.is_known ? "" : say("sourceUnknown");
}

function escapeXml(text) {
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (char) => names[char]);
}
