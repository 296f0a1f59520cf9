/** Where the page stands, as its address says: person, channel or app tab, message, thread. */

/** Read an address. */
export function readPlace(address) {
  const query = new URL(address, location.href).searchParams;
  return {
    handle: query.get("as"),
    channel: query.get("channel"),
    tab: query.has("home") ? "home" : query.has("about") ? "about" : null,
    message: query.get("message"),
    thread: query.get("thread"),
  };
}

/** Write an address. */
export function placeAddress({ handle, channel, tab, thread }) {
  const url = new URL(location.pathname, location.origin);
  if (handle) url.searchParams.set("as", handle);
  if (tab === "home" || tab === "about") url.searchParams.set(tab, "1");
  else if (channel) url.searchParams.set("channel", channel);
  if (thread) url.searchParams.set("thread", thread);
  return url;
}
