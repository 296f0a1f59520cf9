/** `rich_text` blocks: text that is never parsed, lists, quotes and preformatted lines. */

import { el } from "./dom.js";
import { emoji, withEmoji } from "./emoji.js";
import { dateToken, link, mention } from "./mrkdwn.js";

const BULLETS = ["disc", "circle", "square"];
const NUMBERS = ["decimal", "lower-alpha", "lower-roman"];

const PARTS = {
  rich_text_section: (part, scope) => el("div", { class: "rich-section" }, inline(part.elements, scope)),
  rich_text_list: list,
  rich_text_quote: (part, scope) => el("blockquote", {}, inline(part.elements, scope)),
  rich_text_preformatted: (part, scope) =>
    el("pre", { class: "code-block" }, el("code", {}, inline(part.elements, scope))),
};

const LEAVES = {
  text: ({ text }) => withLines(text),
  link: ({ url, text }, scope) => [link(url, text ? [text] : [], scope)],
  emoji: ({ name }) => [emoji(name)],
  user: ({ user_id: id }, scope) => [mention(`@${scope.userName(id) ?? id}`, { self: id === scope.me })],
  channel: ({ channel_id: id }, scope) => [mention(`#${scope.channelName(id) ?? id}`)],
  usergroup: ({ usergroup_id: id }, scope) => [mention(`@${scope.groupName(id) ?? id}`)],
  broadcast: ({ range }) => [mention(`@${range}`)],
  date: ({ timestamp, format, fallback = "", url }, scope) => [
    dateToken({ seconds: Number(timestamp), format, fallback, address: url }, scope),
  ],
  color: ({ value }) => [value],
};

/** Render one `rich_text` block. */
export function richText(block, scope) {
  return el(
    "div",
    { class: "rich-text" },
    block.elements.map((part) => (PARTS[part.type] ?? unknown)(part, scope)),
  );
}

function list(part, scope) {
  const { style, indent = 0, offset = 0 } = part;
  const marks = style === "ordered" ? NUMBERS : BULLETS;
  return el(
    style === "ordered" ? "ol" : "ul",
    {
      class: "rich-list",
      start: style === "ordered" && offset ? offset + 1 : null,
      data: { indent: indent || null, mark: marks[indent % marks.length] },
    },
    part.elements.map((item) => el("li", {}, inline(item.elements, scope))),
  );
}

function inline(leaves, scope) {
  return leaves.map((leaf) => {
    const nodes = LEAVES[leaf.type]?.(leaf, scope) ?? [unknown(leaf)];
    return styled(nodes, leaf.style ?? {});
  });
}

function styled(nodes, { bold, italic, strike, code }) {
  let result = nodes;
  if (code) result = [el("code", {}, result)];
  if (strike) result = [el("s", {}, result)];
  if (italic) result = [el("em", {}, result)];
  if (bold) result = [el("strong", {}, result)];
  return result;
}

function withLines(text) {
  return text.split("\n").flatMap((line, index) => [index ? el("br") : null, ...withEmoji(line)]);
}

function unknown({ type }) {
  return el("span", { class: "unknown" }, `Unknown element: ${type}`);
}
