/** Selects of every kind, single and multi: where their options come from and what is chosen. */

import { enter, shared, textOf } from "./entering.js";
import { optionsOf } from "./forms.js";
import { picker } from "./picker.js";

/** Renderers by element type. */
export const SELECTS = {
  ...selects("static_select", fromOptions),
  ...selects("external_select", fromApp),
  ...selects("users_select", fromPeople),
  ...selects("conversations_select", fromChannels),
  ...selects("channels_select", fromChannels),
};

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
