// The waveform and its playback, by pointer and by keyboard.

import { clock, onLanguage, t } from "./language.js";
import { Player } from "./player.js";
import { emblem, Wave } from "./wave.js";

const STEP = 5; // seconds of an arrow key
const RISE = 600; // milliseconds
const $ = (id) => document.getElementById(id);

export class Stage {
  player = new Player();
  #canvas = $("wave");
  #wave = new Wave(this.#canvas);
  #sections = [];
  #listeners = [];
  #note = "";
  #bestKey = "best";
  #frame = 0;

  constructor() {
    this.player.addEventListener("change", () => this.#follow());
    $("play").onclick = () => this.#toggle();
    $("play-best").onclick = () => this.#playBest();
    $("loop").onclick = () => this.player.setLoop(!this.player.loops);
    this.#canvas.addEventListener("pointerdown", (event) => this.#press(event));
    this.#canvas.addEventListener("pointermove", (event) => this.#point(event));
    this.#canvas.addEventListener("pointerleave", () => this.#wave.set({ pointed: null }));
    this.#canvas.addEventListener("keydown", (event) => this.#key(event));
    onLanguage(() => this.#follow());
  }

  /** Call `use(position, section, isPlaying)` whenever playback moves. */
  onMove(use) {
    this.#listeners.push(use);
  }

  /** The empty page's row of bars. */
  showEmblem() {
    this.#clear();
    this.#wave.set(emblem());
    this.#rise();
  }

  /** Bars that fill while a song is sent; its own shape comes with `showPeaks`. */
  showProgress(share) {
    if (this.#wave.view.progress === null) {
      this.#clear();
    }
    this.#wave.set({ progress: share });
  }

  showPeaks(peaks) {
    this.#wave.set({ peaks });
  }

  /** The same row, flat, its group fallen: nothing came of it. */
  showFailure() {
    this.#clear();
    this.#wave.set({ ...emblem(), peaks: [], lift: -1 });
  }

  /**
   * A song with its sections; the choruses rise.
   *
   * @param {{duration: number, sections: object[], peaks: ArrayLike<number>, isSure: boolean}} song
   */
  showSong({ duration, sections, peaks, isSure }) {
    this.#clear();
    this.#sections = sections;
    this.#bestKey = isSure ? "best" : "likeliest";
    this.#wave.set({ duration, sections, peaks });
    this.#rise();
    this.#follow();
  }

  /** Let the song be played; `buffer` is null where that cannot be, and `note` says why. */
  setAudio(buffer, note = "", canReopen = false) {
    this.player.load(buffer);
    this.#note = note;
    $("transport").hidden = !buffer;
    $("silent").hidden = !note;
    $("reopen").hidden = !canReopen;
    $("play-best").hidden = !this.#sections.some((each) => each.isBest);
    if (buffer) {
      this.#canvas.setAttribute("role", "slider");
      this.#canvas.setAttribute("aria-describedby", "keys");
      this.#canvas.removeAttribute("aria-hidden");
      this.#canvas.tabIndex = 0;
    }
    this.#follow();
  }

  playSection(section) {
    this.player.playSection(section);
  }

  #clear() {
    this.player.load(null);
    this.#sections = [];
    this.#note = "";
    this.#wave.set({
      peaks: [], duration: 1, sections: [], progress: null, position: null, active: null,
      pointed: null, isMotif: false,
    });
    for (const name of ["role", "aria-describedby", "tabindex", "aria-label", "aria-valuenow",
      "aria-valuetext", "aria-valuemin", "aria-valuemax"]) {
      this.#canvas.removeAttribute(name);
    }
    this.#canvas.setAttribute("aria-hidden", "true");
    $("transport").hidden = $("silent").hidden = true;
  }

  #rise() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.#wave.set({ lift: 1 });
      return;
    }
    const began = performance.now();
    const next = (now) => {
      const share = Math.min(1, Math.max(0, (now - began) / RISE));
      this.#wave.set({ lift: 1 - (1 - share) ** 3 });
      if (share < 1) requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }

  #toggle() {
    if (this.player.isPlaying) this.player.pause();
    else this.player.play();
  }

  #playBest() {
    const best = this.#sections.find((each) => each.isBest);
    if (best) this.player.playSection(best);
  }

  #at(event) {
    const box = this.#canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  #press(event) {
    if (event.button !== 0 || !this.player.duration) return;
    const [x, y] = this.#at(event);
    const section = this.#wave.sectionAt(x, y);
    if (section) {
      this.player.playSection(section);
    } else {
      this.#canvas.setPointerCapture(event.pointerId);
      this.player.seek(this.#wave.secondsAt(x));
    }
  }

  #point(event) {
    if (!this.player.duration) return;
    const [x, y] = this.#at(event);
    if (event.buttons & 1 && this.#canvas.hasPointerCapture(event.pointerId)) {
      this.player.seek(this.#wave.secondsAt(x));
      return;
    }
    const pointed = this.#wave.sectionAt(x, y);
    this.#canvas.classList.toggle("on-block", Boolean(pointed));
    this.#wave.set({ pointed });
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.player.duration) return;
    const { player } = this;
    const actions = {
      " ": () => this.#toggle(),
      ArrowRight: () => player.seek(player.position + STEP),
      ArrowUp: () => player.seek(player.position + STEP),
      ArrowLeft: () => player.seek(player.position - STEP),
      ArrowDown: () => player.seek(player.position - STEP),
      Home: () => player.seek(0),
      End: () => player.seek(player.duration),
      PageDown: () => this.#neighbour(1),
      PageUp: () => this.#neighbour(-1),
      c: () => this.#playBest(),
      l: () => player.setLoop(!player.loops),
    };
    const act = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #neighbour(step) {
    const index = this.#sections.indexOf(this.#sectionAt(this.player.position)) + step;
    const next = this.#sections[index];
    if (next) this.player.playSection(next);
  }

  #sectionAt(seconds) {
    return this.#sections.find(({ start, end }) => seconds >= start && seconds < end);
  }

  /** Bring everything up to where playback is; again with each frame while it runs. */
  #follow() {
    const { player } = this;
    this.#wave.set({ bestName: t(this.#bestKey) });
    $("silent-words").textContent = this.#note ? t(this.#note) : "";
    if (!player.duration) return;
    const { position } = player;
    const active = player.section;
    this.#wave.set({ position, active });
    $("position").textContent = clock(position);
    $("length").textContent = ` / ${clock(player.duration)}`;
    $("play").setAttribute("aria-label", t(player.isPlaying ? "pause" : "play"));
    $("play").classList.toggle("is-playing", player.isPlaying);
    $("loop").setAttribute("aria-pressed", String(player.loops));
    this.#speak(position);
    this.#listeners.forEach((use) => use(position, active, player.isPlaying));
    if (player.isPlaying) {
      cancelAnimationFrame(this.#frame);
      this.#frame = requestAnimationFrame(() => this.#follow());
    }
  }

  #speak(position) {
    const here = this.#sectionAt(position);
    const section = here ? nameOf(here) : "";
    const values = { time: clock(position), length: clock(this.player.duration), section };
    const attributes = {
      "aria-label": t("wave"),
      "aria-valuemin": 0,
      "aria-valuemax": Math.floor(this.player.duration),
      "aria-valuenow": Math.floor(position),
      "aria-valuetext": t("wave.at", values),
    };
    for (const [name, value] of Object.entries(attributes)) {
      if (this.#canvas.getAttribute(name) !== String(value)) this.#canvas.setAttribute(name, value);
    }
  }
}

export const nameOf = ({ isChorus, number }) =>
  t(isChorus ? "section.chorus" : "section.part", { number });
