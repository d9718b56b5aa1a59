// The waveform: bars of loudness, choruses raised out of the row, sections below, seconds at the foot.

import { clock } from "./language.js";

const TOP = 34; // css pixels, for the best chorus's bracket
const STRIP = 20; // height of the sections' row
const FOOT = 20; // height of the seconds' row
const GAP = 12;
const LIFT = 10; // how far a chorus stands above the rest
const FLAT = 0.06;

/**
 * Draws on one canvas whatever `view` says:
 * - `peaks`: 0 to 1, any number; `duration`: seconds
 * - `sections`: as song.js cuts them; `bestName`: the bracket's words
 * - `progress`: 0 to 1 while bars fill, null afterwards
 * - `position`: seconds, or null without a playhead
 * - `active`: the section that is played; `pointed`: the one under the pointer
 * - `lift`: 0 to 1, how far the choruses have risen
 * - `isMotif`: bars alone, as on the empty page
 */
export class Wave {
  view = {
    peaks: [], duration: 1, sections: [], bestName: "", progress: null, position: null,
    active: null, pointed: null, lift: 1, isMotif: false,
  };
  #canvas;
  #pen;
  #colours = {};
  #width = 0;
  #height = 0;
  #due = 0;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext("2d");
    new ResizeObserver(() => this.#resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
    this.#resize();
  }

  /** Change what is seen; it is drawn with the next frame. */
  set(changes) {
    Object.assign(this.view, changes);
    this.#due ||= requestAnimationFrame(() => this.#draw());
  }

  recolour() {
    this.#colours = {};
    this.set({});
  }

  secondsAt(x) {
    return (Math.min(Math.max(0, x), this.#width) / this.#width) * this.view.duration;
  }

  /** The section whose block is at this point, if one is. */
  sectionAt(x, y) {
    const top = this.#height - FOOT - STRIP - LIFT;
    if (y < top || y > this.#height - FOOT + 4) return null;
    const at = this.secondsAt(x);
    return this.view.sections.find(({ start, end }) => at >= start && at < end) ?? null;
  }

  #resize() {
    const ratio = devicePixelRatio || 1;
    this.#width = this.#canvas.clientWidth;
    this.#height = this.#canvas.clientHeight;
    this.#canvas.width = Math.round(this.#width * ratio);
    this.#canvas.height = Math.round(this.#height * ratio);
    this.#pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.set({});
  }

  #colour(name) {
    return (this.#colours[name] ??= getComputedStyle(this.#canvas).getPropertyValue(`--${name}`));
  }

  #x(seconds) {
    return (seconds / this.view.duration) * this.#width;
  }

  #draw() {
    this.#due = 0;
    if (!this.#width) return;
    this.#pen.clearRect(0, 0, this.#width, this.#height);
    const { sections, active, isMotif } = this.view;
    if (active) this.#shade(active);
    if (!isMotif) this.#boundaries(sections);
    this.#bars();
    if (sections.length && !isMotif) {
      this.#strip(sections);
      this.#seconds();
      const best = sections.find((each) => each.isBest);
      if (best) this.#bracket(best);
    }
    if (this.view.position !== null) this.#playhead();
  }

  /** Vertical middle of the bars, and how far they reach from it. */
  #room() {
    const { isMotif } = this.view;
    const top = isMotif ? LIFT : TOP;
    const room = this.#height - top - (isMotif ? LIFT : STRIP + FOOT + LIFT + GAP);
    return { middle: top + room / 2, reach: room / 2 };
  }

