/** What each event of the stream changes. */

import { announce } from "./announce.js";
import { toast } from "./toast.js";

/** State as it was heard: the practice clock runs on from this moment. */
export function heard(state) {
  return state.clock ? { ...state, clock: { ...state.clock, heard: performance.now() } } : state;
}

/** Take one event of the stream into the page. */
export function hear(page, { type, seq, ...event }) {
  const { store, toasts } = page;
  if (type === "hello") return page.greet(seq);
  store.patch({ seq });
  const deed = {
    message: () => page.hearMessage(event),
    gone: () => page.hearGone(event),
    channels: () => store.patch({ channels: event.channels }),
    unread: () => store.patch({ channels: withUnread(store.get("channels"), event) }),
    modals: () => store.patch({ modals: event.modals, modal_refused: event.modal_refused }),
    home: () => store.patch({ home: event.home, home_refused: event.home_refused }),
    app: () => store.patch({ app: { ...store.get("app"), connected: event.connected } }),
    refused: () => store.patch({ refused: { count: event.count, latest: event.latest } }),
    notice: () => toast(toasts, event.sentence, { failure: true }),
    announce: () => announce(event.sentence),
    panels: () => store.patch({ panels: event.panels }),
    clock: () => store.patch(heard({ clock: event.clock })),
    reset: () => page.reload(),
  }[type];
  return deed?.();
}

function withUnread(channels, { channel, unread, mentions, last_read: lastRead }) {
  return channels.map((one) =>
    one.id === channel ? { ...one, unread, mentions, last_read: lastRead } : one,
  );
}
