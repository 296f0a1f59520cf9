/** What all elements share: texts, attributes, and telling the app what was entered. */

import { askFirst } from "./confirm.js";
import { el } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";

/** Render a text object, mrkdwn or plain. */
export function textNodes(text, scope) {
  if (!text) return [];
  if (text.type === "mrkdwn") return mrkdwn(text.text, scope, { verbatim: text.verbatim });
  return text.text
    .split("\n")
    .flatMap((line, index) => [index ? el("br") : null, text.emoji === false ? line : withEmoji(line)]);
}

/** A text object as a string, for labels. */
export function textOf(text) {
  return text?.text ?? "";
}

/** The attributes by which an element is found, named and described. */
export function shared(element, { block, labelledBy, describedBy, invalid }) {
  return {
    "data-block": block.block_id,
    "data-action": element.action_id,
    "aria-labelledby": labelledBy,
    "aria-label": labelledBy ? null : textOf(element.placeholder) || element.type.replaceAll("_", " "),
    "aria-describedby": describedBy,
    "aria-invalid": invalid ? "true" : null,
  };
}

/** Ask first if the element wants it, then tell the app; false if the person thought better of it. */
export async function send(element, { block, host }, value) {
  if (element.confirm && !(await askFirst(element.confirm, host.scope))) return false;
  await host.act(block, element, value);
  return true;
}

/** Keep what was entered and tell the app; a confirmation that is denied puts the old value back. */
export async function enter(element, place, value, restore = () => {}) {
  const { block, host } = place;
  const before = host.values.get(block.block_id, element);
  host.values.set(block.block_id, element, value);
  if (!dispatches(block)) return;
  if (await send(element, place, value)) return;
  host.values.set(block.block_id, element, before);
  restore(before);
}

function dispatches(block) {
  return block.type !== "input" || block.dispatch_action === true;
}
