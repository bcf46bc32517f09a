/** How the server is doing, at a glance. */

import { health, metricsText } from "./api.js";
import { byId, make } from "./dom.js";
import { say } from "./texts.js";

const POLL_MS = 5000;
const STATES = { ok: "serverWell", degraded: "serverDegraded", unready: "serverBusy" };

export class Health {
  constructor() {
    this.facts = null;
    this.sums = new Map();
    this.timer = 0;
    document.addEventListener("visibilitychange", () => this.look());
  }

  /** Ask now, and every few seconds while somebody looks. */
  async look() {
    clearTimeout(this.timer);
    if (document.hidden) return;
    try {
      const [facts, metrics] = await Promise.all([health(), metricsText()]);
      this.facts = facts;
      this.sums = sumsOf(metrics);
    } catch {
      this.facts = null;
    }
    this.draw();
    this.timer = setTimeout(() => this.look(), POLL_MS);
  }

  draw() {
    const state = byId("server-state");
    const { facts } = this;
    const isWell = facts?.status === "ok";
    const news = say(facts ? STATES[facts.status] : "serverGone");
    if (state.textContent !== news) state.textContent = news;
    state.title = facts?.reasons.join("\n") ?? "";
    state.classList.toggle("is-well", isWell);
    state.classList.toggle("is-ill", !facts);
    if (facts) byId("metrics").replaceChildren(...this.rows(facts));
  }

  rows(facts) {
    const mean = (name) => {
      const count = this.sums.get(`${name}_count`);
      return count ? this.sums.get(`${name}_sum`) / count : null;
    };
    const shown = (value, show) => (value === null || value === undefined ? "–" : show(value));
    const rows = {
      version: facts.version,
      uptime: duration(facts.uptime_s),
      voicesReady: facts.voices_loaded.length,
      queue: facts.queue,
      requests: this.sums.get("hayakoe_requests_total") ?? 0,
      meanFirstAudio: shown(mean("hayakoe_ttfa_seconds"), (seconds) =>
        say("milliseconds", Math.round(seconds * 1000)),
      ),
      meanRtf: shown(mean("hayakoe_rtf"), (factor) => factor.toFixed(3)),
      spoken: duration(this.sums.get("hayakoe_audio_seconds_total") ?? 0),
    };
    return Object.entries(rows).map(([key, value]) =>
      make("div", {}, make("dt", {}, say(key)), make("dd", {}, String(value ?? "–"))),
    );
  }
}

/** Of each metric, the sum over all its labels. */
function sumsOf(text) {
  const sums = new Map();
  for (const line of text.split("\n")) {
    const match = /^([a-zA-Z_:]+)(?:\{.*\})? ([0-9.eE+-]+)$/.exec(line);
    if (match) sums.set(match[1], (sums.get(match[1]) ?? 0) + Number(match[2]));
  }
  return sums;
}

function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = String(Math.floor(seconds % 60)).padStart(2, "0");
  return `${hours}:${String(minutes).padStart(2, "0")}:${rest}`;
}
