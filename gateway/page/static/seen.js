// What the page shows in each of its states; main.js says when.

import { clock, failureWords, seconds, size, t } from "./language.js";
import {
  breakable, headline, headlineElements, showAnswers, showGenres, showSections,
} from "./results.js";

const $ = (id) => document.getElementById(id);
const { limit, locked } = document.body.dataset;
// What the same song would fail with again
const HOPELESS = ["tooLarge", "unreadable", 40000011, 40000012, 40000013, 40000016, 40200014];

let step = ["working.reading"];

/** Go to a state, and take the keyboard and the screen reader along. */
export function show(state, heading) {
  document.body.dataset.state = state;
  scrollTo({ top: 0 });
  $(heading).focus({ preventScroll: true });
}

/** Tell a screen reader what eyes can see. */
export function say(words) {
  $("told").textContent = words;
}

/** What is being done, named as in strings.js. */
export function showStep(...words) {
  step = words;
  document.body.classList.toggle("is-listening", words[0] === "working.listening");
  writeStep();
}

export function writeStep() {
  $("working-step").textContent = t(...step);
}

export function writeWorking(name) {
  $("working-title").replaceChildren(...breakable(name));
}

function wordsOf({ code, wait }) {
  return failureWords(code, { size: size(Number(limit)), wait: seconds(wait) });
}

export function writeFailure(failure, name) {
  const { title, advice } = wordsOf(failure);
  const isHopeless = HOPELESS.includes(failure.code);
  $("error-title").textContent = title;
  $("error-advice").textContent = advice;
  $("error-said").textContent = failure.said ? t("error.said", { words: failure.said }) : "";
  $("error-name").textContent = name;
  $("retry").hidden = isHopeless;
  $("error-choose").className = isHopeless ? "primary" : "second";
}

/** All that is said of a song; `play` plays one of its sections. */
export function writeResult(song, play) {
  const found = headline(song);
  $("result-title").replaceChildren(...headlineElements(found));
  $("result-lead").textContent = found.lead;
  const facts = [song.name, song.seconds ? clock(song.seconds) : "", size(song.bytes)];
  $("result-facts").textContent = facts.filter(Boolean).join(" · ");
  showSections(song.sections, Boolean(song.buffer), play);
  showGenres(song.genre);
  writeNote("sections-note", song.chorusFailure);
  writeNote("genre-note", song.genreFailure);
  showAnswers({ ...song, isLocked: Boolean(locked) }, tellCopied);
}

/** One half of the answer may have failed by itself. */
function writeNote(id, failure) {
  $(id).hidden = !failure;
  if (!failure) return;
  const { title, advice } = wordsOf(failure);
  $(id).textContent = `${title} ${advice} ${failure.said}`;
}

function tellCopied(worked, button) {
  button.textContent = t(worked ? "copied" : "copy.failed");
  say(button.textContent);
}
