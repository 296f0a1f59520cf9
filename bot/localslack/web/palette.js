/** Ctrl+K: everything this page can do, by name. */

import { keepInside } from "./confirm.js";
import { el, refill, uniqueId } from "./dom.js";

/** Ask which of `entries` (`{label, kind, run}`) to do, and do it. */
export function openPalette(entries) {
  const opener = document.activeElement;
  const listId = uniqueId("palette");
  const field = el("input", {
    class: "palette-field",
    type: "text",
    role: "combobox",
    placeholder: "Go to a channel, act as someone, open a panel, move the clock",
    autocomplete: "off",
    "aria-label": "What to do",
    "aria-controls": listId,
    "aria-expanded": "true",
    "aria-autocomplete": "list",
  });
  const list = el("div", { class: "listbox", role: "listbox", id: listId, "aria-label": "Matches" });
  const dialog = el("dialog", { class: "dialog palette", "aria-label": "Go to" }, field, list);
  let matches = [];
  let active = 0;

  function draw() {
    matches = rank(entries, field.value);
    refill(
      list,
      matches.length ? matches.map(drawEntry) : el("p", { class: "picker-none" }, "Nothing by that name."),
    );
    point(0);
  }

  function drawEntry(entry, index) {
    return el(
      "div",
      {
        role: "option",
        class: "option option-row",
        id: uniqueId("entry"),
        on: { click: () => choose(index), pointermove: () => index !== active && point(index) },
      },
      el("span", { class: "option-text" }, entry.label),
      el("span", { class: "option-hint" }, entry.kind),
    );
  }

  function point(index) {
    active = index;
    for (const [place, node] of [...list.children].entries()) {
      node.classList.toggle("option-active", place === index);
      node.setAttribute("aria-selected", String(place === index));
    }
    const node = matches.length ? list.children[index] : null;
    node?.scrollIntoView({ block: "nearest" });
    if (node) field.setAttribute("aria-activedescendant", node.id);
    else field.removeAttribute("aria-activedescendant");
  }

  function close() {
    dialog.close();
    dialog.remove();
    if (opener?.isConnected) opener.focus();
  }

  function choose(index) {
    const entry = matches[index];
    if (!entry) return;
    close();
    entry.run();
  }

  field.addEventListener("input", draw);
  dialog.addEventListener("keydown", (event) => {
    keepInside(event, dialog);
    const last = matches.length - 1;
    const move = { ArrowDown: Math.min(active + 1, last), ArrowUp: Math.max(active - 1, 0) }[event.key];
    if (move !== undefined) point(move);
    else if (event.key === "Enter") choose(active);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && close());
  document.body.append(dialog);
  dialog.showModal();
  draw();
  field.focus();
}

/** Names that begin with what was typed come first, then names that contain all its words. */
function rank(entries, typed) {
  const wanted = typed.trim().toLowerCase();
  const words = wanted.split(/\s+/);
  const score = ({ label, kind }) => {
    const name = label.toLowerCase();
    if (name.replace(/^[#@]/, "").startsWith(wanted)) return 0;
    if (words.every((word) => name.includes(word))) return 1;
    return words.every((word) => `${name} ${kind.toLowerCase()}`.includes(word)) ? 2 : 3;
  };
  return entries
    .map((entry) => ({ entry, rank: score(entry) }))
    .filter((one) => one.rank < 3)
    .sort((one, other) => one.rank - other.rank)
    .map(({ entry }) => entry);
}
