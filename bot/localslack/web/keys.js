/** Keys that work everywhere on the page, and the list of all keys. */

import { keepInside } from "./confirm.js";
import { el } from "./dom.js";

const LIST = [
  ["F6, Shift+F6", "Next, former region: channels, conversation, composer, panel"],
  ["Ctrl+K, ⌘K", "Go to a channel, person, panel or clock step by name"],
  ["↑ ↓", "From message to message, in the conversation"],
  ["Enter", "Into the buttons of a message"],
  ["T", "Thread of a message"],
  ["R", "Screen reader text of a message"],
  ["Esc", "Back: from a button to its message, from there to the composer"],
  ["/", "In the composer: commands; ↑ ↓ and Tab choose"],
  ["Enter, Shift+Enter", "In the composer: send, new line"],
  ["Tab", "In a window: stays inside"],
  ["Ctrl+Enter", "In a window: sends it"],
  ["Esc", "In a window: closes the top one"],
  ["Arrows, Home, End, letters", "In menus and lists"],
  ["?", "This list"],
];

/** Listen for the page's own keys; `regions()` are the visible regions in order, each `{holds, focus}`. */
export function listenForKeys({ regions, palette }) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (event.key === "F6") {
      event.preventDefault();
      step(regions(), event.shiftKey ? -1 : 1);
    } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      palette();
    } else if (event.key === "?" && !typing(event.target)) {
      event.preventDefault();
      showKeys();
    }
  });
}

/** Show the list of keys. */
export function showKeys() {
  const opener = document.activeElement;
  const done = el("button", { type: "button", class: "button" }, "Close");
  const dialog = el(
    "dialog",
    { class: "dialog keys", "aria-labelledby": "keys-title" },
    el("div", { class: "dialog-head" }, el("h2", { class: "dialog-title", id: "keys-title" }, "Keys")),
    el(
      "div",
      { class: "dialog-body", tabindex: "0" },
      el(
        "dl",
        { class: "key-list" },
        LIST.map(([keys, deed]) => [el("dt", {}, el("kbd", {}, keys)), el("dd", {}, deed)]),
      ),
    ),
    el("div", { class: "dialog-foot dialog-buttons" }, done),
  );
  const close = () => {
    dialog.close();
    dialog.remove();
    if (opener?.isConnected) opener.focus();
  };
  done.addEventListener("click", close);
  dialog.addEventListener("keydown", (event) => keepInside(event, dialog));
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  document.body.append(dialog);
  dialog.showModal();
  done.focus();
}

/** Go to the next region that takes focus; a conversation that is still being fetched takes none. */
function step(regions, by) {
  const count = regions.length;
  const at = regions.findIndex((region) => region.holds(document.activeElement));
  const first = at < 0 ? (by > 0 ? 0 : count - 1) : at + by;
  for (let passed = 0; passed < count; passed += 1) {
    const region = regions[(first + passed * by + count * 2) % count];
    region.focus();
    if (region.holds(document.activeElement)) return;
  }
}

function typing(target) {
  return target.matches("input:not([type=checkbox], [type=radio]), textarea, [contenteditable]");
}
