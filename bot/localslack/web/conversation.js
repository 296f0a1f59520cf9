/** The middle of the page: one channel or direct message, its feed and its composer. */

import { announce } from "./announce.js";
import { Composer } from "./composer.js";
import { el, refill } from "./dom.js";
import { Feed } from "./feed.js";

/** Shows a channel and sends what is written into it. */
export class Conversation {
  #page;
  #opened = 0;
  channel = null;
  feed = null;

  constructor(page) {
    this.#page = page;
    this.composer = new Composer({
      commands: () => page.store.get("commands"),
      send: (text) => page.send(this.channel.id, text),
    });
    this.stranger = el("div", { class: "stranger", hidden: true });
    this.holder = el("div", { class: "conversation-feed" });
    this.root = el("div", { class: "conversation" }, this.holder, this.stranger, this.composer.root);
  }

  /** Turn to a channel and read it; resolves when it stands there. */
  async open(channel) {
    const opened = ++this.#opened;
    this.describe(channel);
    const answer = await this.#page.api.messages(channel.id);
    if (opened !== this.#opened || !answer.ok) return;
    this.feed = new Feed(
      {
        page: this.#page,
        inThread: false,
        openThread: (message) => this.#page.side.openThread(channel.id, message.thread_ts ?? message.ts),
        leave: () => this.composer.focus(),
      },
      {
        label: channel.kind === "dm" ? `Messages with ${channel.name}` : `Messages in #${channel.name}`,
        earlier: () => this.#earlier(),
      },
    );
    const title = channel.kind === "dm" && channel.purpose ? null : "Nothing here yet.";
    refill(
      this.feed.empty,
      title && el("p", { class: "feed-empty-title" }, title),
      el("p", {}, channel.purpose),
    );
    refill(this.holder, this.feed.root);
    this.#fill(answer);
  }

  /** Say who writes where; the person, the place or the membership changed. */
  describe(channel) {
    this.channel = channel;
    const { name, handle } = this.#page.store.get("me");
    const app = this.#page.store.get("app").name;
    const words = `Message ${channel.kind === "dm" ? channel.name : `#${channel.name}`} as ${name}`;
    this.composer.show({
      key: `${handle} ${channel.id}`,
      label: words,
      hint: `Type / to see what ${app} can do`,
    });
    const outside = channel.is_archived || !channel.is_member;
    this.composer.root.hidden = outside;
    this.stranger.hidden = !outside;
    refill(this.stranger, outside && strange(channel, () => this.#page.join(channel.id)));
  }

  /** Read the channel again after the stream was away, without moving the reader. */
  async catchUp() {
    if (!this.channel || !this.feed) return;
    const { channel, feed } = this;
    const answer = await this.#page.api.messages(channel.id);
    if (feed === this.feed && answer.ok) this.#fill(answer);
  }

  /** Take a message of this channel from the stream; replies stand in their thread. */
  hear(message, words) {
    if (!this.feed || (message.thread_ts && message.thread_ts !== message.ts)) return;
    this.feed.put(message);
    if (words) announce(words);
  }

  #fill({ messages, has_more: more }) {
    this.feed.show(messages);
    this.feed.earlier.hidden = !more;
  }

  async #earlier() {
    const { feed } = this;
    const answer = await this.#page.api.messages(this.channel.id, feed.first);
    if (!answer.ok || feed !== this.feed) return;
    feed.prepend(answer.messages);
    feed.earlier.hidden = !answer.has_more;
  }
}

function strange({ name, is_archived: archived }, join) {
  if (archived) return el("p", {}, `#${name} is archived; nobody can write here.`);
  return [
    el("p", {}, `You are not in #${name}.`),
    el("button", { type: "button", class: "button button-primary", on: { click: join } }, `Join #${name}`),
  ];
}
