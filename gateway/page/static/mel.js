// The mel spectrum of a song as a picture: bands over time, decibels as bytes.

import { Fft } from "./fft.js";

export const BANDS = 128;
export const TOP_HERTZ = 8000;
const WINDOW = 4096; // samples; at 44.1 kHz the 93 ms of the genre network's front end
const HOP = WINDOW / 2;
const MOST_COLUMNS = 1200;
const RANGE = 80; // decibels below the loudest that are still told apart

/** Slaney's mel scale: linear to 1 kHz, logarithmic above. */
export const toMel = (hertz) => (hertz < 1000 ? (3 * hertz) / 200 : 15 + Math.log(hertz / 1000) / (Math.log(6.4) / 27));
const toHertz = (mel) => (mel < 15 ? (200 * mel) / 3 : 1000 * Math.exp((mel - 15) * (Math.log(6.4) / 27)));

/**
 * @param {Float32Array} mono samples
 * @param {number} rate hertz
 * @returns {{columns: number, picture: Uint8Array}} `BANDS` rows of `columns`, the highest band first
 */
export function melPicture(mono, rate) {
  const frames = Math.max(1, Math.floor((mono.length - WINDOW) / HOP) + 1);
  const columns = Math.min(frames, MOST_COLUMNS);
  const power = new Float64Array(BANDS * columns);
  const bank = filters(rate);
  spectra(mono, frames, (frame, spectrum) => {
    const column = Math.floor((frame * columns) / frames);
    bank.forEach(({ first, weights }, band) => {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * spectrum[first + k];
      power[band * columns + column] += sum;
    });
  });
  return { columns, picture: asDecibels(power, columns) };
}

/** Power spectra of all frames. Two frames share a transform: one is its real part, one its imaginary. */
function spectra(mono, frames, use) {
  const fft = new Fft(WINDOW);
  const hann = Float64Array.from({ length: WINDOW }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / WINDOW));
  const re = new Float64Array(WINDOW);
  const im = new Float64Array(WINDOW);
  const one = new Float64Array(WINDOW / 2);
  const two = new Float64Array(WINDOW / 2);
  for (let frame = 0; frame < frames; frame += 2) {
    const at = frame * HOP;
    for (let n = 0; n < WINDOW; n++) {
      re[n] = hann[n] * (mono[at + n] ?? 0);
      im[n] = hann[n] * (mono[at + HOP + n] ?? 0);
    }
    fft.transform(re, im);
    for (let k = 1; k < WINDOW / 2; k++) {
      const j = WINDOW - k;
      one[k] = (re[k] + re[j]) ** 2 + (im[k] - im[j]) ** 2;
      two[k] = (im[k] + im[j]) ** 2 + (re[j] - re[k]) ** 2;
    }
    use(frame, one);
    if (frame + 1 < frames) use(frame + 1, two);
  }
}

/** Triangles of equal width in mel and equal area, each with its first bin. */
function filters(rate) {
  const top = toMel(TOP_HERTZ);
  const edges = Array.from({ length: BANDS + 2 }, (_, i) => toHertz((top * i) / (BANDS + 1)));
  const bin = rate / WINDOW;
  return Array.from({ length: BANDS }, (_, band) => {
    const [low, middle, high] = edges.slice(band, band + 3);
    const first = Math.ceil(low / bin);
    const weights = [];
    for (let k = first; k * bin < high && k < WINDOW / 2; k++) {
      const hertz = k * bin;
      const side = hertz < middle ? (hertz - low) / (middle - low) : (high - hertz) / (high - middle);
      weights.push((side * 2) / (high - low));
    }
    return { first, weights };
  });
}

function asDecibels(power, columns) {
  const loudest = power.reduce((a, b) => Math.max(a, b), 1e-12);
  const picture = new Uint8Array(power.length);
  for (let band = 0; band < BANDS; band++) {
    for (let column = 0; column < columns; column++) {
      const decibels = 10 * Math.log10(Math.max(power[band * columns + column] / loudest, 1e-12));
      const row = BANDS - 1 - band;
      picture[row * columns + column] = Math.round(255 * Math.max(0, 1 + decibels / RANGE));
    }
  }
  return picture;
}