  #shade({ start, end }) {
    this.#pen.fillStyle = this.#colour("shade");
    this.#pen.fillRect(this.#x(start), TOP - 6, this.#x(end) - this.#x(start), this.#height - TOP - FOOT);
  }

  #boundaries(sections) {
    this.#pen.fillStyle = this.#colour("line");
    for (const { start } of sections.slice(1)) {
      this.#pen.fillRect(Math.round(this.#x(start)), TOP, 1, this.#height - TOP - FOOT - STRIP);
    }
  }

  #bars() {
    const { peaks, sections, progress, duration, active, lift } = this.view;
    const step = this.#width < 600 ? 4 : 6;
    const count = Math.floor((this.#width + 2) / step);
    const { middle, reach } = this.#room();
    for (let i = 0; i < count; i++) {
      const at = ((i + 0.5) / count) * duration;
      const here = sections.find(({ start, end }) => at >= start && at < end);
      const rise = here?.isChorus ? lift : 0;
      const half = Math.max(1, reach * loudness(peaks, i / count, (i + 1) / count));
      const isFaint = progress !== null ? i / count >= progress : active && here !== active;
      const name = rise ? (here.isBest ? "best" : "chorus") : "bar";
      this.#pen.fillStyle = this.#colour(isFaint ? `${name}-faint` : name);
      this.#pen.fillRect(i * step, middle - half - rise * LIFT, step - 2, 2 * half);
    }
  }

  #strip(sections) {
    const pen = this.#pen;
    const bottom = this.#height - FOOT;
    pen.font = `600 12px ${this.#colour("sans")}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (const each of sections) {
      const x = this.#x(each.start);
      const width = Math.max(2, this.#x(each.end) - x - 2);
      const top = bottom - STRIP - (each.isChorus ? this.view.lift * LIFT * 0.6 : 0);
      pen.fillStyle = this.#colour(each.isChorus ? "best" : "block");
      if (each === this.view.pointed || each === this.view.active) pen.fillStyle = this.#colour("ink");
      pen.fillRect(x, top, width, STRIP);
      if (width < 18) continue;
      pen.fillStyle = this.#colour(
        each === this.view.pointed || each === this.view.active ? "paper" : each.isChorus ? "on-best" : "ink",
      );
      pen.fillText(each.number, x + width / 2, top + STRIP / 2 + 1);
    }
  }

  #seconds() {
    const pen = this.#pen;
    const steps = [5, 10, 15, 30, 60, 120];
    const step = steps.find((each) => this.#x(each) > 64) ?? 240;
    pen.font = `12px ${this.#colour("sans")}`;
    pen.fillStyle = this.#colour("ink-soft");
    pen.textBaseline = "alphabetic";
    for (let at = 0; at < this.view.duration; at += step) {
      const x = this.#x(at);
      pen.textAlign = at === 0 ? "left" : "center";
      if (x < this.#width - 20) pen.fillText(clock(at), x, this.#height - 3);
    }
  }

  /** A bracket over the best chorus, with its name where there is room. */
  #bracket({ start, end }) {
    const pen = this.#pen;
    const [left, right] = [this.#x(start), this.#x(end) - 2];
    pen.fillStyle = this.#colour("best-text");
    pen.fillRect(left, 24, right - left, 2);
    pen.fillRect(left, 24, 2, 6);
    pen.fillRect(right - 2, 24, 2, 6);
    pen.font = `700 13px ${this.#colour("sans")}`;
    pen.textBaseline = "alphabetic";
    const width = pen.measureText(this.view.bestName).width;
    pen.textAlign = "left";
    pen.fillText(this.view.bestName, Math.min(left, this.#width - width), 17);
  }

  #playhead() {
    const pen = this.#pen;
    const x = Math.min(this.#x(this.view.position), this.#width - 2);
    pen.fillStyle = this.#colour("ink");
    pen.fillRect(x, TOP - 6, 2, this.#height - TOP - FOOT + 6);
    pen.fillRect(x - 3, TOP - 10, 8, 8);
  }
}

function loudness(peaks, from, to) {
  if (!peaks.length) return FLAT;
  const first = Math.floor(from * peaks.length);
  const last = Math.max(first + 1, Math.floor(to * peaks.length));
  let loudest = 0;
  for (let i = first; i < last; i++) loudest = Math.max(loudest, peaks[i]);
  return loudest;
}

/** A made-up song for the empty page: the row of bars with one group raised. */
export function emblem() {
  const peaks = Array.from({ length: 240 }, (_, i) => {
    const slow = 0.36 + 0.12 * Math.sin(i / 17) + 0.08 * Math.sin(i / 7.3);
    const quick = 0.16 * Math.abs(Math.sin(i * 2.17)) + 0.12 * Math.abs(Math.sin(i * 0.83));
    const raised = i >= 138 && i < 186 ? 0.14 + 0.1 * Math.sin((i - 138) / 15) : 0;
    return (slow + quick + raised) * Math.min(1, (i + 8) / 30, (246 - i) / 34);
  });
  const section = (start, end, isChorus) => ({ start, end, isChorus, isBest: isChorus });
  const sections = [section(0, 138, false), section(138, 186, true), section(186, 240, false)];
  return { peaks, sections, duration: 240, isMotif: true };
}
