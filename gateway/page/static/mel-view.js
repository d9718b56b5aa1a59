// Draws the mel picture, with its frequencies at the side and the playhead over it.

import { BANDS, TOP_HERTZ, toMel } from "./mel.js";

const $ = (id) => document.getElementById(id);
const STOPS = [
  [0, [10, 13, 20]], [0.3, [32, 44, 122]], [0.55, [122, 48, 142]], [0.78, [240, 86, 58]], [1, [255, 240, 208]],
];
const TICKS = [500, 1000, 2000, 4000];

export function showMel({ columns, picture }) {
  const canvas = $("mel");
  canvas.width = columns;
  canvas.height = BANDS;
  const image = new ImageData(columns, BANDS);
  const colours = ramp();
  picture.forEach((value, index) => image.data.set(colours[value], 4 * index));
  canvas.getContext("2d").putImageData(image, 0, 0);
  $("mel-scale").replaceChildren(...TICKS.map((hertz) => {
    const tick = document.createElement("span");
    tick.textContent = hertz < 1000 ? `${hertz} Hz` : `${hertz / 1000} kHz`;
    tick.style.bottom = `${(100 * toMel(hertz)) / toMel(TOP_HERTZ)}%`;
    return tick;
  }));
  $("mel-panel").hidden = false;
}

export function hideMel() {
  $("mel-panel").hidden = true;
}

/** Move the playhead to a share of the song. */
export function moveMel(share) {
  $("mel-head").style.left = `${100 * share}%`;
}

function ramp() {
  return Array.from({ length: 256 }, (_, value) => {
    const at = value / 255;
    const next = Math.max(1, STOPS.findIndex(([stop]) => stop >= at));
    const [[low, from], [high, to]] = [STOPS[next - 1], STOPS[next]];
    const share = (at - low) / (high - low);
    return [...from.map((each, i) => Math.round(each + share * (to[i] - each))), 255];
  });
}
