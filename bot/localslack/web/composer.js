/** Where a person types: `/` offers commands, Enter sends, what is half written stays. */

import { alarm } from "./announce.js";
import { completions } from "./completion.js";
import { el, refill, uniqueId } from "./dom.js";
import { icon } from "./icons.js";

const drafts = new Map();

/**
 * A message box.
 *
 * `send(text)` resolves to null or to a sentence that says why not. `commands()` lists the slash commands.
 * What is half written is kept under the key given to `show`.
 */
export class Composer {
  #send;
  #commands;
  #key = null;
  #offers = [];
  #active = 0;

  constructor({ commands, send }) {
    this.#send = send;
    this.#commands = commands;
    const listId = uniqueId("commands");
    const errorId = uniqueId("composer-error");
    this.field = el("textarea", {
      class: "composer-field",
      rows: "1",
      autocomplete: "off",
      "aria-autocomplete": "list",
      "aria-controls": listId,
      "aria-describedby": errorId,
    });
    this.list = el("div", {
      class: "completion",
      role: "listbox",
      id: listId,
      "aria-label": "Commands",
      hidden: true,
    });
    this.error = el("p", { class: "composer-error", id: errorId, hidden: true });
    this.hint = el("p", { class: "composer-hint", hidden: true });
    this.button = el(
      "button",
      {
        type: "button",
        class: "button button-plain composer-send",
        "aria-label": "Send",
        on: { click: () => this.#submit() },
      },
      icon("send"),
    );
    this.root = el(
      "div",
      { class: "composer" },
      this.list,
      this.error,
      el("div", { class: "composer-box" }, this.field, this.button),
      this.hint,
    );
    this.field.addEventListener("input", () => this.#typed());
    this.field.addEventListener("keydown", (event) => this.#keys(event));
    this.field.addEventListener("blur", () => this.#offer([]));
  }

  /** Turn to another place; its own draft comes back. */
  show({ key, label, hint }) {
    this.field.placeholder = label;
    this.field.setAttribute("aria-label", label);
    this.hint.hidden = !hint;
    refill(this.hint, hint);
    if (key === this.#key) return;
    this.#key = key;
    this.#write(drafts.get(key) ?? "");
    this.#complain(null);
  }

  focus() {
    this.field.focus();
  }

  async #submit() {
    const text = this.field.value.trim();
    if (!text) return;
    const key = this.#key;
    this.#write("");
    this.#complain(null);
    const problem = await this.#send(text);
    if (!problem) return;
    if (!drafts.get(key)) drafts.set(key, text);
    if (key === this.#key) this.#write(drafts.get(key));
    this.#complain(problem);
  }

  #complain(sentence) {
    this.error.hidden = !sentence;
    refill(this.error, sentence);
    if (sentence) alarm(sentence);
  }

  #write(text) {
    this.field.value = text;
    drafts.set(this.#key, text);
    this.#grow();
    this.#offer([]);
  }

  #typed() {
    drafts.set(this.#key, this.field.value);
    this.#grow();
    this.#complain(null);
    this.#offer(completions(this.field.value, this.#commands()));
  }

  #grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
    this.button.disabled = !this.field.value.trim();
  }

  #offer(offers) {
    this.#offers = offers;
    this.list.hidden = offers.length === 0;
    refill(
      this.list,
      offers.map((offer, index) =>
        el(
          "div",
          {
            role: "option",
            class: "option",
            id: uniqueId("command"),
            on: {
              pointerdown: (event) => {
                event.preventDefault();
                this.#take(index);
              },
            },
          },
          el("span", { class: "option-text" }, offer.name),
          offer.hint && el("span", { class: "option-hint" }, offer.hint),
        ),
      ),
    );
    this.#point(0);
  }

  #point(index) {
    this.#active = index;
    for (const [place, node] of [...this.list.children].entries()) {
      node.classList.toggle("option-active", place === index);
      node.setAttribute("aria-selected", String(place === index));
    }
    const active = this.list.children[index];
    active?.scrollIntoView({ block: "nearest" });
    if (active) this.field.setAttribute("aria-activedescendant", active.id);
    else this.field.removeAttribute("aria-activedescendant");
  }

  #take(index) {
    this.field.value = this.#offers[index].insert;
    this.#typed();
  }

  #keys(event) {
    if (event.isComposing) return;
    const offered = this.#offers.length;
    const deed = {
      ArrowDown: offered && (() => this.#point((this.#active + 1) % offered)),
      ArrowUp: offered && (() => this.#point((this.#active - 1 + offered) % offered)),
      Tab: offered && !event.shiftKey && (() => this.#take(this.#active)),
      Escape: offered && (() => this.#offer([])),
      Enter: !event.shiftKey && (() => this.#enter()),
    }[event.key];
    if (!deed) return;
    event.preventDefault();
    event.stopPropagation();
    deed();
  }

  /** Enter completes a command that is not yet whole, and sends everything else. */
  #enter() {
    const offer = this.#offers[this.#active];
    const whole = this.#commands().some(({ command }) => this.field.value.trim().split(/\s/)[0] === command);
    if (offer && !whole) this.#take(this.#active);
    else this.#submit();
  }
}
