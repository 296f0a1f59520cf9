/** A short line over the conversation: what the clock did, what failed without a place of its own. */

import { alarm, announce } from "./announce.js";
import { el } from "./dom.js";
import { icon } from "./icons.js";

const SHOWN_MS = 9000;

/** Show a line in place of the one before; one that reports a failure stays until it is closed. */
export function toast(holder, text, { failure = false, closed = () => {} } = {}) {
  const line = el("div", { class: failure ? "toast toast-failure" : "toast" }, el("span", {}, text));
  const close = () => {
    line.remove();
    closed();
  };
  line.append(
    el(
      "button",
      { type: "button", class: "button button-plain", "aria-label": "Close this line", on: { click: close } },
      icon("close"),
    ),
  );
  if (failure) alarm(text);
  else {
    holder.querySelector(".toast:not(.toast-failure)")?.remove();
    announce(text);
    setTimeout(close, SHOWN_MS);
  }
  holder.append(line);
}
