/** Menus that open from a button: arrows, Home, End and typing move, Enter chooses. */

import { el } from "./dom.js";
import { showPopup } from "./popup.js";

/**
 * Make a button open a menu.
 *
 * `items()` is asked at every opening and returns `{label, hint, checked, choose}`; `checked` makes
 * it a choice of one among several.
 */
export function attachMenu(button, { label, items }) {
  button.setAttribute("aria-haspopup", "menu");
  button.setAttribute("aria-expanded", "false");
  let close = null;
  const show = (last) => {
    if (close) return close("toggled");
    const entries = items().map((item) => entry(item, () => close("chosen")));
    const menu = el("div", { role: "menu", class: "menu", "aria-label": label }, entries);
    moveByKeys(menu, entries, () => close("tab"));
    button.setAttribute("aria-expanded", "true");
    close = showPopup(button, menu, {
      onClose: (reason) => {
        close = null;
        button.setAttribute("aria-expanded", "false");
        if (reason !== "outside" && reason !== "replaced") button.focus();
      },
    });
    const current = entries.find((one) => one.getAttribute("aria-checked") === "true");
    (last ? entries.at(-1) : (current ?? entries[0]))?.focus();
  };
  button.addEventListener("click", () => show(false));
  button.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    event.stopPropagation();
    show(event.key === "ArrowUp");
  });
  return button;
}

function entry({ label, hint, checked, choose }, close) {
  return el(
    "button",
    {
      type: "button",
      class: "menu-item",
      role: checked === undefined ? "menuitem" : "menuitemradio",
      "aria-checked": checked === undefined ? null : String(checked),
      tabindex: "-1",
      on: {
        click: () => {
          close();
          choose();
        },
      },
    },
    el("span", { class: "menu-label" }, label),
    hint && el("span", { class: "menu-hint" }, hint),
  );
}

function moveByKeys(menu, entries, leave) {
  menu.addEventListener("keydown", (event) => {
    const at = entries.indexOf(document.activeElement);
    const target = {
      ArrowDown: () => entries[(at + 1) % entries.length],
      ArrowUp: () => entries[(at - 1 + entries.length) % entries.length],
      Home: () => entries[0],
      End: () => entries.at(-1),
    }[event.key];
    event.stopPropagation();
    if (event.key === "Tab") {
      event.preventDefault();
      leave();
    } else if (target) {
      event.preventDefault();
      target().focus();
    } else if (event.key.length === 1 && event.key !== " ") {
      typedEntry(entries, event.key, at)?.focus();
    }
  });
}

/** The next entry after `at` that begins with what was typed. */
export function typedEntry(entries, typed, at) {
  const order = [...entries.slice(at + 1), ...entries.slice(0, at + 1)];
  return order.find((one) => one.textContent.trim().toLowerCase().startsWith(typed.toLowerCase()));
}
