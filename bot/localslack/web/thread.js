/** A message and its replies, in the right column. */

import { announce } from "./announce.js";
import { Composer } from "./composer.js";
import { el } from "./dom.js";
import { Feed } from "./feed.js";

/** Shows one thread. */
export class Thread {
  title = "Thread";
  #page;

  constructor(page, { channel, ts }) {
    this.#page = page;
    this.channel = channel;
    this.ts = ts;
    this.feed = new Feed(
      { page, inThread: true, openThread: () => {}, leave: () => this.composer.focus() },
      { label: "Thread", earlier: () => {} },
    );
    this.none = el("p", { class: "thread-none", hidden: true }, "No replies yet.");
    this.feed.list.after(this.none);
    this.composer = new Composer({ commands: () => [], send: (text) => page.send(channel, text, ts) });
    this.composer.show({ key: `${channel} ${ts}`, label: `Reply as ${page.store.get("me").name}` });
    this.root = el(
      "div",
      { class: "conversation" },
      el("div", { class: "conversation-feed" }, this.feed.root),
      this.composer.root,
    );
  }

  /** Read the thread, for the first time or again. */
  async load() {
    const answer = await this.#page.api.thread(this.channel, this.ts);
    if (!answer.ok) return;
    this.feed.show([answer.root, ...answer.replies]);
    this.#count();
  }

  /** Take a message of the same channel from the stream. */
  hear(message, words) {
    if (message.ts !== this.ts && message.thread_ts !== this.ts) return;
    this.feed.put(message);
    this.#count();
    if (words && message.ts !== this.ts) announce(`In the thread: ${words}`);
  }

  #count() {
    this.none.hidden = this.feed.size > 1;
  }
}
