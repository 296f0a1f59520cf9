/** Names, zone and now, as everything that draws text needs them. */

const HUES = 5;

/** What text is drawn with; `follow(url)` moves inside the page, `leave(url)` leaves it. */
export function makeScope(store, { follow, leave }) {
  const byId = (list, id) => store.get(list).find((entry) => entry.id === id);
  return {
    get me() {
      return store.get("me").id;
    },
    get zone() {
      return store.get("zone") ?? store.get("me").tz;
    },
    get now() {
      return clockNow(store);
    },
    userName: (id) => byId("people", id)?.handle ?? byId("people", id)?.name,
    channelName: (id) => byId("channels", id)?.name,
    groupName: (id) => store.get("groups")?.find((group) => group.id === id)?.handle,
    follow,
    open: (url) => (isOwn(url) ? follow(url) : leave(url)),
  };
}

/** Whether an address leads into this page. */
export function isOwn(url) {
  return url.origin === location.origin && url.pathname === location.pathname;
}

/** The practice clock, in Unix seconds, running on between two messages from the server. */
export function clockNow(store) {
  const { epoch, running, heard } = store.get("clock");
  return running ? epoch + (performance.now() - heard) / 1000 : epoch;
}

/** Who wrote a message: initials and a colour that stays theirs. */
export function portrait(message, store) {
  if (message.is_app) return { initials: initialsOf(message.name), hue: "app" };
  const index = store.get("people").findIndex(({ id }) => id === message.user);
  return { initials: initialsOf(message.name), hue: index < 0 ? "none" : String(index % HUES) };
}

/** Two letters or digits for a name: `Approver 1` is `A1`. */
export function initialsOf(name) {
  const words = name.split(/[\s-]+/).filter(Boolean);
  const letters = words.length > 1 ? `${words[0][0]}${words.at(-1)[0]}` : name.slice(0, 1);
  return letters.toUpperCase();
}
