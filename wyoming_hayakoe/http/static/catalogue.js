/** Voices that can be added, and how far those are that are being added. */

import { availableVoices, installVoice, reinstallVoice } from "./api.js";
import { byId, link, make } from "./dom.js";
import { say } from "./texts.js";

const POLL_MS = 1000;

export class Catalogue {
  /** @param onReady Called when there is a voice more; `tell` with news, `complain` with problems. */
  constructor({ onReady, tell, complain }) {
    this.onReady = onReady;
    this.tell = tell;
    this.complain = complain;
    this.voices = [];
    this.timer = 0;
  }

  /** Ask how it is with the voices; again soon while one is being installed. */
  async load() {
    clearTimeout(this.timer);
    const before = new Map(this.voices.map(({ name, state }) => [name, state]));
    this.voices = await availableVoices();
    for (const voice of this.voices) {
      if (before.get(voice.name) === "loading") this.report(voice);
    }
    if (this.voices.some(isLoading)) {
      this.timer = setTimeout(() => this.load().catch(this.complain), POLL_MS);
    }
    this.draw();
  }

  report({ title, state }) {
    if (state === "ready") {
      this.tell(say("installed", title));
      this.onReady();
    } else if (state === "failed") {
      this.tell(say("installFailed", title));
    }
  }

  async install(voice) {
    const before = voice.state;
    voice.state = "loading";
    this.draw();
    byId("catalogue").focus();
    try {
      if (before === "failed") await reinstallVoice(voice.name);
      else await installVoice(voice.name, voice.source);
    } catch (problem) {
      voice.state = before;
      this.complain(problem);
    }
    await this.load().catch(this.complain);
  }

  draw() {
    const missing = this.voices.filter(({ state }) => state !== "ready");
    const rows = missing.map((voice) => this.drawVoice(voice));
    if (!rows.length) rows.push(make("li", { class: "hint" }, say("noMoreVoices")));
    byId("catalogue-count").textContent = missing.length;
    byId("catalogue").replaceChildren(...rows);
  }

  drawVoice(voice) {
    const button = make(
      "button",
      {
        type: "button",
        disabled: isLoading(voice),
        onclick: () => this.install(voice),
      },
      say({ loading: "installing", failed: "tryAgain" }[voice.state] ?? "install"),
      make("span", { class: "hidden" }, ` ${voice.title}`),
    );
    const facts = make(
      "div",
      {},
      make("p", { class: "name" }, voice.title),
      make("p", { class: "hint" }, `${voice.licence} · `, link(voice.terms, say("terms"))),
    );
    return make(
      "li",
      {},
      make("div", { class: "row" }, facts, button),
      isLoading(voice) ? drawProgress(voice) : null,
      voice.state === "failed" ? make("p", { class: "problem" }, voice.failure ?? "") : null,
    );
  }
}

function isLoading({ state }) {
  return state === "loading";
}

function drawProgress({ title, fetched_bytes: fetched, total_bytes: total }) {
  const isKnown = total > 0;
  return make("progress", {
    "aria-label": say("installProgress", title),
    max: isKnown ? total : null,
    value: isKnown ? fetched : null,
  });
}
