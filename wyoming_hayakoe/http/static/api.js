/** What the page asks the server for. All addresses are relative, so that any prefix will do. */

import { currentLanguage, recall, remember, say } from "./texts.js";

const KEY = "hayakoe.key";

/** What the server says is wrong; `message` is for people. */
export class Problem extends Error {
  constructor(message, { status = 0, code = "" } = {}) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

let askForKey = null;
let asking = null;

/** Say who asks the user for a key: a function that promises one. */
export function onKeyNeeded(ask) {
  askForKey = ask;
}

/**
 * Ask the server; a key is asked for when it wants one.
 *
 * @returns {Promise<Response>} with a status below 400
 * @throws {Problem}
 */
export async function ask(path, { method = "GET", json, signal } = {}) {
  const headers = new Headers({ "Accept-Language": currentLanguage() });
  const key = recall(KEY, "sessionStorage");
  if (key) headers.set("Authorization", `Bearer ${key}`);
  if (json !== undefined) headers.set("Content-Type", "application/json");
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      signal,
      body: json === undefined ? undefined : JSON.stringify(json),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(say("unreachable"));
  }
  if (response.status === 401 && askForKey) {
    // Several requests may find out at once; the user is asked once.
    asking ??= askForKey().finally(() => (asking = null));
    remember(KEY, await asking, "sessionStorage");
    return ask(path, { method, json, signal });
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function problemOf(response) {
  if (response.status === 429) {
    const seconds = response.headers.get("Retry-After") ?? "60";
    return new Problem(say("wait", seconds), { status: 429, code: "too-many-requests" });
  }
  let error = {};
  try {
    error = (await response.json()).error ?? {};
  } catch {
    // Somebody in between has answered, in a manner of their own.
  }
  const message = [error.message ?? `${response.status} ${response.statusText}`, error.hint];
  return new Problem(message.filter(Boolean).join("\n"), {
    status: response.status,
    code: error.code,
  });
}

async function askJson(path, options) {
  return (await ask(path, options)).json();
}

/** Sound as it is made: PCM of 16 bits at this rate. */
export function speechStream(request, sampleRate, signal) {
  const json = { ...request, format: "pcm", sample_rate: sampleRate };
  return ask("synthesize/stream", { method: "POST", json, signal });
}

/** The whole sound as a file. */
export async function speechFile(request, format, signal) {
  const json = { ...request, format };
  return (await ask("synthesize", { method: "POST", json, signal })).blob();
}

export async function voices() {
  return (await askJson("voices")).voices;
}

/** Those of the catalogue, with how it is with each here. */
export async function availableVoices() {
  return (await askJson("voices/available")).voices;
}

export function installVoice(name, source) {
  return ask("voices", { method: "POST", json: { name, source } });
}

/** Try once more with one that could not be had. */
export function reinstallVoice(name) {
  return ask(`voices/${encodeURIComponent(name)}/reload`, { method: "POST" });
}

export async function read(text, signal) {
  return (await askJson("read", { method: "POST", json: { text }, signal })).sentences;
}

export async function dictionaryWords() {
  return (await askJson("dictionary")).words;
}

export function saveWord(word) {
  return ask("dictionary", { method: "POST", json: word });
}

export function removeWord(surface) {
  return ask(`dictionary/${encodeURIComponent(surface)}`, { method: "DELETE" });
}

export function health() {
  return askJson("health");
}

export async function metricsText() {
  return (await ask("metrics")).text();
}
