/** The right column: one thread or one panel at a time. */

import { CLOCK_PANEL, zoneField } from "./clock.js";
import { el, refill } from "./dom.js";
import { icon } from "./icons.js";
import { Panel } from "./panels.js";
import { Thread } from "./thread.js";

/** The page's own panel: what Slack would have refused. */
export const REFUSED_PANEL = "refused";

/** Holds what is open at the right; `moved()` hears that a thread came or went. */
export class Side {
  #page;
  #moved;
  #opener = null;
  #content = null;

  constructor(page, { moved }) {
    this.#page = page;
    this.#moved = moved;
    this.title = el("h2", { class: "side-title", id: "side-title", tabindex: "-1" });
    this.body = el("div", { class: "side-body" });
    this.root = el(
      "aside",
      { class: "side", "aria-labelledby": "side-title", hidden: true },
      el(
        "div",
        { class: "side-head" },
        this.#closer("back", "Back", "only-phone"),
        this.title,
        this.#closer("close", "Close", "not-phone"),
      ),
      this.body,
    );
    this.root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      event.preventDefault();
      this.close();
    });
  }

  get isOpen() {
    return this.#content !== null;
  }

  /** The thread that is open, if one is. */
  get thread() {
    return this.#content instanceof Thread ? this.#content : null;
  }

  /** The panel that is open, if one is. */
  get panel() {
    return this.#content instanceof Panel ? this.#content : null;
  }

  async openThread(channel, ts, { highlight } = {}) {
    const thread = new Thread(this.#page, { channel, ts });
    this.#open(thread);
    await thread.load();
    if (highlight) thread.feed.highlight(highlight);
  }

  openPanel(id) {
    const title = id === REFUSED_PANEL ? "Refused" : (this.#described(id)?.title ?? "Clock");
    this.#open(new Panel(this.#page, { id, title, foot: id === CLOCK_PANEL && zoneField(this.#page) }));
    this.drawPanel();
  }

  togglePanel(id) {
    if (this.panel?.id === id) this.close();
    else this.openPanel(id);
  }

  /** Show the newest description of the open panel. */
  drawPanel() {
    const { panel } = this;
    if (!panel) return;
    const own = panel.id === REFUSED_PANEL && refusals(this.#page.store.get("refused"));
    panel.draw(own || this.#described(panel.id) || { items: [] });
  }

  /** Close what is open; `quiet` leaves the address to whoever asks. */
  close({ quiet = false } = {}) {
    if (!this.#content) return;
    this.#content = null;
    this.root.hidden = true;
    refill(this.body);
    if (this.#opener?.isConnected) this.#opener.focus();
    this.#opener = null;
    if (!quiet) this.#moved();
  }

  #open(content) {
    if (!this.#content) this.#opener = document.activeElement;
    this.#content = content;
    refill(this.title, content.title);
    refill(this.body, content.root);
    this.root.hidden = false;
    this.title.focus();
    this.#moved();
  }

  #described(id) {
    return this.#page.store.get("panels").find((panel) => panel.id === id);
  }

  #closer(name, label, where) {
    return el(
      "button",
      {
        type: "button",
        class: `button button-plain ${where}`,
        "aria-label": label,
        on: { click: () => this.close() },
      },
      icon(name),
    );
  }
}

function refusals({ latest }) {
  const items = latest.flatMap(({ method, sentence }) => [
    { type: "text", text: method, tone: "muted" },
    { type: "text", text: sentence },
  ]);
  return { items: items.length ? items : [{ type: "text", text: "Nothing was refused." }] };
}
