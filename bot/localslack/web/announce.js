/** Words for screen readers: polite for what is new, assertive for what went wrong. */

import { el } from "./dom.js";

const KEPT_MS = 8000;

/** Say that something is new or done. */
export function announce(text) {
  say("polite", text);
}

/** Say at once that something failed. */
export function alarm(text) {
  say("assertive", text);
}

function say(region, text) {
  const line = el("p", {}, text);
  document.getElementById(region).append(line);
  setTimeout(() => line.remove(), KEPT_MS);
}
