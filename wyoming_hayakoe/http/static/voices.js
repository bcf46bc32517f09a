/** Who speaks, and how: the pickers and the sliders. */

import { voices } from "./api.js";
import { byId, link, linked, make } from "./dom.js";
import { recall, remember } from "./texts.js";

const STORED = "hayakoe.manner";

/** `option` is what a voice calls it in `ignored_options`. */
const SLIDERS = [
  { name: "speed", option: "speed", low: 0.5, high: 2, step: 0.05 },
  { name: "pitch", option: "pitch_scale", low: 0.7, high: 1.4, step: 0.01 },
  { name: "intonation", option: "intonation_scale", low: 0, high: 2, step: 0.05 },
  { name: "volume", option: "volume", low: 0, high: 2, step: 0.05 },
  { name: "pause", option: "pause_scale", low: 0, high: 3, step: 0.1 },
];

export class Manner {
  constructor(onVoice) {
    this.onVoice = onVoice;
    this.voices = [];
    this.stored = readStored();
    this.moved = new Map(Object.entries(this.stored.moved ?? {}));
    this.sliders = SLIDERS.map((slider) => this.makeSlider(slider));
    byId("voice").addEventListener("change", () => this.chooseVoice());
    byId("style").addEventListener("change", () => this.store());
    byId("reset").addEventListener("click", () => this.reset());
  }

  /** Ask which voices there are, and keep the choice if it still exists. */
  async load() {
    const chosen = byId("voice").value || this.stored.voice;
    this.voices = (await voices()).filter((voice) => !isOnlyStyle(voice));
    byId("voice").replaceChildren(
      ...this.voices.map(({ name, title }) =>
        make("option", { value: name }, title === name ? name : `${title} (${name})`),
      ),
    );
    const names = this.voices.map(({ name }) => name);
    const usual = this.voices.find((voice) => voice.is_default) ?? this.voices[0];
    byId("voice").value = names.includes(chosen) ? chosen : (usual?.name ?? "");
    this.chooseVoice();
  }

  /** What the server is to be asked for, but for the text. */
  request() {
    const { voice } = this;
    const request = voice ? { voice: voice.name } : {};
    if (!byId("style-field").hidden && byId("style").selectedIndex > 0) {
      request.style = byId("style").value;
    }
    for (const { name, field } of this.sliders) {
      if (!field.hidden && this.moved.has(name)) request[name] = this.moved.get(name);
    }
    return request;
  }

  get voice() {
    return this.voices.find(({ name }) => name === byId("voice").value);
  }

  chooseVoice() {
    const { voice } = this;
    if (!voice) return;
    byId("style-field").hidden = voice.styles.length < 2;
    byId("style").replaceChildren(
      ...voice.styles.map((style) => make("option", { value: style }, style)),
    );
    if (voice.styles.includes(this.stored.style)) byId("style").value = this.stored.style;
    byId("licence").replaceChildren(link(voice.url, voice.licence || "–"));
    byId("credit").replaceChildren(...linked(voice.credit || "–"));
    const ignored = new Set(voice.ignored_options);
    for (const { field, option } of this.sliders) field.hidden = ignored.has(option);
    this.showSliders();
    this.store();
    this.onVoice(voice);
  }

  makeSlider({ name, option, low, high, step }) {
    const id = `slider-${name}`;
    const output = make("output", { for: id });
    const input = make("input", { id, type: "range", min: low, max: high, step });
    const label = make("label", { for: id }, make("span", { "data-text": name }), output);
    const field = make("div", { class: "slider" }, label, input);
    input.addEventListener("input", () => {
      this.moved.set(name, Number(input.value));
      this.showSliders();
    });
    input.addEventListener("change", () => this.store());
    byId("sliders").append(field);
    return { name, input, output, field, option };
  }

  /** Where they were moved to, else where the voice is of itself. */
  showSliders() {
    for (const { name, input, output } of this.sliders) {
      const value = this.moved.get(name) ?? this.voice?.options[name] ?? 1;
      input.value = value;
      output.value = `${value.toFixed(2)}×`;
    }
  }

  reset() {
    this.moved.clear();
    this.showSliders();
    this.store();
  }

  store() {
    const [voice, style] = [byId("voice").value, byId("style").value];
    this.stored = { voice, style, moved: Object.fromEntries(this.moved) };
    remember(STORED, JSON.stringify(this.stored));
  }
}

/** A voice with one of its styles, which the picker of styles has as well. */
function isOnlyStyle({ name, voice, styles }) {
  return styles.some((style) => name === `${voice}:${style}`);
}

function readStored() {
  try {
    return JSON.parse(recall(STORED)) ?? {};
  } catch {
    return {};
  }
}
