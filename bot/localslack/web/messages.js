/** One message as an article: who, when, what, its thread, and what a screen reader hears. */

import { alarm } from "./announce.js";
import { drawBlocks } from "./blocks.js";
import { clockTime, fullInstant } from "./dates.js";
import { el, refill, uniqueId } from "./dom.js";
import { icon } from "./icons.js";
import { mrkdwn } from "./mrkdwn.js";
import { portrait } from "./scope.js";

const TEXT_LIMIT = 4000;
const PRIVATE = new Set(["ephemeral", "notice"]);

/**
 * Draw a message; returns its article.
 *
 * `article.message` is what it shows and `article.refresh(message)` shows a newer state in the same
 * place. `place` gives `page`, `inThread` and `openThread(message)`.
 */
export function messageArticle(message, { page, inThread, openThread }) {
  const { store, scope } = page;
  const nameId = uniqueId("author");
  const textId = uniqueId("text");
  const parts = {
    label: el("p", { class: "message-private" }, icon("eye"), "Only visible to you"),
    avatar: el("span", { class: "avatar", "aria-hidden": "true" }),
    name: el("span", { class: "message-name" }),
    badge: el("span", { class: "message-app" }, "App"),
    time: el("a", { class: "message-time" }),
    command: el("p", { class: "message-command" }),
    body: el("div", { class: "blocks", id: textId }),
    files: el("ul", { class: "files", "aria-label": "Files", hidden: true }),
    failure: el("p", { class: "message-failure", hidden: true }),
    spoken: el("div", { class: "spoken", hidden: true }),
    replies: el("button", {
      type: "button",
      class: "message-replies",
      on: { click: () => openThread(article.message) },
    }),
    reply: tool("bubble", "Reply in thread", () => openThread(article.message)),
    read: tool("text", "Screen reader text", () => article.toggleSpoken()),
    dismiss: tool("close", "Dismiss this message", () => page.dismiss(article.message)),
  };
  const article = el(
    "article",
    { class: "message", tabindex: "-1", "aria-labelledby": nameId, "aria-describedby": textId },
    parts.avatar,
    el(
      "div",
      { class: "message-main" },
      parts.label,
      el("div", { class: "message-head", id: nameId }, parts.name, parts.badge, parts.time),
      parts.command,
      parts.body,
      parts.files,
      parts.failure,
      parts.spoken,
      parts.replies,
    ),
    el("div", { class: "message-tools" }, parts.reply, parts.read, parts.dismiss),
  );

  let spokenHere = false;
  article.toggleSpoken = () => {
    spokenHere = !spokenHere;
    drawSpoken();
  };
  article.refresh = (next) => {
    article.message = next;
    article.dataset.ts = next.ts;
    article.classList.toggle("message-tinted", PRIVATE.has(next.kind));
    article.classList.toggle("message-calls", next.mentions_me);
    drawHead(parts, next, page);
    drawBody(parts.body, next, page, {
      failed,
      redraw: () => article.refresh(article.message),
      headings: inThread ? "h3" : "h2",
    });
    drawFiles(parts.files, next.files);
    drawReplies(parts.replies, next, { scope, inThread });
    parts.reply.hidden = inThread || next.kind !== "message";
    parts.read.hidden = next.kind === "refused";
    parts.dismiss.hidden = next.kind === "message";
    drawSpoken();
  };

  function failed(sentence) {
    parts.failure.hidden = !sentence;
    refill(parts.failure, sentence);
    if (sentence) alarm(sentence);
  }

  function drawSpoken() {
    const wanted = (store.get("screenReaderText") || spokenHere) && article.message.kind !== "refused";
    parts.spoken.hidden = !wanted;
    if (wanted) drawSpokenText(parts.spoken, article.message);
  }

  article.refresh(message);
  return article;
}

function tool(name, label, press) {
  return el(
    "button",
    { type: "button", class: "button button-plain", "aria-label": label, title: label, on: { click: press } },
    icon(name),
  );
}

function drawHead({ label, avatar, name, badge, time, command }, message, { scope, store }) {
  const { initials, hue } = portrait(message, store);
  const seconds = Number.parseFloat(message.ts);
  label.hidden = !PRIVATE.has(message.kind);
  refill(avatar, initials);
  avatar.dataset.hue = hue;
  refill(name, message.name);
  badge.hidden = !message.is_app;
  refill(time, clockTime(seconds, scope.zone));
  time.title = fullInstant(seconds, scope.zone);
  if (message.permalink) time.href = message.permalink;
  time.onclick = (event) => {
    event.preventDefault();
    if (message.permalink) scope.follow(new URL(message.permalink, location.href));
  };
  command.hidden = !message.command;
  refill(command, message.command && el("code", {}, message.command));
}

function drawBody(body, message, page, around) {
  if (message.refused) {
    refill(body, el("p", { class: "refused" }, message.refused.sentence));
  } else if (message.blocks.length) {
    if (body.firstElementChild?.classList.contains("plain-text")) refill(body);
    drawBlocks(body, message.blocks, page.hosts.message(message, around));
  } else {
    const text = el(
      "div",
      { class: message.subtype ? "plain-text plain-event" : "plain-text" },
      mrkdwn(message.text, page.scope),
    );
    if (message.edited) text.append(el("span", { class: "edited" }, " (edited)"));
    refill(body, text);
  }
}

function drawFiles(list, files) {
  list.hidden = files.length === 0;
  refill(
    list,
    files.map(({ name, title, size, url }) =>
      el(
        "li",
        {},
        el(
          "a",
          { class: "file", href: url, download: name },
          icon("file"),
          el("span", { class: "file-title" }, title),
          el("span", { class: "file-facts" }, `${name}, ${fileSize(size)}`),
        ),
      ),
    ),
  );
}

function fileSize(bytes) {
  return bytes < 1024 ? `${bytes} bytes` : `${Math.round(bytes / 1024).toLocaleString("en")} KB`;
}

function drawReplies(button, message, { scope, inThread }) {
  const { reply_count: count, latest_reply: latest } = message;
  button.hidden = inThread || !count;
  if (button.hidden) return;
  const last = latest ? `, last ${clockTime(Number.parseFloat(latest), scope.zone)}` : "";
  refill(button, icon("bubble"), `${count} ${count === 1 ? "reply" : "replies"}${last}`);
}

function drawSpokenText(spoken, message) {
  const { text, text_length: length, missing_in_text: missing, problems } = message;
  const measure = `${length.toLocaleString("en")} of ${TEXT_LIMIT.toLocaleString("en")} characters`;
  refill(
    spoken,
    el("p", { class: "spoken-title" }, icon("text"), `Screen reader text, ${measure}`),
    el("p", { class: "spoken-text" }, text || "None: a screen reader reads the blocks one by one."),
    missing.length > 0 && el("p", { class: "spoken-missing" }, `Only in the blocks: ${missing.join(" · ")}`),
    problems.map((sentence) => el("p", { class: "spoken-missing" }, sentence)),
  );
}
