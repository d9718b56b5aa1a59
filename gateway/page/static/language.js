// Words in the reader's language, and how times, sizes and shares are written in it.

import { FAILURES, GENRES, LANGUAGES, STRINGS } from "./strings.js";

const KEPT = "acousticsense.language";

let language = recall() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
const followers = [];

function recall() {
  try {
    const kept = localStorage.getItem(KEPT);
    return kept in LANGUAGES ? kept : null;
  } catch {
    return null; // storage is switched off
  }
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

export const t = (key, values = {}) => fill(STRINGS[key][LANGUAGES[language]], values);

/** Title and advice for a failure, by its code or by a name of the page's own. */
export function failureWords(code, values) {
  const words = (FAILURES[code] ?? FAILURES.other)[LANGUAGES[language]];
  return { title: words[0], advice: fill(words[1], values) };
}

export const genreName = (genre) => (language === "zh" ? GENRES[genre] ?? genre : genre);

/** Call `redraw` whenever the language changes. */
export const onLanguage = (redraw) => followers.push(redraw);

export function setLanguage(chosen) {
  language = chosen;
  try {
    localStorage.setItem(KEPT, chosen);
  } catch {
    // storage is switched off: the choice lasts as long as the page
  }
  translate();
  followers.forEach((redraw) => redraw());
}

/** Put words wherever the document names them, and mark the language that is on. */
export function translate() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = `AcousticSense – ${t("empty.title")}`;
  for (const element of document.querySelectorAll("[data-t]")) {
    element.textContent = t(element.dataset.t);
  }
  for (const element of document.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.dataset.tLabel));
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
}

const locale = () => (language === "zh" ? "zh-CN" : "en");

/** `1:05`, the second that is running */
export function clock(seconds) {
  const whole = Math.floor(Math.max(0, seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** `1:05`, the nearest second: where something begins or ends */
export const mark = (seconds) => clock(Math.round(seconds));

/** `1:05.3` */
export function tenths(seconds) {
  const count = Math.round(10 * seconds);
  return `${clock(Math.floor(count / 10))}.${count % 10}`;
}

export function percent(share) {
  return new Intl.NumberFormat(locale(), { style: "percent" }).format(share);
}

export function seconds(number, unitDisplay = "long") {
  const options = { style: "unit", unit: "second", unitDisplay, maximumFractionDigits: 1 };
  return new Intl.NumberFormat(locale(), options).format(number);
}

/** `8.1 MB`, in powers of 1024 as the server counts. */
export function size(bytes) {
  const large = bytes >= 2 ** 20;
  const number = bytes / (large ? 2 ** 20 : 2 ** 10);
  const digits = { maximumFractionDigits: large && number < 100 ? 1 : 0 };
  return `${new Intl.NumberFormat(locale(), digits).format(number)} ${large ? "MB" : "KB"}`;
}

export function day(milliseconds) {
  const options = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
  return new Intl.DateTimeFormat(locale(), options).format(milliseconds);
}
