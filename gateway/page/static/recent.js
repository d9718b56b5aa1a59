// Songs that this browser has had analysed: results and the outline of the waveform, never audio.

import { day, genreName, mark, t } from "./language.js";
import { make } from "./results.js";

const KEPT = "acousticsense.recent";
const MOST = 12;
const OUTLINE = 300; // peaks that are kept, a byte each
const $ = (id) => document.getElementById(id);

/** What is kept, newest first; nothing where storage is off or was written by something else. */
export function records() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

/** Keep a song's results; the same file again replaces its record. */
export function remember(song) {
  const others = records().filter((each) => !isSame(each, song));
  write([{ ...song, peaks: outline(song.peaks) }, ...others].slice(0, MOST));
}

export function forget() {
  write([]);
}

export const isSame = (one, other) => one.name === other.name && one.bytes === other.bytes;

function write(list) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(list));
  } catch {
    // full or switched off: the page works without a memory
  }
}

function outline(peaks) {
  if (!peaks?.length) return [];
  return Array.from({ length: OUTLINE }, (_, i) => {
    const first = Math.floor((i * peaks.length) / OUTLINE);
    const last = Math.max(first + 1, Math.floor(((i + 1) * peaks.length) / OUTLINE));
    return Math.round(100 * Math.max(...peaks.slice(first, last))) / 100;
  });
}

/** The list, each with its outline; `open` shows one. */
export function showRecords(open) {
  const kept = records();
  $("recent").hidden = !kept.length;
  $("records").replaceChildren(...kept.map((song) => {
    const button = make("button", "record");
    button.type = "button";
    button.setAttribute("aria-label", t("recent.open", { name: song.name }));
    const facts = [
      song.genre && genreName(song.genre.top_genre),
      song.chorus?.chorus_segments.length
        && t("recent.chorus", { time: mark(song.chorus.thumbnail[0].interval[0]) }),
    ].filter(Boolean);
    button.append(
      sketch(song),
      make("span", "record-name", song.name),
      make("span", "record-facts", facts.join(" · ")),
      make("span", "record-day", day(song.at)),
    );
    button.onclick = () => open(song);
    return make("li", "", "", button);
  }));
}

/** A small waveform as SVG: bars, the choruses raised. */
function sketch({ peaks, chorus, seconds }) {
  const count = 36;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${count * 4 - 1} 40`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  for (let i = 0; i < count; i++) {
    const at = ((i + 0.5) / count) * seconds;
    const isChorus = chorus?.chorus_segments.some(({ interval }) => at >= interval[0] && at < interval[1]);
    const peak = peaks.length ? peaks[Math.floor(((i + 0.5) / count) * peaks.length)] : 0.1;
    const bar = document.createElementNS(svg.namespaceURI, "rect");
    const half = Math.max(1, 15 * peak);
    const box = { x: 4 * i, y: 21 - half - (isChorus ? 5 : 0), width: 3, height: 2 * half };
    for (const [name, value] of Object.entries(box)) bar.setAttribute(name, value);
    bar.setAttribute("class", isChorus ? "is-chorus" : "");
    svg.append(bar);
  }
  return svg;
}
