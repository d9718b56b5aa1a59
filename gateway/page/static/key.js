// The API key that a server with apps asks for: typed once, kept until the tab is closed.

import { t } from "./language.js";
import { knowsKey } from "./server.js";

const KEPT = "acousticsense.key";
const $ = (id) => document.getElementById(id);

export function keptKey() {
  try {
    return sessionStorage.getItem(KEPT) ?? "";
  } catch {
    return "";
  }
}

export function dropKey() {
  keep("");
}

function keep(key) {
  try {
    sessionStorage.setItem(KEPT, key);
  } catch {
    // storage is switched off: the key must be typed again
  }
}

/**
 * Ask for a key until the server knows it.
 *
 * @param {boolean} wasRefused say that the last one was wrong
 * @returns {Promise<string>} the key, or "" if the reader gave up
 */
export function askKey(wasRefused = false) {
  const dialog = $("key");
  const input = $("key-input");
  $("key-wrong").textContent = wasRefused ? t("key.wrong") : "";
  input.value = "";
  input.setAttribute("aria-describedby", "key-wrong");
  dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue);
    dialog.returnValue = "";
    $("key-cancel").onclick = () => dialog.close("");
    $("key-form").onsubmit = async (event) => {
      event.preventDefault();
      const key = input.value.trim();
      const wrong = await refusal(key);
      $("key-wrong").textContent = wrong;
      if (wrong) {
        input.select();
        return;
      }
      keep(key);
      dialog.close(key);
    };
  });
}

async function refusal(key) {
  if (!/^[\x21-\x7e]+$/.test(key)) return t("key.wrong"); // no header could carry it
  try {
    return (await knowsKey(key)) ? "" : t("key.wrong");
  } catch {
    return t("key.dead");
  }
}
