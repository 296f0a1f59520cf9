/** The right column: one thread or one panel at a time. */

import { el, refill } from "./dom.js";
import { icon } from "./icons.js";

/** Holds what is open at the right; `onClose()` hears that it went away. */
export class Side {
  #onClose;
  #opener = null;
  content = null;

  constructor(onClose) {
    this.#onClose = onClose;
    this.title = el("h2", { class: "side-title", id: "side-title", tabindex: "-1" });
    this.back = this.#closer("back", "Back", "only-phone");
    this.cross = this.#closer("close", "Close", "not-phone");
    this.body = el("div", { class: "side-body" });
    this.root = el(
      "aside",
      { class: "side", "aria-labelledby": "side-title", hidden: true },
      el("div", { class: "side-head" }, this.back, this.title, this.cross),
      this.body,
    );
    this.root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.preventDefault();
      this.close();
    });
  }

  #closer(name, label, where) {
    return el(
      "button",
      { type: "button", class: `button button-plain ${where}`, "aria-label": label, on: { click: () => this.close() } },
      icon(name),
    );
  }

  /** Show `content` (`{kind, key, title, root}`); focus goes to its title. */
  open(content) {
    if (this.root.hidden) this.#opener = document.activeElement;
    this.content = content;
    refill(this.title, content.title);
    refill(this.body, content.root);
    this.root.hidden = false;
    this.title.focus();
  }

  close() {
    if (!this.content) return;
    this.content = null;
    this.root.hidden = true;
    refill(this.body);
    if (this.#opener?.isConnected) this.#opener.focus();
    this.#opener = null;
    this.#onClose();
  }

  showing(kind, key) {
    return this.content?.kind === kind && (key === undefined || this.content.key === key);
  }
}
