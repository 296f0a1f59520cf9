/** The bar at the bottom of a narrow page: Chats, Home, Person, Controls. */

import { CLOCK_PANEL } from "./clock.js";
import { el } from "./dom.js";
import { icon } from "./icons.js";
import { attachMenu } from "./menu.js";
import { REFUSED_PANEL } from "./side.js";
import { controlItems, personItems } from "./topbar.js";

/** Build the bar; only a narrow page shows it. */
export function phoneBar(page) {
  const item = (name, label, press) =>
    el(
      "button",
      { type: "button", class: "phone-item", on: { click: press } },
      icon(name),
      el("span", {}, label),
    );
  const nothing = () => {};
  const refused = () => page.store.get("refused").count;
  return el(
    "nav",
    { class: "phone-bar dark-frame", "aria-label": "Page" },
    item("hash", "Chats", () => page.showChats()),
    item("home", "Home", () => page.go({ tab: "home" })),
    attachMenu(item("person", "Person", nothing), { label: "Act as", items: () => personItems(page) }),
    attachMenu(item("sliders", "Controls", nothing), {
      label: "Controls",
      items: () => [
        { label: "Clock", choose: () => page.side.togglePanel(CLOCK_PANEL) },
        { label: `Refused ${refused()}`, choose: () => page.side.togglePanel(REFUSED_PANEL) },
        ...controlItems(page),
      ],
    }),
  );
}
