// The panels below the waveform: sections, genres, and the answer as a program gets it.

import { genreName, mark, percent, seconds, t, tenths } from "./language.js";
import { invokePath } from "./server.js";
import { nameOf } from "./stage.js";

const $ = (id) => document.getElementById(id);
const SURE = 40; // percent; below it the genre is called a guess
const SHORT = 15; // seconds; the protocol makes such a clip its own chorus

/** An element with a class, words, and children. */
export function make(tag, className = "", text = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  element.append(...children);
  return element;
}

/** The answer in words: what is found, and how sure it is. */
export function headline({ genre, chorus, seconds: length }) {
  const name = genre && genreName(genre.top_genre);
  const time = chorus?.chorus_segments.length ? mark(chorus.thumbnail[0].interval[0]) : "";
  const lines = [];
  if (genre) lines.push(t(isSure(genre) ? "result.genre" : "result.perhaps", { genre: name }));
  if (chorus) lines.push(t(time ? "result.chorus" : "result.noChorus", { time }));
  const lead = t("result.lead", { genre: genreLead(genre, name), chorus: chorusLead(chorus, length) });
  return { lines, time, lead };
}

/** The headline's lines, the time in them marked. */
export function headlineElements({ lines, time }) {
  return lines.map((line) => {
    if (!time || !line.includes(time)) return make("span", "line", line);
    const [before, after] = line.split(time);
    return make("span", "line", before, make("mark", "", time), after);
  });
}

/** A file's name that may be broken after its marks, and not in a word. */
export function breakable(name) {
  return name.split(/(?<=[_.\s-])/).flatMap((part) => [part, document.createElement("wbr")]);
}

function genreLead(genre, name) {
  if (!genre) return "";
  const confidence = percent(genre.top_confidence / 100);
  return t(isSure(genre) ? "result.sure" : "result.unsure", { genre: name, confidence });
}

const isSure = (genre) => genre.top_confidence >= SURE;

function chorusLead(chorus, whole) {
  if (!chorus) return "";
  if (whole < SHORT) return t("result.clip");
  const count = chorus.chorus_segments.length;
  const best = chorus.thumbnail[0];
  if (!count) return best ? t("result.likeliest", { time: mark(best.interval[0]) }) : "";
  const length = seconds(Math.round(best.duration));
  const first = mark(chorus.chorus_segments[0].interval[0]);
  return t(count === 1 ? "result.one" : "result.many", { count, first, length });
}

/**
 * The sections as rows; each is a button where the song can be played.
 *
 * @param {(section: object) => void} play
 */
export function showSections(sections, canPlay, play) {
  $("sections").replaceChildren(...sections.map((section) => {
    const row = make(canPlay ? "button" : "div", "section");
    row.classList.toggle("is-chorus", section.isChorus);
    const name = make("span", "section-name", nameOf(section));
    if (section.isBest && section.isChorus) name.append(make("span", "badge", t("section.best")));
    const chance = percent(section.chance);
    const meter = make("span", "meter");
    meter.append(make("span", "meter-fill"));
    meter.firstChild.style.width = `${Math.round(100 * section.chance)}%`;
    row.append(
      make("span", "section-mark", String(section.number)),
      name,
      make("span", "section-time", `${tenths(section.start)} – ${tenths(section.end)}`),
      make("span", "section-length", seconds(section.end - section.start, "short")),
      make("span", "section-chance", t("section.chance", { chance }), meter),
    );
    if (canPlay) {
      row.type = "button";
      row.setAttribute("aria-label", t("section.label", {
        name: nameOf(section), start: mark(section.start), end: mark(section.end), chance,
      }));
      row.onclick = () => play(section);
    }
    return make("li", "", "", row);
  }));
}

/** Mark the row of the section that is played. */
export function markSection(sections, active, isPlaying) {
  [...$("sections").children].forEach(({ firstChild }, index) => {
    const isActive = sections[index] === active;
    firstChild.classList.toggle("is-active", isActive);
    firstChild.classList.toggle("is-playing", isActive && isPlaying);
    if (isActive) firstChild.setAttribute("aria-current", "true");
    else firstChild.removeAttribute("aria-current");
  });
}

export function showGenres(genre) {
  $("genres").replaceChildren(...(genre?.analysis_results ?? []).map((each) => {
    const share = each.confidence / 100;
    const bar = make("span", "genre-bar");
    bar.append(make("span", "genre-fill"));
    bar.firstChild.style.width = `${Math.max(0.5, each.confidence)}%`;
    return make("li", "", "",
      make("span", "genre-name", genreName(each.genre)), make("span", "genre-share", percent(share)), bar);
  }));
}

/** What a program would get and send; never with the reader's own key. */
export function showAnswers({ genre, chorus, name, isLocked }, copied) {
  const answers = [
    ["answer.genre", genre && JSON.stringify(genre, null, 2)],
    ["answer.chorus", chorus && compact(chorus)],
    ["answer.curl", commands(name, isLocked)],
  ];
  $("answers").replaceChildren(...answers.filter(([, text]) => text).map(([key, text]) => {
    const copy = make("button", "quiet copy", t("copy"));
    copy.type = "button";
    copy.setAttribute("aria-label", t("copy.label", { what: t(key) }));
    const shown = make("pre", "", "", make("code", "", text));
    shown.tabIndex = 0; // it scrolls
    shown.setAttribute("role", "region");
    shown.setAttribute("aria-label", t(key));
    const details = make("details", "", "", make("summary", "", t(key)), shown);
    copy.onclick = async () => {
      const worked = await copyText(text);
      details.open ||= !worked; // to be selected there
      copied(worked, copy);
    };
    return make("div", "answer", "", details, copy);
  }));
}

/** JSON with a segment a line: the whole of it would be long to read. */
function compact(chorus) {
  const lines = Object.entries(chorus).map(([name, value]) => {
    if (!Array.isArray(value) || !value.length) return `  "${name}": ${JSON.stringify(value)}`;
    return `  "${name}": [\n${value.map((each) => `    ${JSON.stringify(each)}`).join(",\n")}\n  ]`;
  });
  return `{\n${lines.join(",\n")}\n}`;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // no permission, or an address without TLS
  }
}

function commands(name, isLocked) {
  const base = new URL("./", document.baseURI).href;
  const file = `'${name.replaceAll("'", "'\\''")}'`;
  const key = isLocked ? " -H 'Authorization: Bearer YOUR_API_KEY'" : "";
  return [
    `curl${key} -F file=@${file} ${base}analyze-audio`,
    `(printf '{"data":"'; base64 < ${file} | tr -d '\\n'; printf '"}') |`,
    `  curl${key} --data-binary @- '${base}${invokePath("DeepChorus", isLocked)}'`,
  ].join("\n");
}
