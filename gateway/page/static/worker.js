// Off the page's thread: what is drawn of a song's samples.

import { melPicture } from "./mel.js";

const PEAKS = 1500;

self.onmessage = ({ data: { channels, rate } }) => {
  const mono = mixed(channels);
  self.postMessage({ peaks: peaks(mono) });
  self.postMessage({ mel: melPicture(mono, rate) });
};

function mixed(channels) {
  const [mono, ...others] = channels;
  for (const channel of others) {
    for (let n = 0; n < mono.length; n++) mono[n] += channel[n];
  }
  return mono;
}

/** Loudness over time, 0 to 1: between the highest sample, which hides dynamics, and the mean power. */
function peaks(mono) {
  const values = new Float32Array(Math.min(PEAKS, mono.length));
  for (let i = 0; i < values.length; i++) {
    const start = Math.floor((i * mono.length) / values.length);
    const end = Math.floor(((i + 1) * mono.length) / values.length);
    let highest = 0;
    let power = 0;
    for (let n = start; n < end; n++) {
      highest = Math.max(highest, Math.abs(mono[n]));
      power += mono[n] ** 2;
    }
    values[i] = highest + 2 * Math.sqrt(power / Math.max(1, end - start));
  }
  const loudest = values.reduce((a, b) => Math.max(a, b), 1e-9);
  return values.map((value) => value / loudest);
}
