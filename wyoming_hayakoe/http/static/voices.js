/** Who speaks, and how: the pickers and the sliders. */

import { voices } from "./api.js";
import { byId, link, linked, make } from "./dom.js";
import { recall, remember, say } from "./texts.js";

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
    this.sliders = new Map(SLIDERS.map((slider) => [slider.name, this.makeSlider(slider)]));
    byId("voice").addEventListener("change", () => this.chooseVoice());
    byId("style").addEventListener("change", () => this.store());
    byId("reset").addEventListener("click", () => this.reset());
  }

  /** Ask which voices there are, and keep the choice if it still exists. */
  async load() {
    const chosen = byId("voice").value || this.stored.voice;
    this.voices = await voices();
    byId("voice").replaceChildren(
      ...this.voices.map(({ name, title }) =>
        make("option", { value: name }, title === name ? name : `${title} (${name})`),
      ),
    );
    const names = this.voices.map(({ name }) => name);
    const usual = this.voices.find((voice) => voice.is_default)?.name ?? names[0] ?? "";
    byId("voice").value = names.includes(chosen) ? chosen : usual;
    this.chooseVoice();
  }

  /** What the server is to be asked for, but for the text. */
  request() {
    const voice = this.voice;
    const request = voice ? { voice: voice.name } : {};
    if (!byId("style-field").hidden && byId("style").value) request.style = byId("style").value;
    for (const [name, { input, field }] of this.sliders) {
      if (!field.hidden && Number(input.value) !== 1) request[name] = Number(input.value);
    }
    return request;
  }

  get voice() {
    return this.voices.find(({ name }) => name === byId("voice").value);
  }

  chooseVoice() {
    const voice = this.voice;
    if (!voice) return;
    const styles = voice.styles ?? [];
    byId("style-field").hidden = styles.length < 2;
    byId("style").replaceChildren(...styles.map((style) => make("option", { value: style }, style)));
    if (styles.includes(this.stored.style)) byId("style").value = this.stored.style;
    byId("licence").replaceChildren(link(voice.url, voice.licence || "–"));
    byId("credit").replaceChildren(...linked(voice.credit || "–"));
    const ignored = new Set(voice.ignored_options ?? []);
    for (const { field, option } of this.sliders.values()) field.hidden = ignored.has(option);
    this.store();
    this.onVoice(voice);
  }

  makeSlider({ name, option, low, high, step }) {
    const id = `slider-${name}`;
    const value = clamp(Number(this.stored[name] ?? 1), low, high);
    const output = make("output", { for: id });
    const input = make("input", { id, type: "range", min: low, max: high, step, value });
    const label = make("label", { for: id }, make("span", { "data-text": name }), output);
    const field = make("div", { class: "slider" }, label, input);
    const show = () => (output.value = `${Number(input.value).toFixed(2)}×`);
    input.addEventListener("input", show);
    input.addEventListener("change", () => this.store());
    show();
    label.firstChild.textContent = say(name);
    byId("sliders").append(field);
    return { input, field, option, show };
  }

  reset() {
    for (const { input, show } of this.sliders.values()) {
      input.value = 1;
      show();
    }
    this.store();
  }

  store() {
    this.stored = { voice: byId("voice").value, style: byId("style").value };
    for (const [name, { input }] of this.sliders) this.stored[name] = Number(input.value);
    remember(STORED, JSON.stringify(this.stored));
  }
}

function readStored() {
  try {
    return JSON.parse(recall(STORED)) ?? {};
  } catch {
    return {};
  }
}

function clamp(value, low, high) {
  return Number.isFinite(value) ? Math.min(Math.max(value, low), high) : 1;
}
