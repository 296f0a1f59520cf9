/** Block Kit blocks as DOM, and updates that leave alone what did not change. */

import { el, uniqueId } from "./dom.js";
import { picture, renderElement } from "./elements.js";
import { withEmoji } from "./emoji.js";
import { textNodes } from "./entering.js";
import { richText } from "./richtext.js";

const RENDERERS = {
  header: ({ text }, host) => el(host.headings, { class: "header" }, withEmoji(text.text)),
  section,
  rich_text: (block, host) => richText(block, host.scope),
  context,
  actions: (block, host) =>
    el(
      "div",
      { class: "actions" },
      block.elements.map((element) => renderElement(element, { block, host })),
    ),
  input,
  divider: () => el("hr", { class: "divider" }),
  image,
  markdown: ({ text }) => el("div", { class: "markdown" }, text),
};

/**
 * Draw `blocks` into `container`.
 *
 * A block that is the same as before keeps its very nodes, so focus and half-written words stay. A
 * block that changed is drawn anew from what the person entered, and gets its focus back.
 */
export function drawBlocks(container, blocks, host) {
  const before = new Map([...container.children].map((node) => [node.sketch, node]));
  const focused = rememberFocus(container);
  const wanted = blocks.map((block, index) => [sketch(block, index, host), block]);
  const kept = new Set(wanted.map(([key]) => key));
  for (const node of [...container.children]) if (!kept.has(node.sketch)) node.remove();
  let next = container.firstElementChild;
  for (const [key, block] of wanted) {
    if (next && next === before.get(key)) {
      next = next.nextElementSibling;
      continue;
    }
    const node = before.get(key) ?? drawBlock(block, host);
    node.sketch = key;
    container.insertBefore(node, next);
  }
  focused?.();
}

/** Draw one block; a type that is not known is a box with its type. */
export function drawBlock(block, host) {
  const renderer = RENDERERS[block.type];
  const node = renderer
    ? renderer(block, host)
    : el("p", { class: "unknown" }, `Unknown block: ${block.type}`);
  node.classList.add("block");
  return node;
}

/** Two blocks with the same sketch look the same: the block, its error, how often it was put back. */
function sketch(block, index, host) {
  return JSON.stringify([block.block_id ?? index, block, host.errors?.get(block.block_id), host.version()]);
}

/** Find the same control again after its block was drawn anew; if it is gone, what held it gets focus. */
function rememberFocus(container) {
  const active = document.activeElement;
  if (!container.contains(active) || !active.dataset.action) return null;
  const { block, action, option } = active.dataset;
  const range =
    typeof active.selectionStart === "number" ? [active.selectionStart, active.selectionEnd] : null;
  return () => {
    if (active.isConnected) return;
    const twin = [...container.querySelectorAll("[data-action]")].find(
      ({ dataset }) => dataset.block === block && dataset.action === action && dataset.option === option,
    );
    (twin ?? container.closest("[tabindex]"))?.focus({ preventScroll: true });
    if (twin && range) twin.setSelectionRange?.(...range);
  };
}

function section(block, host) {
  const { text, fields, accessory } = block;
  return el(
    "div",
    { class: accessory ? "section section-with-accessory" : "section" },
    el(
      "div",
      { class: "section-body" },
      text && el("div", { class: "section-text" }, textNodes(text, host.scope)),
      fields &&
        el(
          "div",
          { class: "fields" },
          fields.map((field) => el("div", { class: "field-pair" }, textNodes(field, host.scope))),
        ),
    ),
    accessory && el("div", { class: "accessory" }, renderElement(accessory, { block, host })),
  );
}

function context(block, host) {
  return el(
    "div",
    { class: "context" },
    block.elements.map((element) =>
      element.type === "image"
        ? picture(element, "thumbnail")
        : el("span", { class: "context-text" }, textNodes(element, host.scope)),
    ),
  );
}

function input(block, host) {
  const labelId = uniqueId("label");
  const hintId = uniqueId("hint");
  const errorId = uniqueId("error");
  const error = host.errors?.get(block.block_id);
  const describedBy = [error && errorId, block.hint && hintId].filter(Boolean).join(" ") || null;
  return el(
    "div",
    { class: error ? "input input-invalid" : "input" },
    el(
      "div",
      { class: "input-label", id: labelId },
      withEmoji(block.label.text),
      block.optional && el("span", { class: "input-optional" }, " (optional)"),
    ),
    renderElement(block.element, { block, host, labelledBy: labelId, describedBy, invalid: Boolean(error) }),
    error && el("p", { class: "input-error", id: errorId }, error),
    block.hint && el("p", { class: "input-hint", id: hintId }, withEmoji(block.hint.text)),
  );
}

function image(block, host) {
  return el(
    "figure",
    { class: "image" },
    block.title && el("figcaption", {}, textNodes(block.title, host.scope)),
    picture(block, "picture"),
  );
}
