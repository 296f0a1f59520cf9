/** The practice clock on the page, and the reader's device zone. */

import { deviceZone, fullInstant } from "./dates.js";
import { el, refill } from "./dom.js";
import { picker } from "./picker.js";
import { clockNow } from "./scope.js";

/** The panel that moves the clock, where the server describes one. */
export const CLOCK_PANEL = "clock";

/** Keep `node` showing the clock in the reader's zone, or what its panel says for it. */
export function showClock(node, page) {
  const draw = () => {
    const summary = page.store.get("panels").find(({ id }) => id === CLOCK_PANEL)?.summary;
    const text = summary ?? fullInstant(clockNow(page.store), page.scope.zone);
    if (node.textContent !== text) refill(node, text);
  };
  page.store.watch(["clock", "panels", "zone", "me"], draw);
  setInterval(draw, 1000);
}

/** What stands below the clock's own controls: in which zone the reader's device is. */
export function zoneField(page) {
  const { store } = page;
  const own = deviceZone();
  const zones = [...new Set([own, ...store.get("people").map(({ tz }) => tz), "UTC"])].filter(Boolean);
  const options = zones.map((zone) => ({ key: zone, text: zone, hint: zone === own ? "this device" : null }));
  const chosen = () => options.filter(({ key }) => key === page.scope.zone);
  const labelId = "device-zone";
  return el(
    "div",
    { class: "panel-field panel-foot" },
    el("span", { class: "panel-label", id: labelId }, "Reader's device zone"),
    picker({
      label: "Reader's device zone",
      labelledBy: labelId,
      placeholder: page.scope.zone,
      chosen: chosen(),
      load: async () => [{ options }],
      onChange: ([{ key }]) => store.patch({ zone: key }),
    }),
  );
}
