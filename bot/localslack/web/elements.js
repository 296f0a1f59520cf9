/**
 * The interactive elements of Block Kit.
 *
 * Every renderer takes the element and its place: `{block, host, labelledBy, describedBy, invalid}`.
 * A host stands for the message or view around it: `values` (FormValues), `scope` (names, zone),
 * `act(block, element, value)`, `suggest(block, element, query)`, `redraw(block)`, `people()`, `channels()`.
 */

import { askFirst } from "./confirm.js";
import { fromWallClock, toWallClock } from "./dates.js";
import { el, safeUrl, uniqueId } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { optionsOf } from "./forms.js";
import { icon } from "./icons.js";
import { attachMenu } from "./menu.js";
import { mrkdwn } from "./mrkdwn.js";
import { picker } from "./picker.js";

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
  image: (element) => picture(element, "thumbnail"),
  ...selects("static_select", fromOptions),
  ...selects("external_select", fromApp),
  ...selects("users_select", fromPeople),
  ...selects("conversations_select", fromChannels),
  ...selects("channels_select", fromChannels),
};

/** Render one element; a type that is not known is a box with its type. */
export function renderElement(element, place) {
  const renderer = RENDERERS[element.type];
  return renderer ? renderer(element, place) : el("span", { class: "unknown" }, `Unknown element: ${element.type}`);
}

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

/** A picture, or its description where it cannot be loaded. */
export function picture({ image_url: address, alt_text: alt }, style) {
  const words = el("span", { class: "unknown" }, alt);
  const url = safeUrl(address);
  if (!url) return words;
  const image = el("img", { class: style, src: url.href, alt, loading: "lazy", referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => image.replaceWith(words));
  return image;
}

function shared(element, { block, labelledBy, describedBy, invalid }) {
  return {
    "data-block": block.block_id,
    "data-action": element.action_id,
    "aria-labelledby": labelledBy,
    "aria-label": labelledBy ? null : (textOf(element.placeholder) || element.type.replaceAll("_", " ")),
    "aria-describedby": describedBy,
    "aria-invalid": invalid ? "true" : null,
  };
}

/** Ask first if the element wants it, then tell the app; false if the person thought better of it. */
async function send(element, { block, host }, value) {
  if (element.confirm && !(await askFirst(element.confirm, host.scope))) return false;
  await host.act(block, element, value);
  return true;
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

/** Keep what was entered and tell the app; a confirmation that is denied puts the old value back. */
async function enter(element, place, value, restore = () => {}) {
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
  const tick = (value) => boxes.forEach((box) => (box.checked = many ? value.includes(box.value) : value === box.value));
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
          option.description && el("span", { class: "choice-hint" }, textNodes(option.description, host.scope)),
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

function dateTimePicker(element, place) {
  const { zone } = place.host.scope;
  const node = el("input", { class: "field field-short", type: "datetime-local", ...shared(element, place) });
  const show = (seconds) => (node.value = seconds ? toWallClock(seconds, zone) : "");
  show(place.host.values.get(place.block.block_id, element));
  node.addEventListener("change", () => enter(element, place, fromWallClock(node.value, zone), show));
  return node;
}

/** A select and its multi variant; `source` says where the options come from. */
function selects(type, source) {
  return { [type]: select(source, { many: false }), [`multi_${type}`]: select(source, { many: true }) };
}

function select(source, { many }) {
  return (element, place) => {
    const { block, host, labelledBy } = place;
    const { load, known, value, remote } = source(element, place);
    const chosen = host.values.get(block.block_id, element);
    return picker({
      label: textOf(element.placeholder) || textOf(block.label) || "Choose",
      labelledBy,
      placeholder: textOf(element.placeholder) || "Choose an option",
      chosen: (many ? chosen : [chosen]).filter((one) => one !== null).map(known),
      load,
      remote,
      multiple: many,
      clears: block.type === "input" && block.optional,
      attributes: shared(element, place),
      onChange: (options) => {
        const picked = options.map(value);
        enter(element, place, many ? picked : (picked[0] ?? null), () => host.redraw(block));
      },
    });
  };
}

const asEntry = (option) => ({
  key: option.value,
  text: textOf(option.text),
  hint: textOf(option.description),
  option,
});
const asGroups = ({ options, option_groups: groups }) =>
  groups
    ? groups.map((group) => ({ label: textOf(group.label), options: group.options.map(asEntry) }))
    : [{ options: (options ?? []).map(asEntry) }];

function fromOptions(element) {
  const entries = optionsOf(element).map(asEntry);
  return {
    load: async () => asGroups(element),
    known: (wanted) => entries.find(({ key }) => key === wanted),
    value: ({ key }) => key,
  };
}

function fromApp(element, { block, host }) {
  const least = element.min_query_length ?? 3;
  return {
    load: async (query) => (query.length < least ? [] : asGroups(await host.suggest(block, element, query))),
    known: asEntry,
    value: ({ option }) => option,
    remote: true,
  };
}

function fromPeople(_, { host }) {
  return directory(host.people(), "@");
}

function fromChannels(_, { host }) {
  return directory(host.channels(), "#");
}

function directory(entries, mark) {
  const options = entries.map(({ id, name }) => ({ key: id, text: `${mark}${name}` }));
  return {
    load: async () => [{ options }],
    known: (id) => options.find(({ key }) => key === id) ?? { key: id, text: id },
    value: ({ key }) => key,
  };
}
