/**
 * What a person entered into the blocks of one message or view.
 *
 * Values belong to the pair of block_id and action_id, as in Slack: an update that keeps the pair
 * keeps what was entered, a new pair begins with what the app gives. They are compact: a text, the
 * value of an option, a list of such values, an id, a date; null is empty. Options that the app
 * invents while searching stay whole, because nobody else knows them, and so do files.
 */

const optionValue = (option) => option?.value ?? null;
const optionValues = (options) => (options ?? []).map(optionValue);
const given = (name) => (element) => element[name] ?? null;
const givenList = (name) => (element) => element[name] ?? [];

const INITIAL = {
  plain_text_input: given("initial_value"),
  number_input: given("initial_value"),
  email_text_input: given("initial_value"),
  url_text_input: given("initial_value"),
  static_select: (element) => optionValue(element.initial_option),
  radio_buttons: (element) => optionValue(element.initial_option),
  external_select: given("initial_option"),
  users_select: given("initial_user"),
  conversations_select: given("initial_conversation"),
  channels_select: given("initial_channel"),
  datepicker: given("initial_date"),
  timepicker: given("initial_time"),
  datetimepicker: given("initial_date_time"),
  checkboxes: (element) => optionValues(element.initial_options),
  multi_static_select: (element) => optionValues(element.initial_options),
  multi_external_select: givenList("initial_options"),
  multi_users_select: givenList("initial_users"),
  multi_conversations_select: givenList("initial_conversations"),
  multi_channels_select: givenList("initial_channels"),
  file_input: () => [],
};

/** The values of one message or view; `seen` is what the server knows of them from before. */
export class FormValues {
  #entered = new Map();

  constructor(seen = {}) {
    for (const [block, values] of Object.entries(seen)) {
      for (const [action, value] of Object.entries(values)) this.#entered.set(key(block, action), value);
    }
  }

  /** What stands in an element: what was entered, or what the app gave it to begin with. */
  get(blockId, element) {
    const id = key(blockId, element.action_id);
    return this.#entered.has(id) ? offered(element, this.#entered.get(id)) : INITIAL[element.type](element);
  }

  set(blockId, element, value) {
    this.#entered.set(key(blockId, element.action_id), value);
  }

  /** Everything that was entered and still has its element, by block_id and action_id. */
  entered(blocks) {
    const state = {};
    for (const { block, element } of stateful(blocks)) {
      if (!this.#entered.has(key(block.block_id, element.action_id))) continue;
      state[block.block_id] ??= {};
      state[block.block_id][element.action_id] = this.get(block.block_id, element);
    }
    return state;
  }

  /** What Slack's own client refuses before it asks the app: sentences by block_id. */
  problems(blocks) {
    const found = new Map();
    for (const { block, element } of stateful(blocks)) {
      if (block.type !== "input") continue;
      const value = this.get(block.block_id, element);
      const empty = value === null || value.length === 0;
      const sentence = empty
        ? !block.optional && "Fill in this field."
        : CHECKS[element.type]?.(value, element);
      if (sentence) found.set(block.block_id, sentence);
    }
    return found;
  }
}

/** Every element with a value, with its block, in reading order. */
export function stateful(blocks) {
  return blocks.flatMap((block) =>
    [block.accessory, block.element, ...(block.elements ?? [])]
      .filter((element) => element && INITIAL[element.type] && element.action_id)
      .map((element) => ({ block, element })),
  );
}

/** The options of an element that lists them, groups or not. */
export function optionsOf({ options, option_groups: groups }) {
  return options ?? (groups ?? []).flatMap((group) => group.options);
}

const CHECKS = {
  plain_text_input: length,
  email_text_input: (value) =>
    /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) ? null : "Write an e-mail address, like name@example.com.",
  url_text_input: (value) =>
    /^https?:\/\/[^\s.]+\.\S+$/.test(value) ? null : "Write an address that begins with https://.",
  number_input: number,
};

function length(value, { min_length: least, max_length: most }) {
  const count = [...value].length;
  if (most && count > most) return `At most ${most} characters; this has ${count}.`;
  if (least && count < least) return `At least ${least} characters; this has ${count}.`;
  return null;
}

function number(value, { is_decimal_allowed: decimal, min_value: least, max_value: most }) {
  if (!(decimal ? /^[+-]?\d+(\.\d+)?$/ : /^[+-]?\d+$/).test(value)) {
    return decimal ? "Write a number." : "Write a whole number.";
  }
  if (least !== undefined && Number(value) < Number(least)) return `At least ${least}.`;
  if (most !== undefined && Number(value) > Number(most)) return `At most ${most}.`;
  return null;
}

/** An update may take an option away; then it is no longer chosen. */
function offered(element, value) {
  if (!element.options && !element.option_groups) return value;
  const known = new Set(optionsOf(element).map(optionValue));
  if (Array.isArray(value)) return value.filter((one) => known.has(one));
  return known.has(value) ? value : null;
}

function key(block, action) {
  return JSON.stringify([block, action]);
}
