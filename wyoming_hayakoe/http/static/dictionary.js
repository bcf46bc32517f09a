/** The user's own words, as far as the page must know them. */

import { dictionaryWords, removeWord, saveWord } from "./api.js";

export class Dictionary {
  constructor() {
    this.surfaces = new Set();
  }

  async load() {
    const words = await dictionaryWords();
    this.surfaces = new Set(words.map(({ surface }) => normal(surface)));
  }

  has(surface) {
    return this.surfaces.has(normal(surface));
  }

  async save(word) {
    await saveWord(word);
    await this.load();
  }

  async remove(surface) {
    await removeWord(surface);
    await this.load();
  }
}

/** Half and full width are the same, and so is case. */
function normal(surface) {
  return surface.normalize("NFKC").toLowerCase();
}
