/** The frame: who acts, what time it is, which panels there are, what is out of order. */

import { CLOCK_PANEL, showClock } from "./clock.js";
import { el, refill } from "./dom.js";
import { icon } from "./icons.js";
import { showKeys } from "./keys.js";
import { attachMenu } from "./menu.js";
import { REFUSED_PANEL } from "./side.js";

const THEMES = [
  ["system", "System"],
  ["light", "Light"],
  ["dark", "Dark"],
];

/** Build the top bar. */
export function topBar(page) {
  const { store } = page;
  const time = el("span", { class: "top-time" });
  const clock = topButton(
    [icon("clock"), el("span", { class: "visually-hidden" }, "Clock: "), time],
    () => page.side.togglePanel(CLOCK_PANEL),
    "top-clock",
  );
  showClock(time, page);

  const panels = el("div", { class: "top-group wide-only" });
  const badges = el("div", { class: "top-group top-badges" });
  store.watch(["panels"], () => {
    refill(
      panels,
      otherPanels(store).map(({ id, title, summary }) =>
        topButton(summary ?? title, () => page.side.togglePanel(id)),
      ),
    );
    refill(
      badges,
      store
        .get("panels")
        .filter(({ badge }) => badge)
        .map((panel) => badgeOf(panel, page)),
    );
  });

  const spoken = topButton("Screen reader text", () => page.toggleSpoken(), "wide-only");
  store.watch(["screenReaderText"], () =>
    spoken.setAttribute("aria-pressed", String(store.get("screenReaderText"))),
  );

  const refused = topButton("", () => page.side.togglePanel(REFUSED_PANEL), "top-refused");
  store.watch(["refused"], () => {
    const { count } = store.get("refused");
    refill(refused, `Refused ${count}`);
    refused.classList.toggle("top-trouble", count > 0);
  });

  const theme = attachMenu(
    topButton("Theme", () => {}, "wide-only"),
    { label: "Theme", items: () => themeItems(page) },
  );
  const controls = attachMenu(
    topButton("Controls", () => {}, "middle-only"),
    { label: "Controls", items: () => controlItems(page) },
  );

  return el(
    "header",
    { class: "top dark-frame" },
    el("span", { class: "top-name" }, "Local Slack"),
    personMenu(page),
    clock,
    badges,
    el(
      "div",
      { class: "top-group top-end" },
      panels,
      controls,
      spoken,
      refused,
      theme,
      topButton("Keys", showKeys, "wide-only"),
    ),
  );
}

/** The choices of who acts, each with what the role is for. */
export function personItems(page) {
  const me = page.store.get("me").id;
  return page.store
    .get("people")
    .filter(({ is_bot: bot }) => !bot)
    .map(({ id, handle, name, role }) => ({
      label: name,
      hint: role,
      checked: id === me,
      choose: () => page.actAs(handle),
    }));
}

/** Everything of the top bar that has no room of its own. */
export function controlItems(page) {
  const { store } = page;
  return [
    ...otherPanels(store).map(({ id, title }) => ({ label: title, choose: () => page.side.togglePanel(id) })),
    {
      label: "Screen reader text",
      hint: store.get("screenReaderText") ? "shown" : "hidden",
      choose: () => page.toggleSpoken(),
    },
    ...themeItems(page).map((item) => ({ ...item, label: `Theme: ${item.label.toLowerCase()}` })),
    { label: "Keys", choose: showKeys },
  ];
}

function themeItems({ store }) {
  return THEMES.map(([value, label]) => ({
    label,
    checked: store.get("theme") === value,
    choose: () => store.patch({ theme: value }),
  }));
}

function personMenu(page) {
  const name = el("span", { class: "top-person-name" });
  const button = topButton(
    [icon("person"), el("span", {}, "Acting as ", name), icon("down")],
    () => {},
    "top-person",
  );
  page.store.watch(["me"], () => refill(name, page.store.get("me").name));
  return attachMenu(button, { label: "Act as", items: () => personItems(page) });
}

function badgeOf({ id, badge, badge_clear: clear }, page) {
  return el(
    "span",
    { class: "badge" },
    icon("bolt"),
    el("span", {}, badge),
    clear &&
      el(
        "button",
        {
          type: "button",
          class: "badge-clear",
          "aria-label": `Clear ${badge}`,
          on: { click: () => page.pressControl(id, clear) },
        },
        "Clear",
      ),
  );
}

function topButton(content, press, extra = "") {
  return el("button", { type: "button", class: `top-button ${extra}`.trim(), on: { click: press } }, content);
}

function otherPanels(store) {
  return store.get("panels").filter(({ id }) => id !== CLOCK_PANEL);
}
