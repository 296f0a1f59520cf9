/** What the keyboard reaches from anywhere: the palette's entries and the page's regions. */

import { CLOCK_PANEL } from "./clock.js";
import { REFUSED_PANEL } from "./side.js";

/** Everything the palette offers: channels, people, panels and steps of the clock, by name. */
export function paletteEntries(page) {
  const { store } = page;
  const app = store.get("app");
  const panels = store.get("panels");
  const steps = panels
    .filter(({ id }) => id === CLOCK_PANEL)
    .flatMap(({ items }) =>
      items.filter(({ type }) => type === "buttons").flatMap(({ controls }) => controls),
    )
    .filter(({ confirm }) => !confirm);
  return [
    ...store.get("channels").map(({ id, name, kind }) => ({
      label: kind === "dm" ? name : `#${name}`,
      kind: kind === "dm" ? "Messages" : "Channel",
      run: () => page.go({ channel: id }),
    })),
    { label: `${app.name} Home`, kind: "Home", run: () => page.go({ tab: "home" }) },
    ...store
      .get("people")
      .filter(({ is_bot: bot }) => !bot)
      .map(({ name, handle, role }) => ({
        label: name,
        kind: role ? `Act as · ${role}` : "Act as",
        run: () => page.actAs(handle),
      })),
    ...[...panels, { id: REFUSED_PANEL, title: "Refused" }].map(({ id, title }) => ({
      label: title,
      kind: "Panel",
      run: () => page.side.openPanel(id),
    })),
    ...steps.map(({ id, label }) => ({
      label,
      kind: "Clock",
      run: () => page.pressControl(CLOCK_PANEL, id),
    })),
  ];
}

/** The regions that F6 walks through, in order; each knows what it holds and how it takes focus. */
export function regions({ rail, main, content, conversation, side }) {
  const { composer } = conversation;
  const chatting = content.contains(conversation.root);
  const seen = (node) => node.getClientRects().length > 0;
  const channels = {
    holds: (node) => rail.contains(node),
    focus: () => (rail.querySelector("[aria-current]") ?? rail.querySelector("button"))?.focus(),
  };
  const middle = {
    holds: (node) => main.contains(node) && !composer.root.contains(node),
    focus: () => (chatting ? conversation.feed?.focus() : content.firstElementChild.focus()),
  };
  const writing = { holds: (node) => composer.root.contains(node), focus: () => composer.focus() };
  const panel = { holds: (node) => side.root.contains(node), focus: () => side.title.focus() };
  return [
    seen(rail) && channels,
    seen(content) && middle,
    chatting && seen(composer.root) && writing,
    side.isOpen && panel,
  ].filter(Boolean);
}
