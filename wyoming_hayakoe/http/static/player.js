/** Speaks: asks for the sound and plays it while it comes; never two at once. */

import { Problem, speechFile, speechStream } from "./api.js";
import { openSink } from "./sinks.js";
import { say } from "./texts.js";

const AHEAD_S = 15; // sound that waits here; the rest waits on the server
const KEPT_S = 300; // longest sound that is kept to be played again

/**
 * States that the listener is told of:
 *
 *   waiting, playing, progress, finished, stopped, failed
 *
 * @typedef {object} Speech
 * @property {object} request What was asked for.
 * @property {number?} firstAudioMs From the click to the first sound that came.
 * @property {number?} rtf Waiting for the server per second of sound.
 * @property {number} seconds Sound so far.
 * @property {number} gaps How often there was none when there should have been.
 * @property {Int16Array[]?} pcm The sound; null if it is not complete, or too long to be kept.
 */
export class Player {
  /** @param {HTMLAudioElement} element Plays whole files where nothing better can. */
  constructor(element, listener) {
    this.element = element;
    this.listener = listener;
    this.sink = undefined;
    this.current = null;
  }

  get isBusy() {
    return this.current !== null;
  }

  get analyser() {
    return this.sink?.analyser ?? null;
  }

  /** Speak; what is being spoken stops. Call it from a click or a key press. */
  speak(request) {
    return this.run(request, (job) => this.stream(job));
  }

  /** Play what was spoken before. */
  replay(speech) {
    if (!speech.pcm || this.sink === null) return this.speak(speech.request);
    return this.run(speech.request, async (job) => {
      const { sampleRate } = speech;
      if (this.sink.sampleRate !== sampleRate) return this.stream(job);
      job.speech = speech;
      job.isWhole = true;
      for (const block of speech.pcm) this.sink.push(toFloat(block));
      this.sink.complete();
    });
  }

  /** Be silent at once. */
  stop() {
    const job = this.current;
    if (job) {
      this.end(job, "stopped");
      this.sink?.stop();
    }
    this.silenceElement(); // which its own buttons may have begun again
  }

  async run(request, play) {
    this.stop();
    const job = {
      abort: new AbortController(),
      begunAt: performance.now(),
      speech: { request, firstAudioMs: null, rtf: null, seconds: 0, gaps: 0, pcm: [] },
    };
    this.current = job;
    this.tell(job, "waiting");
    try {
      if (this.sink === undefined) this.sink = await this.openSink();
      if (this.current !== job) return;
      if (this.sink === null) {
        await this.playFile(job);
      } else {
        this.sink.begin((report) => this.hear(job, report));
        await play(job);
      }
    } catch (error) {
      if (this.current !== job) return;
      this.sink?.stop();
      this.end(job, "failed", error instanceof Problem ? error : new Problem(String(error)));
    }
  }

  /** Once; a second click must not open a second one. */
  openSink() {
    this.opening ??= openSink().catch(() => null);
    return this.opening;
  }

  async stream(job) {
    const { signal } = job.abort;
    const { speech } = job;
    speech.sampleRate = this.sink.sampleRate;
    const response = await speechStream(speech.request, speech.sampleRate, signal);
    const reader = response.body.getReader();
    let waitedMs = performance.now() - job.begunAt;
    let odd = new Uint8Array(0);
    for (;;) {
      const asked = performance.now();
      const { done, value } = await this.next(reader, signal);
      waitedMs += performance.now() - asked;
      if (done) break;
      speech.firstAudioMs ??= performance.now() - job.begunAt;
      const { samples, rest } = toSamples(odd, value);
      odd = rest;
      if (!samples.length) continue;
      speech.seconds += samples.length / speech.sampleRate;
      speech.rtf = waitedMs / 1000 / speech.seconds;
      if (speech.seconds > KEPT_S) speech.pcm = null;
      speech.pcm?.push(samples);
      this.sink.push(toFloat(samples));
      while (this.sink.queuedSeconds > AHEAD_S) await pause(200, signal);
    }
    job.isWhole = true;
    this.sink.complete();
  }

  async next(reader, signal) {
    try {
      return await reader.read();
    } catch (error) {
      if (signal.aborted) throw error;
      throw new Problem(say("cutOff"));
    }
  }

  /** Without streams: the whole sound in a player of the browser's own. */
  async playFile(job) {
    const { speech } = job;
    const file = await speechFile(speech.request, "wav", job.abort.signal);
    if (this.current !== job) return;
    speech.firstAudioMs = performance.now() - job.begunAt;
    speech.pcm = null;
    const { element } = this;
    element.hidden = false;
    element.src = URL.createObjectURL(file);
    element.onplaying = () => this.tell(job, "playing");
    element.onended = () => this.current === job && this.end(job, "finished");
    element.onerror = () =>
      this.current === job && this.end(job, "failed", new Problem(say("cutOff")));
    element.onloadedmetadata = () => {
      speech.seconds = element.duration;
      speech.rtf = speech.firstAudioMs / 1000 / element.duration;
    };
    try {
      await element.play();
    } catch (error) {
      if (error.name === "NotAllowedError") throw new Problem(say("pressPlay"));
      if (error.name !== "AbortError") throw error;
    }
  }

  silenceElement() {
    const { element } = this;
    if (!element.src) return;
    element.pause();
    element.onplaying = element.onended = element.onerror = null;
    URL.revokeObjectURL(element.src);
    element.removeAttribute("src");
    element.load();
  }

  hear(job, { type, gaps, played }) {
    if (this.current !== job) return;
    job.speech.gaps = gaps;
    job.played = played;
    if (type === "ended") this.end(job, "finished");
    else if (type !== "stopped") this.tell(job, type);
  }

  end(job, state, problem) {
    this.current = null;
    job.abort.abort();
    if (state !== "finished" && !job.isWhole) job.speech.pcm = null;
    this.tell(job, state, problem);
  }

  tell(job, state, problem = null) {
    this.listener(state, job.speech, problem);
  }
}

/** A WAV file of what was kept. */
export function wavOf({ pcm, sampleRate }) {
  const bytes = pcm.reduce((sum, block) => sum + block.byteLength, 0);
  const header = new DataView(new ArrayBuffer(44));
  const ascii = (offset, text) =>
    [...text].forEach((char, index) => header.setUint8(offset + index, char.charCodeAt(0)));
  ascii(0, "RIFF");
  header.setUint32(4, 36 + bytes, true);
  ascii(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true);
  header.setUint16(22, 1, true);
  header.setUint32(24, sampleRate, true);
  header.setUint32(28, sampleRate * 2, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  ascii(36, "data");
  header.setUint32(40, bytes, true);
  return new Blob([header, ...pcm], { type: "audio/wav" });
}

/** Little-endian bytes, of which the last may be half a sample. */
function toSamples(odd, bytes) {
  const all = new Uint8Array(odd.length + bytes.length);
  all.set(odd);
  all.set(bytes, odd.length);
  const even = all.length & ~1;
  const samples = new Int16Array(even / 2);
  const view = new DataView(all.buffer);
  for (let index = 0; index < samples.length; index += 1) {
    samples[index] = view.getInt16(index * 2, true);
  }
  return { samples, rest: all.slice(even) };
}

function toFloat(samples) {
  return Float32Array.from(samples, (sample) => sample / 32768);
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
