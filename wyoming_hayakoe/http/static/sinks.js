/**
 * Where sound goes. A sink plays one stream at a time:
 *
 *   begin(listener), push(Float32Array), complete(), stop(); queuedSeconds; analyser
 *
 * and calls listener({ type, played, gaps }) with type "playing", "progress", "ended" or "stopped",
 * `played` in seconds.
 */

const RATE_HZ = 48000;

/** The best sink that this browser has; null if it can play whole files only. */
export async function openSink() {
  const Context = window.AudioContext ?? window.webkitAudioContext;
  if (!Context || !window.ReadableStream || !("body" in Response.prototype)) return null;
  const context = new Context({ sampleRate: RATE_HZ, latencyHint: "interactive" });
  context.resume(); // before anything is waited for: some browsers forget the click meanwhile
  if (context.audioWorklet && window.AudioWorkletNode) {
    try {
      await context.audioWorklet.addModule(new URL("worklet.js", import.meta.url));
      return new WorkletSink(context);
    } catch {
      // The other one needs no module.
    }
  }
  return new BufferSink(context);
}

class Sink {
  constructor(context) {
    this.context = context;
    this.sampleRate = context.sampleRate;
    this.analyser = new AnalyserNode(context, { fftSize: 2048, smoothingTimeConstant: 0.7 });
    this.analyser.connect(context.destination);
    this.generation = 0;
    this.listener = () => {};
  }

  /** Must be called from a click or a key press, or the browser keeps it silent. */
  begin(listener) {
    this.context.resume();
    this.listener = listener;
    this.generation += 1;
  }
}

/** Plays in the audio thread, where nothing that the page does can disturb it. */
class WorkletSink extends Sink {
  constructor(context) {
    super(context);
    this.kind = "worklet";
    this.queuedSeconds = 0;
    this.unreported = 0;
    this.node = new AudioWorkletNode(context, "stream-player", {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    this.node.connect(this.analyser);
    this.node.port.onmessage = ({ data }) => {
      if (data.generation !== this.generation) return;
      this.unreported = 0;
      this.queuedSeconds = data.queued / this.sampleRate;
      this.listener({ ...data, played: data.played / this.sampleRate });
    };
  }

  begin(listener) {
    super.begin(listener);
    this.queuedSeconds = 0;
    this.send({ type: "begin" });
  }

  push(samples) {
    this.queuedSeconds += samples.length / this.sampleRate;
    this.send({ type: "samples", samples }, [samples.buffer]);
  }

  complete() {
    this.send({ type: "complete" });
  }

  stop() {
    this.send({ type: "stop" });
  }

  send(message, transfer = []) {
    this.node.port.postMessage({ ...message, generation: this.generation }, transfer);
  }
}

/** Plays one buffer after the other, each begun on the sample at which the one before ends. */
class BufferSink extends Sink {
  constructor(context) {
    super(context);
    this.kind = "buffers";
    this.sources = new Set();
  }

  get queuedSeconds() {
    return Math.max(this.nextTime - this.context.currentTime, 0);
  }

  begin(listener) {
    this.silence();
    super.begin(listener);
    this.nextTime = 0;
    this.pushed = 0;
    this.gaps = 0;
    this.isComplete = false;
  }

  push(samples) {
    const buffer = this.context.createBuffer(1, samples.length, this.sampleRate);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.analyser);
    const soonest = this.context.currentTime + 0.06;
    if (this.nextTime < this.context.currentTime) {
      if (this.pushed) this.gaps += 1;
      this.nextTime = Math.ceil(soonest * this.sampleRate) / this.sampleRate;
    }
    source.start(this.nextTime);
    if (!this.pushed) this.report("playing");
    this.pushed += samples.length;
    this.nextTime += samples.length / this.sampleRate;
    this.sources.add(source);
    source.onended = () => this.hasEnded(source);
  }

  complete() {
    this.isComplete = true;
    if (!this.sources.size) this.report("ended");
  }

  stop() {
    this.silence();
    this.report("stopped");
  }

  silence() {
    for (const source of this.sources) {
      source.onended = null;
      source.stop();
      source.disconnect();
    }
    this.sources.clear();
  }

  hasEnded(source) {
    this.sources.delete(source);
    source.disconnect();
    this.report(this.isComplete && !this.sources.size ? "ended" : "progress");
  }

  report(type) {
    const played = this.pushed / this.sampleRate - this.queuedSeconds;
    this.listener({ type, played, gaps: this.gaps });
  }
}
