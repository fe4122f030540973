// Sound in the browser: decoded, encoded as WAV, played, and drawn as a spectrogram.

const WINDOW = 256; // samples
const BYTES = 2; // a sample in a WAV file
const HEADER = 44;
const RATE = 48_000; // samples a second of what is decoded
let context = null;

/** The page's audio context: browsers allow one only after the user has pressed something. */
const audio = () => (context ??= new AudioContext());

/** One channel of a recording in any format that the browser reads, as { samples, rate }. */
export async function decode(bytes) {
  const buffer = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(bytes);
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, channel) => buffer.getChannelData(channel));
  return { samples: channels[0].map((_, index) => channels.reduce((sum, channel) => sum + channel[index], 0) / channels.length), rate: buffer.sampleRate };
}

/** A WAV file of 16-bit samples. */
export function wavOf({ samples, rate }) {
  const view = new DataView(new ArrayBuffer(HEADER + BYTES * samples.length));
  const text = (offset, value) => [...value].forEach((letter, index) => view.setUint8(offset + index, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, HEADER - 8 + BYTES * samples.length, true);
  text(8, "WAVEfmt ");
  [16, 0x10001].forEach((value, index) => view.setUint32(16 + 4 * index, value, true)); // PCM, one channel
  view.setUint32(24, rate, true);
  view.setUint32(28, BYTES * rate, true);
  view.setUint32(32, (8 * BYTES << 16) + BYTES, true);
  text(36, "data");
  view.setUint32(40, BYTES * samples.length, true);
  samples.forEach((value, index) => view.setInt16(HEADER + BYTES * index, 32767 * Math.min(1, Math.max(-1, value)), true));
  return new Blob([view], { type: "audio/wav" });
}

export function play({ samples, rate }) {
  const buffer = audio().createBuffer(1, samples.length, rate);
  buffer.copyToChannel(samples, 0);
  const source = new AudioBufferSourceNode(audio(), { buffer });
  source.connect(audio().destination);
  source.start();
}

/** Record until the returned function is called; it resolves to the recording's bytes. */
export async function record() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const recorder = new MediaRecorder(stream);
  const parts = [];
  recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
  recorder.start();
  return () =>
    new Promise((resolve) => {
      recorder.addEventListener("stop", () => {
        for (const track of stream.getTracks()) track.stop();
        resolve(new Blob(parts).arrayBuffer());
      });
      recorder.stop();
    });
}

/** Draw the frequencies up to 4 kHz over time: a column of the canvas is one window, a row one frequency, low ones at the bottom. */
export function drawSpectrogram(canvas, { samples, rate }) {
  const step = Math.max(1, Math.round(rate / 8000)); // of every step-th sample
  const size = WINDOW * step;
  const columns = Math.min(600, Math.max(1, Math.floor((2 * samples.length) / size)));
  const rows = WINDOW / 2;
  Object.assign(canvas, { width: columns, height: rows });
  const levels = Array.from({ length: columns }, (_, column) => levelsOf(samples, Math.floor((column * Math.max(0, samples.length - size)) / Math.max(1, columns - 1)), step));
  const loudest = Math.max(...levels.map((column) => Math.max(...column)));
  const style = getComputedStyle(canvas);
  const drawing = canvas.getContext("2d");
  drawing.fillStyle = style.backgroundColor;
  drawing.fillRect(0, 0, columns, rows);
  drawing.fillStyle = style.color;
  levels.forEach((column, x) => column.forEach((level, frequency) => {
    drawing.globalAlpha = Math.min(1, Math.max(0, 1 + (level - loudest) / 6)); // 6 powers of e, or 52 dB
    drawing.fillRect(x, rows - 1 - frequency, 1, 1);
  }));
}

/** The logarithms of the amplitudes of a window's frequencies. */
function levelsOf(samples, start, step) {
  const real = new Float64Array(WINDOW);
  const imaginary = new Float64Array(WINDOW);
  for (let index = 0; index < WINDOW; index++) {
    let sum = 0; // the mean of step samples lets few frequencies above 4 kHz through
    for (let part = 0; part < step; part++) sum += samples[start + index * step + part] ?? 0;
    real[index] = (sum / step) * (0.5 - 0.5 * Math.cos((2 * Math.PI * index) / WINDOW));
  }
  transform(real, imaginary);
  return Array.from({ length: WINDOW / 2 }, (_, index) => Math.log(1e-7 + Math.hypot(real[index], imaginary[index])));
}

/** The discrete Fourier transform in place, by Cooley and Tukey's algorithm. */
function transform(real, imaginary) {
  const size = real.length;
  for (let index = 1, reversed = 0; index < size; index++) {
    let bit = size >> 1;
    for (; reversed & bit; bit >>= 1) reversed ^= bit;
    reversed ^= bit;
    if (index < reversed) for (const part of [real, imaginary]) [part[index], part[reversed]] = [part[reversed], part[index]];
  }
  for (let half = 1; half < size; half *= 2) {
    for (let offset = 0; offset < half; offset++) {
      const [cosine, sine] = [Math.cos((Math.PI * offset) / half), -Math.sin((Math.PI * offset) / half)];
      for (let low = offset; low < size; low += 2 * half) {
        const high = low + half;
        const [a, b] = [real[high] * cosine - imaginary[high] * sine, real[high] * sine + imaginary[high] * cosine];
        [real[high], imaginary[high]] = [real[low] - a, imaginary[low] - b];
        [real[low], imaginary[low]] = [real[low] + a, imaginary[low] + b];
      }
    }
  }
}
