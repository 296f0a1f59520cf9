/** The left column: channels, and the app with its Home and its messages. */

import { el, refill } from "./dom.js";
import { icon } from "./icons.js";

/** Draw the rail; `go(place)` moves. */
export function drawRail(root, { store, current, go }) {
  const held = root.contains(document.activeElement) ? document.activeElement.dataset.place : null;
  const app = store.get("app");
  const channels = store.get("channels");
  const chat = channels.filter(({ kind, is_archived: archived }) => kind === "channel" && !archived);
  const direct = channels.find(({ id }) => id === app.dm);
  refill(
    root,
    group(
      "Channels",
      chat.map((channel) =>
        entry({
          place: channel.id,
          icon: "hash",
          label: channel.name,
          unread: channel.unread,
          current: current.channel === channel.id && !current.tab,
          press: () => go({ channel: channel.id }),
        }),
      ),
    ),
    group(app.name, [
      entry({
        place: "home",
        icon: "home",
        label: "Home",
        current: current.tab === "home" || current.tab === "about",
        press: () => go({ tab: "home" }),
      }),
      direct &&
        entry({
          place: direct.id,
          icon: "bubble",
          label: "Messages",
          unread: direct.unread,
          current: current.tab === "messages",
          press: () => go({ tab: "messages" }),
        }),
    ]),
  );
  if (held) root.querySelector(`[data-place="${CSS.escape(held)}"]`)?.focus();
}

function group(title, entries) {
  return el(
    "section",
    { class: "rail-group", "aria-label": title },
    el("h2", { class: "rail-title" }, title),
    el(
      "ul",
      { class: "rail-list" },
      entries.filter(Boolean).map((one) => el("li", {}, one)),
    ),
  );
}

function entry({ place, icon: name, label, unread = 0, current, press }) {
  return el(
    "button",
    {
      type: "button",
      class: unread ? "rail-entry rail-unread" : "rail-entry",
      data: { place },
      "aria-current": current ? "page" : null,
      on: { click: press },
    },
    icon(name),
    el("span", { class: "rail-label" }, label),
    unread > 0 &&
      el(
        "span",
        { class: "rail-count" },
        String(unread),
        el("span", { class: "visually-hidden" }, " unread"),
      ),
  );
}
