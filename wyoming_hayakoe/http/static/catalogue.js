/** Voices that can be added, and how far those are that are being added. */

import { availableVoices, installVoice, voiceStates } from "./api.js";
import { byId, link, make } from "./dom.js";
import { say } from "./texts.js";

const POLL_MS = 1000;

export class Catalogue {
  /** @param onReady Called when there is a voice more; `tell` with news, `complain` with problems. */
  constructor({ onReady, tell, complain }) {
    this.onReady = onReady;
    this.tell = tell;
    this.complain = complain;
    this.available = [];
    this.states = new Map();
    this.wanted = new Set();
    this.timer = 0;
  }

  async load() {
    [this.available] = await Promise.all([availableVoices(), this.look()]);
    this.draw();
  }

  /** Ask how it is with the voices; again soon while something is going on. */
  async look() {
    clearTimeout(this.timer);
    const states = await voiceStates();
    this.states = new Map(states.map((state) => [state.name, state]));
    for (const name of [...this.wanted]) this.settle(name, this.states.get(name));
    if (states.some(({ state }) => state === "loading")) {
      this.timer = setTimeout(() => this.look().then(() => this.draw(), this.complain), POLL_MS);
    }
  }

  settle(name, state) {
    if (!state || state.state === "loading") return;
    this.wanted.delete(name);
    if (state.state === "ready") {
      this.tell(say("installed", state.title ?? name));
      this.onReady();
    } else {
      this.complain({ message: say("installFailed", state.title ?? name, state.failure ?? "") });
    }
  }

  async install(voice) {
    this.wanted.add(voice.name);
    this.states.set(voice.name, { name: voice.name, state: "loading" });
    this.draw();
    try {
      await installVoice(voice.name, voice.source);
      await this.look();
    } catch (problem) {
      this.wanted.delete(voice.name);
      this.states.delete(voice.name);
      this.complain(problem);
    }
    this.draw();
  }

  draw() {
    const missing = this.available.filter(({ name }) => this.states.get(name)?.state !== "ready");
    const rows = missing.map((voice) => this.drawVoice(voice, this.states.get(voice.name)));
    if (!rows.length) rows.push(make("li", { class: "hint" }, say("noMoreVoices")));
    byId("catalogue").replaceChildren(...rows);
  }

  drawVoice(voice, status) {
    const isLoading = status?.state === "loading";
    const title = make("span", { class: "name" }, voice.title);
    const terms = make(
      "p",
      { class: "hint" },
      `${voice.licence} · `,
      link(voice.terms, say("terms")),
    );
    const button = make(
      "button",
      {
        type: "button",
        "aria-label": say("installOf", voice.title),
        disabled: isLoading,
        onclick: () => this.install(voice),
      },
      isLoading ? say("installing") : say("install"),
    );
    return make(
      "li",
      {},
      make("div", { class: "row" }, make("div", {}, title, terms), button),
      isLoading ? drawProgress(voice, status) : null,
    );
  }
}

function drawProgress(voice, { fetched_bytes: fetched, total_bytes: total }) {
  const isKnown = total > 0;
  return make("progress", {
    "aria-label": say("installProgress", voice.title),
    max: isKnown ? total : null,
    value: isKnown ? fetched : null,
  });
}
