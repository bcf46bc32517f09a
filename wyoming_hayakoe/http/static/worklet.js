/** Plays what is sent to it without gaps, and counts those that there are all the same. */

const BEGIN_S = 0.06; // sound that must be there before it begins
const RESUME_S = 0.2; // and after it ran out
const FADE_S = 0.005; // so that a stop does not click
const REPORT_S = 0.05;

class StreamPlayer extends AudioWorkletProcessor {
  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.take(data);
    this.tail = new Float32Array(0);
    this.begin(0);
  }

  begin(generation) {
    this.generation = generation;
    this.queue = [];
    this.offset = 0;
    this.queued = 0;
    this.played = 0;
    this.missing = 0;
    this.gaps = 0;
    this.isPlaying = false;
    this.hasBegun = false;
    this.isComplete = false;
    this.isStopping = false;
    this.hasEnded = true;
    this.sinceReport = 0;
  }

  take(message) {
    if (message.type === "begin") {
      if (this.isPlaying) this.keepTail();
      this.begin(message.generation);
      this.hasEnded = false;
    } else if (message.generation !== this.generation) {
      return; // it belongs to what has been stopped
    } else if (message.type === "samples") {
      this.queue.push(message.samples);
      this.queued += message.samples.length;
    } else if (message.type === "complete") {
      this.isComplete = true;
    } else if (message.type === "stop") {
      this.fading = this.isPlaying ? Math.round(FADE_S * sampleRate) : 0;
      this.fadeLength = this.fading;
      this.isStopping = true;
    }
  }

  /** What is replaced while it sounds fades under what comes. */
  keepTail() {
    this.tail = new Float32Array(Math.round(FADE_S * sampleRate));
    this.fill(this.tail);
    this.tail.forEach((sample, index) => {
      this.tail[index] = sample * (1 - index / this.tail.length);
    });
  }

  mixTail(output) {
    const count = Math.min(output.length, this.tail.length);
    for (let index = 0; index < count; index += 1) output[index] += this.tail[index];
    this.tail = this.tail.subarray(count);
  }

  process(_, [[output]]) {
    if (this.hasEnded) return true;
    const needed = this.hasBegun ? RESUME_S : BEGIN_S;
    if (!this.isPlaying && (this.isComplete || this.queued >= needed * sampleRate)) {
      this.isPlaying = true;
      if (!this.hasBegun && this.queued) {
        this.hasBegun = true;
        this.report("playing");
      }
    }
    const filled = this.isPlaying ? this.fill(output) : 0;
    if (this.isStopping) this.fadeOut(output);
    else if (filled < output.length) this.runDry(output.length - filled);
    this.mixTail(output);
    this.sinceReport += output.length;
    if (!this.hasEnded && this.sinceReport >= REPORT_S * sampleRate) {
      this.sinceReport = 0;
      this.report("progress");
    }
    return true;
  }

  fill(output) {
    let filled = 0;
    while (filled < output.length && this.queue.length) {
      const samples = this.queue[0];
      const count = Math.min(output.length - filled, samples.length - this.offset);
      output.set(samples.subarray(this.offset, this.offset + count), filled);
      filled += count;
      this.offset += count;
      if (this.offset === samples.length) {
        this.queue.shift();
        this.offset = 0;
      }
    }
    this.queued -= filled;
    this.played += filled;
    return filled;
  }

  runDry(missing) {
    if (this.isComplete && !this.queued) {
      this.end("ended");
    } else if (this.hasBegun) {
      this.missing += missing;
      if (this.isPlaying) this.gaps += 1;
      this.isPlaying = false;
    }
  }

  fadeOut(output) {
    for (let index = 0; index < output.length; index += 1) {
      output[index] *= this.fading > 0 ? this.fading / this.fadeLength : 0;
      this.fading -= 1;
    }
    if (this.fading <= 0) {
      this.isStopping = false;
      this.end("stopped");
    }
  }

  end(type) {
    this.hasEnded = true;
    this.queue = [];
    this.report(type);
  }

  report(type) {
    const { generation, played, queued, missing, gaps } = this;
    this.port.postMessage({ type, generation, played, queued, missing, gaps });
  }
}

registerProcessor("stream-player", StreamPlayer);
