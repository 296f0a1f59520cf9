/** The app's own place: its Home tab, its messages, and what it is. */

import { alarm } from "./announce.js";
import { drawBlocks } from "./blocks.js";
import { el, refill } from "./dom.js";
import { FormValues } from "./forms.js";

const TABS = [
  ["home", "Home"],
  ["messages", "Messages"],
  ["about", "About"],
];

/** The tab strip; `choose(tab)` moves. */
export function appTabs(current, choose) {
  const tabs = TABS.map(([tab, label]) =>
    el(
      "button",
      {
        type: "button",
        role: "tab",
        class: "tab",
        id: `tab-${tab}`,
        "aria-selected": String(tab === current),
        "aria-controls": "app-tab",
        tabindex: tab === current ? "0" : "-1",
        on: { click: () => choose(tab) },
      },
      label,
    ),
  );
  const strip = el("div", { class: "tabs", role: "tablist", "aria-label": "Parts of the app" }, tabs);
  strip.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(TABS[(to + TABS.length) % TABS.length][0]);
  });
  return strip;
}

/** Shows the Home view that the app published for the acting person. */
export class Home {
  #page;
  #kept = new Map();

  constructor(page) {
    this.#page = page;
    this.blocks = el("div", { class: "blocks" });
    this.failure = el("p", { class: "message-failure", hidden: true });
    this.root = panel("home", this.failure, this.blocks);
  }

  draw() {
    const { store, hosts } = this.#page;
    const view = store.get("home");
    const refused = store.get("home_refused");
    if (refused || !view) {
      const waiting = el(
        "p",
        { class: "home-empty" },
        `${store.get("app").name} has not published a Home for you yet.`,
      );
      refill(this.blocks, refused ? el("p", { class: "refused" }, refused.sentence) : waiting);
      return;
    }
    const key = store.get("me").id;
    if (!this.#kept.has(key)) this.#kept.set(key, { values: new FormValues(view.state), redraws: 0 });
    const kept = this.#kept.get(key);
    kept.blocks = view.blocks;
    const failed = (sentence) => {
      this.failure.hidden = !sentence;
      refill(this.failure, sentence);
      if (sentence) alarm(sentence);
    };
    drawBlocks(
      this.blocks,
      view.blocks,
      hosts.view({ home: true }, kept, { headings: "h2", failed, redraw: () => this.draw() }),
    );
  }
}

/** What is known about the app. */
export function about(app, commands) {
  return panel(
    "about",
    el("h2", { class: "header" }, app.name),
    el(
      "p",
      { class: "about-text" },
      app.connected ? `Connected by ${app.transport === "http" ? "HTTP" : "Socket Mode"}.` : "Not connected.",
    ),
    commands.length > 0 && el("h2", { class: "header about-head" }, "Commands"),
    el(
      "dl",
      { class: "about-commands" },
      commands.map(({ command, description, usage_hint: usage }) => [
        el("dt", {}, el("code", {}, command), usage && ` ${usage}`),
        el("dd", {}, description),
      ]),
    ),
  );
}

function panel(tab, ...content) {
  return el(
    "div",
    { class: "home", role: "tabpanel", id: "app-tab", "aria-labelledby": `tab-${tab}`, tabindex: "0" },
    el("div", { class: "home-inner" }, content),
  );
}
