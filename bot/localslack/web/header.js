/** Over the conversation: the page's one h1, what the place is for, the app's tabs. */

import { el, refill } from "./dom.js";
import { appTabs } from "./home.js";
import { icon } from "./icons.js";

/** Draw the head of a place; `current` is `{channel, tab}`. */
export function drawHeader(root, { app, channel, tab, choose, back }) {
  const title = tab ? app.name : channel.name;
  const held = root.querySelector(".tabs")?.contains(document.activeElement);
  refill(
    root,
    el(
      "div",
      { class: "head-line" },
      el(
        "button",
        {
          type: "button",
          class: "button button-plain only-phone",
          "aria-label": "Back to chats",
          on: { click: back },
        },
        icon("back"),
      ),
      el("h1", { class: "head-title" }, tab ? null : el("span", { class: "head-hash" }, "#"), title),
      el("p", { class: "head-purpose" }, tab ? "App" : channel.purpose),
    ),
    tab && appTabs(tab, choose),
  );
  if (held) root.querySelector('[aria-selected="true"]')?.focus();
}
