// From a chosen file to its results: in which order things happen.

import { choose, onDrop } from "./choosing.js";
import { askKey, dropKey, keptKey } from "./key.js";
import { onLanguage, setLanguage, size, t, translate } from "./language.js";
import { hideMel, moveMel, showMel } from "./mel-view.js";
import { forget, isSame, remember, showRecords } from "./recent.js";
import { headline, markSection } from "./results.js";
import { say, show, showStep, writeFailure, writeResult, writeStep, writeWorking } from "./seen.js";
import { analyse, Cancelled, Failure, sampleSong } from "./server.js";
import { decode, picture, sectionsOf } from "./song.js";
import { Stage } from "./stage.js";

const $ = (id) => document.getElementById(id);
const { sample, limit, locked } = document.body.dataset;
const isLocked = Boolean(locked);
const stage = new Stage();

let work = new AbortController(); // the analysis under way
let attempt = { name: "", again: () => {} }; // what was done last, to do it again
let shown = null; // the song whose results are seen
let failure = null; // the failure that is seen
let stopPicture = () => {};

// --- From a file to a song

function analyseFile(file) {
  attempt = { name: file.name, again: () => analyseFile(file) };
  return run(async (signal) => {
    if (file.size > Number(limit)) throw new Failure("tooLarge");
    return analysed(file, signal);
  });
}

function analyseSample() {
  attempt = { name: sample, again: analyseSample };
  return run(async (signal) => {
    showStep("working.fetching");
    return analysed(await sampleSong(sample, signal), signal);
  });
}

/** Do the work in the working state; whatever becomes of it is shown. */
async function run(doWork) {
  leave();
  const { signal } = (work = new AbortController());
  writeWorking(attempt.name);
  showStep("working.reading");
  progress(0);
  show("working", "working-title");
  try {
    const song = await doWork(signal);
    if (!signal.aborted) present(song);
  } catch (error) {
    if (!signal.aborted && !(error instanceof Cancelled)) await fail(error);
  }
}

async function fail(error) {
  if (error.status === 401) {
    dropKey();
    if (await askKey(true)) return attempt.again();
    return showFailure(new Failure("key"));
  }
  return showFailure(error instanceof Failure ? error : new Failure("other", { said: String(error) }));
}

/** Analyse on the server and decode here, at once. */
async function analysed(file, signal) {
  const key = isLocked ? keptKey() || (await askKey()) : "";
  if (isLocked && !key) throw new Failure("key");
  const song = { name: file.name, bytes: file.size, at: Date.now(), peaks: [], mel: null };
  const decoded = decode(file).then((buffer) => {
    if (buffer && !signal.aborted) stopPicture = picture(buffer, (part) => receive(song, part));
    return buffer;
  });
  Object.assign(song, await analyse(file, key, tellSent, signal));
  song.buffer = await decoded;
  song.sections = song.chorus ? sectionsOf(song.chorus) : [];
  song.seconds = song.sections.at(-1)?.end ?? song.buffer?.duration ?? 0;
  return song;
}

/** A part of the picture is ready, before the results or after them. */
function receive(song, { peaks, mel }) {
  if (peaks) {
    song.peaks = peaks;
    stage.showPeaks(peaks);
    if (song === shown) keep(song);
  }
  if (mel) {
    song.mel = mel;
    if (song === shown) showMel(mel);
  }
}

function tellSent(sent, total) {
  progress(sent / total);
  if (sent < total) showStep("working.sending", { sent: size(sent), total: size(total) });
  else showStep("working.listening");
}

function progress(share) {
  $("progress").value = share;
  stage.showProgress(share);
}

// --- What is seen of it

/** Leave whatever is seen; what is under way for it ends. */
function leave() {
  work.abort();
  stopPicture();
  stopPicture = () => {};
  shown = failure = null;
}

function showEmpty() {
  leave();
  stage.showEmblem();
  showRecords(openRecord);
  show("empty", "choose");
}

function showFailure(error) {
  failure = error;
  stage.showFailure();
  showRecords(openRecord);
  writeFailure(failure, attempt.name);
  show("error", "error-title");
}

function present(song) {
  keep(song);
  showSong(song, song.buffer ? "" : "silent.format");
  if (song.mel) showMel(song.mel);
  say(t("result.said", { title: headline(song).lines.join(" ") }));
}

function showSong(song, silence, canReopen = false) {
  shown = song;
  const isSure = Boolean(song.chorus?.chorus_segments.length);
  stage.showSong({ ...song, duration: song.seconds || 1, isSure });
  stage.setAudio(song.buffer, silence, canReopen);
  hideMel();
  writeShown();
  show("result", "result-title");
}

function writeShown() {
  writeResult(shown, (section) => stage.playSection(section));
}

function keep({ name, bytes, at, seconds, genre, chorus, peaks }) {
  remember({ name, bytes, at, seconds, genre, chorus, peaks });
  showRecords(openRecord);
}

function openRecord(record) {
  leave();
  const sections = record.chorus ? sectionsOf(record.chorus) : [];
  showSong({ ...record, sections, buffer: null }, "silent.recent", true);
}

/** The file of a recent song, chosen again to be heard. */
async function reopen([file]) {
  const song = shown;
  if (!file || !song) return;
  if (!isSame(song, { name: file.name, bytes: file.size })) {
    stage.setAudio(null, "silent.other", true);
    return;
  }
  song.buffer = await decode(file);
  if (song !== shown) return;
  showSong(song, song.buffer ? "" : "silent.format");
  if (song.buffer) stopPicture = picture(song.buffer, (part) => receive(song, part));
}

// --- What the reader does

function take(files) {
  if (files.length > 1) say(t("error.several"));
  if (files.length) analyseFile(files[0]);
}

function listen() {
  for (const id of ["choose", "another", "error-choose"]) $(id).onclick = () => choose(take);
  onDrop(take);
  $("reopen").onclick = () => choose(reopen);
  $("try-sample").onclick = analyseSample;
  $("retry").onclick = () => attempt.again();
  $("cancel").onclick = showEmpty;
  $("key-button").onclick = () => askKey();
  $("forget").onclick = () => {
    forget();
    showRecords(openRecord);
    say(t("recent.forgotten"));
    $("main").focus();
  };
  for (const button of document.querySelectorAll("[data-language]")) {
    button.onclick = () => setLanguage(button.dataset.language);
  }
}

function redraw() {
  $("limits").textContent = t("limits", { size: size(Number(limit)) });
  writeStep();
  say(""); // what was told is in the other language
  showRecords(openRecord);
  if (shown) writeShown();
  if (failure) writeFailure(failure, attempt.name);
}

stage.onMove((position, active, isPlaying) => {
  if (!shown) return;
  markSection(shown.sections, active, isPlaying);
  moveMel(Math.min(1, position / shown.seconds));
});
onLanguage(redraw);
translate();
listen();
$("try-sample").hidden = !sample;
$("key-button").hidden = !isLocked;
redraw();
stage.showEmblem();
if (isLocked && !keptKey()) askKey();
