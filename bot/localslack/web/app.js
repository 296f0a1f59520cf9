/** The local Slack page: one store, one stream, and the parts that draw them. */

import { announce } from "./announce.js";
import { Api } from "./api.js";
import { Conversation } from "./conversation.js";
import { el, refill } from "./dom.js";
import { drawHeader } from "./header.js";
import { hear, heard } from "./hearing.js";
import { about, Home } from "./home.js";
import { Hosts } from "./hosts.js";
import { listenForKeys } from "./keys.js";
import { Live } from "./live.js";
import { ModalStack } from "./modal.js";
import { openPalette } from "./palette.js";
import { phoneBar } from "./phonebar.js";
import { placeAddress, readPlace } from "./place.js";
import { drawRail } from "./rail.js";
import { paletteEntries, regions } from "./reach.js";
import { makeScope } from "./scope.js";
import { Side } from "./side.js";
import { remembered, Store } from "./store.js";
import { toast } from "./toast.js";
import { topBar } from "./topbar.js";

const FIRST_PERSON = "requester";

/** The page as its parts see it. */
class Page {
  #place = { channel: null, tab: null };
  #live = new Live({
    onEvent: (event) => hear(this, event),
    onLost: () => this.store.patch({ away: true }),
  });

  constructor(api, state) {
    this.api = api;
    this.store = new Store({
      theme: remembered("theme") ?? "system",
      zone: remembered("zone"),
      screenReaderText: false,
      away: false,
      ...heard(state),
    });
    this.scope = makeScope(this.store, {
      follow: (url) => this.#arrive(readPlace(url), {}),
      leave: (url) => window.open(url, "_blank", "noopener"),
    });
    this.hosts = new Hosts(this);
    this.conversation = new Conversation(this);
    this.home = new Home(this);
    this.side = new Side(this, { moved: () => this.#writeAddress() });
    this.modal = new ModalStack(this);
    this.#build();
  }

  async start(place) {
    this.#live.listen(this.api.as);
    await this.#arrive(place, { replace: true });
  }

  // What the parts ask for

  /** Go to `{channel}` or `{tab}`; the address follows. */
  go(place) {
    return this.#arrive(place, {});
  }

  /** Act as someone else: same place, their unread counts, ephemerals and windows. */
  async actAs(handle) {
    if (handle === this.store.get("me").handle) return;
    this.api.as = handle;
    const thread = this.side.thread?.ts;
    this.store.patch(heard(await this.api.state()));
    this.#live.listen(handle);
    await this.#arrive({ ...this.#place, thread }, { again: true });
    announce(youAct(this.store));
  }

  /** The stream is there; read everything again if something happened before it was. */
  async greet(seq) {
    if (seq !== this.store.get("seq")) await this.reload();
    this.store.patch({ away: false });
  }

  /** Read everything again: the stream was away, or everything began anew. */
  async reload() {
    const state = await this.api.state();
    if (!state.ok) return;
    this.store.patch(heard(state));
    await this.conversation.catchUp();
    await this.side.thread?.load();
    this.#markRead();
  }

  /** Send a line, command or message; resolves to why not, or null. */
  async send(channel, text, thread) {
    const answer = await this.api.send(channel, text, thread);
    return answer.ok || answer.shown ? null : answer.sentence;
  }

  async join(channel) {
    if (await this.#report(this.api.join(channel))) await this.reload();
  }

  dismiss({ channel, ts }) {
    return this.#report(this.api.dismiss({ channel, ts }));
  }

  closeView(id, all) {
    return this.#report(this.api.close(id, all)).then(
      (answer) => answer && this.store.patch({ modals: answer.modals }),
    );
  }

  pressControl(panel, control) {
    return this.#report(this.api.press(panel, control, {})).then(
      (answer) => answer?.sentence && this.say(answer.sentence),
    );
  }

  /** Say something in a short line over the conversation. */
  say(sentence) {
    toast(this.toasts, sentence);
  }

  toggleSpoken() {
    this.store.patch({ screenReaderText: !this.store.get("screenReaderText") });
  }

  showChats() {
    this.side.close();
    this.root.dataset.view = "chats";
    this.rail.querySelector("[aria-current]")?.focus();
  }

  /** Focus when what opened a window is gone: its twin if there is one, else where the reader was. */
  focusAgain(opener) {
    const { block, action } = opener?.dataset ?? {};
    const twins = action ? [...this.root.querySelectorAll("[data-action]")] : [];
    const twin = twins.find(({ dataset }) => dataset.block === block && dataset.action === action);
    if (twin) twin.focus();
    else if (this.content.contains(this.conversation.root)) this.conversation.feed?.focus();
    else this.content.firstElementChild.focus();
  }

  hearMessage({ channel, message, new: isNew, announce: words }) {
    const spoken =
      words ??
      (isNew && message.user !== this.store.get("me").id ? `${message.name}: ${message.text}` : null);
    if (channel === this.conversation.channel?.id) this.conversation.hear(message, spoken);
    if (channel === this.side.thread?.channel) this.side.thread.hear(message, spoken);
  }

  hearGone({ channel, ts }) {
    if (channel === this.conversation.channel?.id) this.conversation.feed?.drop(ts);
    this.side.thread?.feed.drop(ts);
  }

  // Drawing

  #build() {
    const { store } = this;
    this.notice = el("p", { class: "notice", role: "status" });
    this.rail = el("nav", { class: "rail dark-frame", "aria-label": "Channels" });
    this.head = el("header", { class: "head" });
    this.toasts = el("div", { class: "toasts" });
    this.content = el("div", { class: "content" });
    this.main = el(
      "main",
      { class: "main", "aria-label": "Conversation" },
      this.head,
      this.toasts,
      this.content,
    );
    this.root = el(
      "div",
      { class: "page", data: { view: "main" } },
      topBar(this),
      this.notice,
      this.rail,
      this.main,
      this.side.root,
      phoneBar(this),
    );
    refill(document.getElementById("page"), this.root);

    store.watch(["app", "away"], () => this.#drawNotice());
    store.watch(["theme"], () => drawTheme(store.get("theme")));
    store.watch(["home", "home_refused", "me", "zone"], () => this.home.draw());
    store.watch(["channels", "app"], () => this.#drawPlaces());
    store.watch(["channels"], () => this.#markRead());
    store.watch(["screenReaderText", "zone"], () => this.#redrawMessages());
    store.watch(["panels", "refused"], () => this.side.drawPanel());
    store.watch(["modals"], () => this.modal.show(store.get("modals")));
    store.watch(["modal_refused"], () => this.#drawModalRefused());
    listenForKeys({ regions: () => regions(this), palette: () => openPalette(paletteEntries(this)) });
    window.addEventListener("popstate", () => this.#arrive(readPlace(location), { replace: true }));
    document.addEventListener("visibilitychange", () => this.#markRead());
  }

  #drawNotice() {
    const { connected } = this.store.get("app");
    const away =
      this.store.get("away") &&
      "The local Slack does not answer; this page goes on by itself when it is back.";
    const text = away || (connected ? "" : "The app is not connected; clicks will fail until it is back.");
    this.notice.hidden = !text;
    if (this.notice.textContent !== text) refill(this.notice, text);
  }

  #drawPlaces() {
    const { store } = this;
    drawRail(this.rail, { store, current: this.#place, go: (place) => this.go(place) });
    const { channel, tab } = this.#place;
    const waiting = store.get("channels").reduce((sum, { unread }) => sum + unread, 0);
    const here = this.#channel(channel);
    document.title = `${waiting ? `(${waiting}) ` : ""}${tab || !here ? store.get("app").name : `#${here.name}`} · Local Slack`;
    if (here && this.conversation.channel) this.conversation.describe(here);
  }

  #drawHead() {
    drawHeader(this.head, {
      app: this.store.get("app"),
      channel: this.#channel(this.#place.channel),
      tab: this.#place.tab,
      choose: (tab) => this.go({ tab }),
      back: () => this.showChats(),
    });
  }

  #redrawMessages() {
    this.conversation.feed?.redraw();
    this.side.thread?.feed.redraw();
  }

  #drawModalRefused() {
    const refused = this.store.get("modal_refused");
    if (!refused) return;
    toast(this.toasts, refused.sentence, {
      failure: true,
      closed: () => this.api.dismiss({ modal_refused: true }),
    });
  }

  // Arriving

  async #arrive({ channel, tab, message, thread }, { replace = false, again = false }) {
    const { dm } = this.store.get("app");
    const chat = tab === "messages" ? dm : tab ? null : (this.#channel(channel) ?? this.#firstChannel()).id;
    const moved = again || chat !== this.#place.channel || (chat && this.conversation.channel?.id !== chat);
    this.#place = { channel: chat, tab: chat === dm ? "messages" : tab };
    this.root.dataset.view = "main";
    if (moved && this.side.thread) this.side.close({ quiet: true });
    this.#drawPlaces();
    this.#drawHead();
    this.#writeAddress({ replace: replace || !moved });
    if (this.#place.tab) this.#enterTab(this.#place.tab);
    if (chat) await this.#enterChannel(this.#channel(chat), moved);
    if (thread) await this.side.openThread(chat, thread, { highlight: message });
    else if (message && !this.conversation.feed?.highlight(message))
      await this.side.openThread(chat, message, { highlight: message });
  }

  async #enterTab(tab) {
    if (tab === "about") refill(this.content, about(this.store.get("app"), this.store.get("commands")));
    else if (tab === "home") refill(this.content, this.home.root);
    const answer = await this.api.home(tab);
    if (answer.ok && answer.home) this.store.patch({ home: answer.home });
  }

  async #enterChannel(channel, moved) {
    if (this.content.firstElementChild !== this.conversation.root)
      refill(this.content, this.conversation.root);
    if (moved) await this.conversation.open(channel);
    this.#markRead();
  }

  #writeAddress({ replace = true } = {}) {
    const thread = this.side.thread?.ts;
    const url = placeAddress({ handle: this.store.get("me").handle, ...this.#place, thread });
    if (url.href !== location.href) history[replace ? "replaceState" : "pushState"](null, "", url);
  }

  #markRead() {
    const here = this.#channel(this.#place.channel);
    if (here?.unread && !document.hidden) this.api.read(here.id);
  }

  #channel(idOrName) {
    return this.store.get("channels").find(({ id, name }) => id === idOrName || name === idOrName);
  }

  #firstChannel() {
    const channels = this.store.get("channels");
    return channels.find(({ kind, is_member: member }) => kind === "channel" && member) ?? channels[0];
  }

  /** Say it when the server refuses; resolves to the answer, or null. */
  async #report(asked) {
    const answer = await asked;
    if (answer.ok) return answer;
    toast(this.toasts, answer.sentence, { failure: true });
    return null;
  }
}

function drawTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function youAct(store) {
  const waiting = store
    .get("channels")
    .filter(({ unread }) => unread > 0)
    .map(({ name, kind, unread }) => `${unread} unread in ${kind === "dm" ? name : `#${name}`}.`);
  return [`You act as ${store.get("me").name}.`, ...waiting].join(" ");
}

const place = readPlace(location);
const api = new Api(place.handle ?? FIRST_PERSON);
const state = await api.state();
if (state.ok) await new Page(api, state).start(place);
else refill(document.getElementById("page"), el("p", { class: "notice", role: "alert" }, state.sentence));
