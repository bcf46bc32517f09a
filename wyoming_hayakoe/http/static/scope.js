/** Draws what is heard, while it is: the waveform and the spectrum. */

const LOWEST_HZ = 80;
const HIGHEST_HZ = 12000;
const FLOOR_DB = -95;
const CEILING_DB = -25;
const BAR_PX = 5;
const AFTERGLOW_MS = 400;

export class Scope {
  constructor(waveform, spectrum) {
    this.waveform = waveform;
    this.spectrum = spectrum;
    this.analyser = null;
    this.quietAt = 0;
    this.isDrawing = false;
    new ResizeObserver(() => this.drawFlat()).observe(waveform);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.drawFlat());
  }

  /** Draw from now on. */
  start(analyser) {
    this.analyser = analyser;
    this.quietAt = Infinity;
    if (!analyser || this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => this.draw());
  }

  /** Draw until it is quiet. */
  stop() {
    this.quietAt = performance.now() + AFTERGLOW_MS;
  }

  draw() {
    if (performance.now() > this.quietAt) {
      this.isDrawing = false;
      this.drawFlat();
      return;
    }
    const samples = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(samples);
    this.drawWaveform(samples);
    const levels = new Float32Array(this.analyser.frequencyBinCount);
    this.analyser.getFloatFrequencyData(levels);
    this.drawSpectrum(levels, this.analyser.context.sampleRate / 2);
    requestAnimationFrame(() => this.draw());
  }

  drawFlat() {
    if (this.isDrawing) return;
    this.drawWaveform(new Float32Array(2));
    this.drawSpectrum(new Float32Array(2).fill(-Infinity), HIGHEST_HZ);
  }

  drawWaveform(samples) {
    const { pen, width, height } = prepare(this.waveform);
    pen.strokeStyle = colour("--accent");
    pen.lineWidth = 1.75;
    pen.lineJoin = "round";
    pen.beginPath();
    const start = risingEdge(samples);
    const count = Math.min(samples.length - start, Math.max(samples.length / 2, 2));
    for (let index = 0; index < count; index += 1) {
      const x = (index / (count - 1)) * width;
      // Ordinary speech should fill the height; a shout is bent, not cut.
      const y = height / 2 - Math.tanh(samples[start + index] * 2) * (height / 2 - 4);
      if (index) pen.lineTo(x, y);
      else pen.moveTo(x, y);
    }
    pen.stroke();
  }

  drawSpectrum(levels, nyquistHz) {
    const { pen, width, height } = prepare(this.spectrum);
    const bars = Math.floor(width / BAR_PX);
    const step = (HIGHEST_HZ / LOWEST_HZ) ** (1 / bars);
    const binHz = nyquistHz / levels.length;
    pen.fillStyle = colour("--accent");
    for (let bar = 0; bar < bars; bar += 1) {
      const from = Math.floor((LOWEST_HZ * step ** bar) / binHz);
      const to = Math.max(Math.ceil((LOWEST_HZ * step ** (bar + 1)) / binHz), from + 1);
      const peak = Math.max(FLOOR_DB, ...levels.subarray(from, to));
      const level = Math.min((peak - FLOOR_DB) / (CEILING_DB - FLOOR_DB), 1);
      const tall = 2 + level * (height - 8);
      pen.globalAlpha = 0.35 + 0.65 * level;
      pen.fillRect(bar * BAR_PX + 1, height - tall - 2, BAR_PX - 2, tall);
    }
    pen.globalAlpha = 1;
  }
}

/** Where the picture stands still from frame to frame, as on an oscilloscope. */
function risingEdge(samples) {
  for (let index = 1; index < samples.length / 2; index += 1) {
    if (samples[index - 1] < 0 && samples[index] >= 0) return index;
  }
  return 0;
}

function prepare(canvas) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const wanted = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== wanted[0] || canvas.height !== wanted[1]) {
    [canvas.width, canvas.height] = wanted;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name);
}
