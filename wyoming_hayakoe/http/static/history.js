/** What was spoken in this session; the sound of the latest is kept. */

import { byId, make } from "./dom.js";
import { say } from "./texts.js";

const MOST = 30;
const KEPT_BYTES = 64 * 1024 * 1024;

export class History {
  /** @param actions `{ replay, takeBack, save }`, each called with what was spoken. */
  constructor(actions) {
    this.actions = actions;
    this.speeches = [];
  }

  add(speech, voiceTitle) {
    const others = this.speeches.filter((other) => !isSame(other.speech, speech));
    this.speeches = [{ speech, voiceTitle }, ...others].slice(0, MOST);
    this.forgetSound();
    this.draw();
  }

  draw() {
    byId("history-empty").hidden = this.speeches.length > 0;
    byId("history").replaceChildren(...this.speeches.map((entry) => this.drawEntry(entry)));
  }

  drawEntry({ speech, voiceTitle }) {
    const { text } = speech.request;
    const facts = [
      voiceTitle,
      speech.request.style,
      speech.seconds && say("seconds", speech.seconds.toFixed(1)),
      speech.firstAudioMs !== null && say("milliseconds", Math.round(speech.firstAudioMs)),
    ];
    const button = (sign, label, act) =>
      make(
        "button",
        {
          type: "button",
          class: "quiet",
          "aria-label": say(label, text),
          title: say(label, ""),
          onclick: () => act(speech),
        },
        sign,
      );
    const { replay, takeBack, save } = this.actions;
    return make(
      "li",
      {},
      make(
        "div",
        {},
        make("p", { class: "said", lang: "ja" }, text),
        make("p", { class: "with" }, facts.filter(Boolean).join(" · ")),
      ),
      make(
        "div",
        { class: "buttons" },
        button("▶", "again", replay),
        button("↥", "takeBack", takeBack),
        button("↓", "saveOf", save),
      ),
    );
  }

  forgetSound() {
    let bytes = 0;
    for (const { speech } of this.speeches) {
      bytes += (speech.pcm ?? []).reduce((sum, block) => sum + block.byteLength, 0);
      if (bytes > KEPT_BYTES) speech.pcm = null;
    }
  }
}

function isSame(one, other) {
  return JSON.stringify(one.request) === JSON.stringify(other.request);
}
