/**
 * The interactive elements of Block Kit.
 *
 * Every renderer takes the element and its place: `{block, host, labelledBy, describedBy, invalid}`.
 * A host stands for the message or view around it: `values` (FormValues), `scope` (names, zone),
 * `act(block, element, value)`, `suggest(block, element, query)`, `giveFile(name, content)`,
 * `redraw(block)`, `people()`, `channels()`.
 */

import { fromWallClock, toWallClock } from "./dates.js";
import { el, safeUrl, uniqueId } from "./dom.js";
import { enter, send, shared, textNodes, textOf } from "./entering.js";
import { icon } from "./icons.js";
import { attachMenu } from "./menu.js";
import { SELECTS } from "./selects.js";

const RENDERERS = {
  button,
  overflow,
  checkboxes: (element, place) => choices("checkbox", element, place),
  radio_buttons: (element, place) => choices("radio", element, place),
  plain_text_input: textInput,
  number_input: typedInput("text", { inputmode: "decimal" }),
  email_text_input: typedInput("email", { inputmode: "email" }),
  url_text_input: typedInput("url", { inputmode: "url" }),
  datepicker: dated("date"),
  timepicker: dated("time"),
  datetimepicker: dateTimePicker,
  file_input: fileInput,
  image: (element) => picture(element, "thumbnail"),
  ...SELECTS,
};

/** Render one element; a type that is not known is a box with its type. */
export function renderElement(element, place) {
  const renderer = RENDERERS[element.type];
  return renderer
    ? renderer(element, place)
    : el("span", { class: "unknown" }, `Unknown element: ${element.type}`);
}

/** A picture, or its description where it cannot be loaded. */
export function picture({ image_url: address, alt_text: alt }, style) {
  const words = el("span", { class: "unknown" }, alt);
  const url = safeUrl(address);
  if (!url) return words;
  const image = el("img", {
    class: style,
    src: url.href,
    alt,
    loading: "lazy",
    referrerpolicy: "no-referrer",
  });
  image.addEventListener("error", () => image.replaceWith(words));
  return image;
}

function button(element, place) {
  const node = el(
    "button",
    {
      type: "button",
      class: `button ${element.style ? `button-${element.style}` : ""}`.trim(),
      "data-block": place.block.block_id,
      "data-action": element.action_id,
      "aria-label": element.accessibility_label,
    },
    textNodes(element.text, place.host.scope),
  );
  node.addEventListener("click", async () => {
    if (node.getAttribute("aria-busy")) return;
    const url = element.url && safeUrl(element.url);
    node.setAttribute("aria-busy", "true");
    try {
      const sent = await send(element, place, null);
      if (sent && url) place.host.scope.open(url);
    } finally {
      node.removeAttribute("aria-busy");
    }
  });
  return node;
}

function overflow(element, place) {
  const node = el(
    "button",
    {
      type: "button",
      class: "button button-icon",
      "data-block": place.block.block_id,
      "data-action": element.action_id,
      "aria-label": "More actions",
    },
    icon("more"),
  );
  return attachMenu(node, {
    label: "More actions",
    items: () =>
      element.options.map((option) => ({
        label: textNodes(option.text, place.host.scope),
        hint: textOf(option.description),
        choose: async () => {
          const sent = await send(element, place, option.value);
          const url = option.url && safeUrl(option.url);
          if (sent && url) place.host.scope.open(url);
        },
      })),
  });
}

function choices(kind, element, place) {
  const { block, host, labelledBy, describedBy, invalid } = place;
  const many = kind === "checkbox";
  const name = uniqueId("choice");
  const boxes = element.options.map((option) =>
    el("input", {
      type: kind,
      name,
      value: option.value,
      "data-block": block.block_id,
      "data-action": element.action_id,
      "data-option": option.value,
      "aria-invalid": invalid ? "true" : null,
      on: { change: changed },
    }),
  );
  const tick = (value) =>
    boxes.forEach((box) => (box.checked = many ? value.includes(box.value) : value === box.value));
  tick(host.values.get(block.block_id, element));

  function changed() {
    const picked = boxes.filter((box) => box.checked).map((box) => box.value);
    enter(element, place, many ? picked : (picked[0] ?? null), tick);
  }

  return el(
    "div",
    {
      class: "choices",
      role: many ? "group" : "radiogroup",
      "aria-labelledby": labelledBy,
      "aria-label": labelledBy ? null : "Choices",
      "aria-describedby": describedBy,
    },
    element.options.map((option, index) =>
      el(
        "label",
        { class: "choice" },
        boxes[index],
        el(
          "span",
          { class: "choice-text" },
          el("span", {}, textNodes(option.text, host.scope)),
          option.description &&
            el("span", { class: "choice-hint" }, textNodes(option.description, host.scope)),
        ),
      ),
    ),
  );
}

function textInput(element, place) {
  const { block, host } = place;
  const node = el(element.multiline ? "textarea" : "input", {
    class: "field",
    type: element.multiline ? null : "text",
    rows: element.multiline ? "4" : null,
    placeholder: textOf(element.placeholder),
    autocomplete: "off",
    autofocus: element.focus_on_load,
    ...shared(element, place),
  });
  node.value = host.values.get(block.block_id, element) ?? "";
  const triggers = element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  const dispatch = (trigger) => {
    if (block.dispatch_action && triggers.includes(trigger)) send(element, place, node.value || null);
  };
  node.addEventListener("input", () => {
    host.values.set(block.block_id, element, node.value || null);
    dispatch("on_character_entered");
  });
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || element.multiline) return;
    event.preventDefault();
    dispatch("on_enter_pressed");
  });
  return node;
}

function typedInput(type, attributes) {
  return (element, place) => {
    const node = textInput(element, place);
    node.type = type;
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
}

function dated(type) {
  return (element, place) => {
    const node = el("input", { class: "field field-short", type, ...shared(element, place) });
    const show = (value) => (node.value = value ?? "");
    show(place.host.values.get(place.block.block_id, element));
    node.addEventListener("change", () => enter(element, place, node.value || null, show));
    return node;
  };
}

/** Files are given one after the other, as soon as they are chosen; choosing again begins anew. */
function fileInput(element, place) {
  const { block, host } = place;
  const node = el("input", {
    class: "field",
    type: "file",
    multiple: element.max_files !== 1,
    accept: element.filetypes?.map((kind) => `.${kind}`).join(",") || null,
    ...shared(element, place),
  });
  const names = el("p", { class: "file-names" });
  const show = (files) => (names.textContent = files.map(({ name }) => name).join(", "));
  show(host.values.get(block.block_id, element));
  node.addEventListener("change", async () => {
    const given = [];
    for (const file of node.files) given.push(await host.giveFile(file.name, await base64(file)));
    enter(element, place, given.filter(Boolean), show);
    show(given.filter(Boolean));
  });
  return el("div", {}, node, names);
}

async function base64(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let start = 0; start < bytes.length; start += 32768) {
    text += String.fromCharCode(...bytes.subarray(start, start + 32768));
  }
  return btoa(text);
}

function dateTimePicker(element, place) {
  const { zone } = place.host.scope;
  const node = el("input", { class: "field field-short", type: "datetime-local", ...shared(element, place) });
  const show = (seconds) => (node.value = seconds ? toWallClock(seconds, zone) : "");
  show(place.host.values.get(place.block.block_id, element));
  node.addEventListener("change", () => enter(element, place, fromWallClock(node.value, zone), show));
  return node;
}
