/**
 * Slack's mrkdwn as DOM nodes.
 *
 * Only what Slack itself reads is read: emphasis at word borders, code, quotes, and `<…>` tokens.
 * Everything else, markup of other languages included, is text.
 */

import { fillDate } from "./dates.js";
import { el, safeUrl } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { isOwn } from "./scope.js";

const TOKEN = /<([^<>\n]+)>/;
const BARE_URL = /https?:\/\/[^\s<>|]*[^\s<>|.,;:!?)\]'"]/;
/** Marks count at word borders only; what they hold neither begins nor ends with a space. */
const EMPHASIS = {
  "*": { tag: "strong", pattern: /^\*(?!\s)([^\n]*?\S)\*(?![\p{L}\p{N}])/u },
  _: { tag: "em", pattern: /^_(?!\s)([^\n]*?\S)_(?![\p{L}\p{N}])/u },
  "~": { tag: "s", pattern: /^~(?!\s)([^\n]*?\S)~(?![\p{L}\p{N}])/u },
};

/**
 * Render a mrkdwn text.
 *
 * `scope` knows names, zone and links: `userName(id)`, `channelName(id)`, `groupName(id)`, `zone`,
 * `now`, `follow(url)`. With `verbatim` a bare address is not linked.
 */
export function mrkdwn(text, scope, { verbatim = false } = {}) {
  const context = { scope, verbatim };
  return text
    .split(/```([\s\S]*?)```/)
    .flatMap((piece, index) =>
      index % 2
        ? [el("pre", { class: "code-block" }, el("code", {}, literal(piece.replace(/^\n/, ""))))]
        : paragraphs(piece, context),
    );
}

/** A link that leaves the page in a new tab, or moves inside the page; a bad address is text. */
export function link(address, label, scope) {
  const url = safeUrl(address);
  if (!url) return el("span", {}, label.length ? label : [address]);
  const own = isOwn(url);
  return el(
    "a",
    {
      href: url.href,
      rel: "noreferrer noopener",
      target: own ? null : "_blank",
      on: own && {
        click: (event) => {
          event.preventDefault();
          scope.follow(url);
        },
      },
    },
    label.length ? label : [address],
  );
}

/** The name of a person, channel or group that a text points to. */
export function mention(name, { self = false } = {}) {
  return el("span", { class: self ? "mention mention-self" : "mention" }, name);
}

/** An instant in the reader's zone, with the full reading behind it. */
export function dateToken({ seconds, format, fallback, address }, scope) {
  const text = Number.isFinite(seconds) ? fillDate(format, seconds, scope) : fallback;
  const time = el("time", { title: fallback }, text);
  return address ? link(address, [time], scope) : time;
}

function paragraphs(text, context) {
  const nodes = [];
  let quote = null;
  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    const quoted = /^(?:>|&gt;) ?(.*)$/.exec(line);
    if (quoted) {
      if (quote) quote.append(el("br"));
      else nodes.push((quote = el("blockquote")));
      quote.append(...inline(quoted[1], context));
      continue;
    }
    nodes.push(...inline(line, context));
    if (index < lines.length - 1 && !(quote && line === "")) nodes.push(el("br"));
    quote = null;
  }
  return nodes;
}

function inline(text, context) {
  const nodes = [];
  let rest = text;
  let before = "";
  let plain = "";
  const flush = () => {
    if (plain) nodes.push(...plainText(plain, context));
    plain = "";
  };
  while (rest) {
    const found = code(rest) ?? token(rest, context) ?? emphasis(rest, before, context);
    if (found) {
      flush();
      nodes.push(...found.nodes);
    } else {
      plain += rest[0];
    }
    const taken = found ? found.length : 1;
    before = rest[taken - 1];
    rest = rest.slice(taken);
  }
  flush();
  return nodes;
}

function code(text) {
  const match = /^`([^`\n]+)`/.exec(text);
  return match && { length: match[0].length, nodes: [el("code", {}, literal(match[1]))] };
}

function emphasis(text, before, context) {
  const mark = text[0];
  if (!EMPHASIS[mark] || /[\p{L}\p{N}]/u.test(before)) return null;
  const match = EMPHASIS[mark].pattern.exec(text);
  return (
    match && {
      length: match[0].length,
      nodes: [el(EMPHASIS[mark].tag, {}, inline(match[1], context))],
    }
  );
}

function token(text, { scope }) {
  if (text[0] !== "<") return null;
  const match = TOKEN.exec(text);
  if (!match || match.index !== 0) return null;
  const [target, ...labels] = match[1].split("|");
  const label = labels.join("|");
  return { length: match[0].length, nodes: [tokenNode(target, label, scope)] };
}

function tokenNode(target, label, scope) {
  if (target.startsWith("@")) {
    const id = target.slice(1);
    return mention(`@${scope.userName(id) ?? (label || id)}`, { self: id === scope.me });
  }
  if (target.startsWith("#")) {
    const id = target.slice(1);
    return mention(`#${scope.channelName(id) ?? (label || id)}`);
  }
  if (target.startsWith("!date^")) {
    const [, seconds, format, address] = target.split("^");
    return dateToken({ seconds: Number(seconds), format, fallback: decoded(label), address }, scope);
  }
  if (target.startsWith("!subteam^")) {
    const id = target.slice("!subteam^".length);
    return mention(label || `@${scope.groupName(id) ?? id}`);
  }
  if (target.startsWith("!")) return mention(`@${target.slice(1)}`);
  return link(decoded(target), label ? withEmoji(decoded(label)) : [], scope);
}

function plainText(text, { scope, verbatim }) {
  if (verbatim) return withEmoji(decoded(text));
  const nodes = [];
  let rest = decoded(text);
  for (let match = BARE_URL.exec(rest); match; match = BARE_URL.exec(rest)) {
    nodes.push(...withEmoji(rest.slice(0, match.index)), link(match[0], [], scope));
    rest = rest.slice(match.index + match[0].length);
  }
  return [...nodes, ...withEmoji(rest)];
}

function literal(text) {
  return decoded(text.replace(/<([^<>|\n]+)(?:\|([^<>\n]*))?>/g, (_, target, label) => label ?? target));
}

/** Slack escapes three characters only. */
function decoded(text) {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
