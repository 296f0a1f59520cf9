/** Messages in order, as a feed that the arrow keys walk through. */

import { dayName, numeric } from "./dates.js";
import { el, focusable, refill } from "./dom.js";
import { messageArticle } from "./messages.js";

const NEAR_END_PX = 80;
const SAME_BREATH_SECONDS = 300;

/**
 * A feed inside a scrolling element.
 *
 * `place` is what its messages know of their surroundings: `page`, `inThread`, `openThread(message)`,
 * `leave()` (Esc on a message). The reader stays at the end while there, and where they are otherwise.
 */
export class Feed {
  #place;
  #articles = new Map();
  #following = true;
  #lastArticle = null;

  constructor(place, { label, earlier }) {
    this.#place = place;
    this.list = el("div", { class: "feed", role: "feed", "aria-label": label });
    this.earlier = el(
      "button",
      { type: "button", class: "button feed-earlier", hidden: true, on: { click: earlier } },
      "Show earlier messages",
    );
    this.empty = el("div", { class: "feed-empty", hidden: true });
    this.more = el(
      "button",
      { type: "button", class: "button feed-more", hidden: true, on: { click: () => this.toEnd() } },
      "New messages below",
    );
    this.scroller = el(
      "div",
      { class: "feed-scroll", tabindex: "-1" },
      el("div", { class: "feed-inner" }, this.earlier, this.empty, this.list),
    );
    this.root = el("div", { class: "feed-holder" }, this.scroller, this.more);
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.list.addEventListener("keydown", (event) => this.#keys(event));
    this.list.addEventListener("focusin", (event) => this.#rove(event.target.closest("article")));
    const follow = new ResizeObserver(() => this.#following && this.toEnd());
    follow.observe(this.scroller);
    follow.observe(this.scroller.firstElementChild);
  }

  /** Show exactly these messages, and leave alone what is as it was. */
  show(messages) {
    const wanted = new Set(messages.map(({ ts }) => ts));
    const kept = [...this.#articles.keys()].some((ts) => wanted.has(ts));
    for (const ts of [...this.#articles.keys()]) if (!wanted.has(ts)) this.#remove(ts);
    for (const message of messages) this.#put(message);
    this.#arrange();
    if (!kept) this.toEnd();
  }

  /** Add messages from before the first one, without moving the reader. */
  prepend(messages) {
    const height = this.scroller.scrollHeight - this.scroller.scrollTop;
    for (const message of messages) this.#put(message);
    this.#arrange();
    this.#following = false;
    this.scroller.scrollTop = this.scroller.scrollHeight - height;
  }

  /** Add a message, or show its newer state. */
  put(message) {
    const stay = this.#following;
    const added = this.#put(message);
    if (added) this.#arrange();
    if (stay) this.toEnd();
    else if (added) this.more.hidden = false;
  }

  drop(ts) {
    const article = this.#articles.get(ts);
    if (!article) return;
    const all = [...this.#articles.values()];
    const next = all[all.indexOf(article) + 1] ?? all[all.indexOf(article) - 1];
    const focused = article.contains(document.activeElement);
    this.#remove(ts);
    this.#arrange();
    if (focused) next?.focus();
  }

  /** Draw all again: another zone, another way of showing. */
  redraw() {
    for (const article of this.#articles.values()) article.refresh(article.message);
    this.#arrange();
  }

  get size() {
    return this.#articles.size;
  }

  get first() {
    return this.#articles.keys().next().value;
  }

  /** Scroll to a message and mark it for a moment; false if it is not here. */
  highlight(ts) {
    const article = this.#articles.get(ts);
    if (!article) return false;
    this.#following = false;
    article.scrollIntoView({ block: "center" });
    article.classList.remove("message-found");
    requestAnimationFrame(() => article.classList.add("message-found"));
    article.focus({ preventScroll: true, focusVisible: true });
    return true;
  }

  toEnd() {
    this.#following = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.more.hidden = true;
  }

  /** Focus the message that was last in focus, else the newest, else the empty place. */
  focus() {
    const article = this.#lastArticle?.isConnected ? this.#lastArticle : [...this.#articles.values()].at(-1);
    (article ?? this.scroller).focus();
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    this.#following = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    if (this.#following) this.more.hidden = true;
  }

  #put(message) {
    const article = this.#articles.get(message.ts);
    if (!article) {
      this.#add(message);
      return true;
    }
    if (JSON.stringify(article.message) !== JSON.stringify(message)) article.refresh(message);
    return false;
  }

  #add(message) {
    const article = messageArticle(message, this.#place);
    const earlier = [...this.#articles.values()].findLast((other) => other.message.ts < message.ts);
    if (earlier) earlier.after(article);
    else this.list.prepend(article);
    const all = [...this.#articles, [message.ts, article]];
    this.#articles = new Map(all.sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  #remove(ts) {
    this.#articles.get(ts).remove();
    this.#articles.delete(ts);
  }

  /** Days between messages, one head for what one person says in one breath, places for readers. */
  #arrange() {
    for (const day of this.list.querySelectorAll(".feed-day")) day.remove();
    const { zone } = this.#place.page.scope;
    const articles = [...this.#articles.values()];
    let previous = null;
    for (const [index, article] of articles.entries()) {
      const { message } = article;
      const at = Number.parseFloat(message.ts);
      const newDay = !previous || numeric(at, zone) !== numeric(Number.parseFloat(previous.ts), zone);
      if (newDay) article.before(el("div", { class: "feed-day" }, el("span", {}, dayName(at, zone))));
      article.classList.toggle("message-follows", !newDay && follows(previous, message));
      article.setAttribute("aria-posinset", index + 1);
      article.setAttribute("aria-setsize", articles.length);
      previous = message;
    }
    this.empty.hidden = articles.length > 0;
    if (articles.length && !this.#lastArticle?.isConnected) this.#rove(articles.at(-1), { keep: false });
  }

  /** One message at a time is a stop of the Tab key. */
  #rove(article, { keep = true } = {}) {
    if (!article) return;
    for (const other of this.list.querySelectorAll('article[tabindex="0"]')) other.tabIndex = -1;
    article.tabIndex = 0;
    if (keep) this.#lastArticle = article;
  }

  #keys(event) {
    const article = event.target.closest("article");
    if (!article || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target !== article) {
      if (event.key !== "Escape") return;
      article.focus();
    } else if (!this.#messageKey(event.key, article)) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #messageKey(key, article) {
    const articles = [...this.#articles.values()];
    const at = articles.indexOf(article);
    const move = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: articles.length - 1 }[key];
    if (move !== undefined) articles[move]?.focus();
    else if (key === "Enter") focusable(article.querySelector(".blocks"))[0]?.focus();
    else if (key.toLowerCase() === "t" && article.message.kind === "message")
      this.#place.openThread(article.message);
    else if (key.toLowerCase() === "r") article.toggleSpoken();
    else if (key === "Escape") this.#place.leave();
    else return false;
    return true;
  }
}

function follows(previous, message) {
  const near = Number.parseFloat(message.ts) - Number.parseFloat(previous.ts) < SAME_BREATH_SECONDS;
  const spoken = [previous, message].every((one) => one.kind === "message" && !one.is_app && !one.subtype);
  return near && spoken && previous.user === message.user && !previous.reply_count;
}
