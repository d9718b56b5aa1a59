// What the page asks of the gateway: genre and chorus of a file, and whether a key is known.

const BLOCK = 3 * 2 ** 20; // of a file, in bytes: whole groups of base64

/** What went wrong: `code` is the server's, or a name that strings.js has words for. */
export class Failure extends Error {
  constructor(code, { said = "", wait = 0 } = {}) {
    super(said || String(code));
    this.code = code;
    this.said = said;
    this.wait = wait;
  }
}

/** The reader has changed their mind. */
export class Cancelled extends Error {}

/**
 * Genre and chorus of a file. Both are asked at once; one of them may fail alone.
 *
 * @param {File} file
 * @param {string} key API key, or "" where the server is open
 * @param {(sent: number, total: number) => void} onProgress bytes on their way
 * @param {AbortSignal} signal
 * @returns {Promise<{genre?: object, chorus?: object, genreFailure?: Failure, chorusFailure?: Failure}>}
 */
export async function analyse(file, key, onProgress, signal) {
  const bodies = [formOf(file), await invocationOf(file)];
  const sent = [0, 0];
  const sizes = [file.size, bodies[1].size];
  const total = sizes[0] + sizes[1];
  const either = new AbortController();
  const both = AbortSignal.any([signal, either.signal]);
  const ask = (index, path) => send(path, bodies[index], key, both, (bytes) => {
    sent[index] = Math.min(bytes, sizes[index]);
    onProgress(sent[0] + sent[1], total);
  }).catch((failure) => {
    if (isOfBoth(failure)) either.abort(); // the other one need not go on
    throw failure;
  });
  const [genre, chorus] = await Promise.allSettled([
    ask(0, "analyze-audio"),
    ask(1, invokePath("DeepChorus", key)),
  ]);
  const failures = [genre, chorus].filter((each) => each.status === "rejected");
  const decisive = failures.find((each) => isOfBoth(each.reason)) ?? failures[1];
  if (signal.aborted) throw new Cancelled();
  if (decisive) throw decisive.reason;
  return {
    genre: genre.value,
    genreFailure: genre.reason,
    chorus: chorus.value && JSON.parse(chorus.value.payload),
    chorusFailure: chorus.reason,
  };
}

/** Whether the server knows the key. */
export async function knowsKey(key) {
  let answer;
  try {
    const headers = { Authorization: `Bearer ${key}` };
    answer = await fetch("api/v1/tasks?limit=1", { headers, cache: "no-store" });
  } catch {
    throw new Failure("unreachable");
  }
  return answer.status !== 401;
}

/** The sample song, as if it had been chosen. */
export async function sampleSong(name, signal) {
  try {
    const answer = await fetch("page/sample", { signal });
    if (!answer.ok) throw new Failure("other", { said: `${answer.status} ${answer.statusText}` });
    return new File([await answer.blob()], name);
  } catch (error) {
    if (signal.aborted) throw new Cancelled();
    throw error instanceof Failure ? error : new Failure("unreachable");
  }
}

/** Where an invocation goes; an open server lets in any appkey. */
export function invokePath(namespace, key) {
  const identity = key ? "" : "appkey=page&token=page&";
  return `api/v1/invoke?${identity}namespace=${namespace}&version=v4`;
}

const isOfBoth = (failure) => failure.code === "unreachable" || failure.status === 401;

function formOf(file) {
  const form = new FormData();
  form.append("file", file);
  return form;
}

/** The invoke body, its base64 in blocks: a long file never stands in memory as one text. */
async function invocationOf(file) {
  const parts = ['{"data":"'];
  for (let start = 0; start < file.size; start += BLOCK) {
    parts.push(new Blob([await base64(file.slice(start, start + BLOCK))]));
  }
  parts.push('"}');
  return new Blob(parts, { type: "application/json" });
}

function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new Failure("unreadable"));
    reader.readAsDataURL(blob);
  });
}

/** POST with progress, which fetch does not tell. */
function send(path, body, key, signal, onSent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    if (key) request.setRequestHeader("Authorization", `Bearer ${key}`);
    request.upload.onprogress = (event) => onSent(event.loaded);
    request.onload = () => {
      try {
        resolve(answerOf(request));
      } catch (failure) {
        reject(failure);
      }
    };
    request.onerror = () => reject(new Failure("unreachable"));
    request.onabort = () => reject(new Cancelled());
    signal.addEventListener("abort", () => request.abort());
    if (signal.aborted) reject(new Cancelled());
    else request.send(body);
  });
}

/** The answer's object, or the failure that it tells: a problem document or an envelope. */
function answerOf(request) {
  let content = {};
  try {
    content = JSON.parse(request.responseText);
  } catch {
    // a proxy's page, perhaps: its status is all there is to say
  }
  if (request.status === 200) return content;
  const wait = Number(request.getResponseHeader("Retry-After")) || 5;
  const said = content.detail || content.status_text || `${request.status} ${request.statusText}`;
  const failure = new Failure(content.code ?? content.status_code ?? "other", { said, wait });
  failure.status = request.status;
  throw failure;
}
