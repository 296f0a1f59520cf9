/** A select as Slack draws it: a button that opens a list, with a search field where it helps. */

import { el, refill, uniqueId } from "./dom.js";
import { icon } from "./icons.js";
import { typedEntry } from "./menu.js";
import { showPopup } from "./popup.js";

const SEARCH_FROM = 11;
const TYPING_PAUSE_MS = 150;

/**
 * Make a picker.
 *
 * `load(query)` resolves to groups `{label, options: [{key, text, hint}]}`. With `remote` it is asked at
 * every keystroke, otherwise once. `chosen` is a list of options; `onChange` hears the new list.
 */
export function picker({
  label,
  labelledBy,
  placeholder,
  chosen,
  load,
  remote,
  multiple,
  clears,
  attributes = {},
  onChange,
}) {
  const listId = uniqueId("list");
  const valueId = uniqueId("value");
  let selected = [...chosen];
  let close = null;

  const value = el("span", { class: "picker-value", id: valueId });
  const button = el(
    "button",
    {
      type: "button",
      class: "picker",
      role: "combobox",
      "aria-haspopup": "listbox",
      "aria-expanded": "false",
      "aria-label": labelledBy ? null : label,
      "aria-labelledby": labelledBy ? `${labelledBy} ${valueId}` : null,
      ...attributes,
    },
    value,
    icon("down"),
  );
  show();

  function show() {
    button.classList.toggle("picker-empty", selected.length === 0);
    refill(value, selected.length ? selected.map(({ text }) => text).join(", ") : placeholder);
    if (!labelledBy) button.setAttribute("aria-label", `${label}: ${value.textContent}`);
  }

  function choose(option) {
    const had = selected.some(({ key }) => key === option.key);
    if (multiple) selected = had ? selected.filter(({ key }) => key !== option.key) : [...selected, option];
    else selected = had && clears ? [] : [option];
    show();
    if (!multiple) close("chosen");
    onChange(selected);
  }

  async function openList() {
    if (close) return close("toggled");
    const listbox = el("div", {
      role: "listbox",
      id: listId,
      class: "listbox picker-list",
      tabindex: "-1",
      "aria-label": label,
      "aria-multiselectable": multiple ? "true" : null,
    });
    const search = el("input", {
      type: "text",
      class: "picker-search",
      role: "combobox",
      placeholder: "Type to search",
      autocomplete: "off",
      "aria-autocomplete": "list",
      "aria-controls": listId,
      "aria-expanded": "true",
      "aria-label": `Search: ${label}`,
      hidden: true,
    });
    const list = optionList({ listbox, holder: () => (search.hidden ? button : search), choose, isChosen });
    button.setAttribute("aria-expanded", "true");
    button.setAttribute("aria-controls", listId);
    close = showPopup(button, [search, listbox], {
      stretch: true,
      onClose: (reason) => {
        close = null;
        list.gone = true;
        button.setAttribute("aria-expanded", "false");
        button.removeAttribute("aria-controls");
        button.removeAttribute("aria-activedescendant");
        if (reason !== "outside" && reason !== "replaced") button.focus();
      },
    });
    const keys = (event) => listKeys(event, list, { close: (reason) => close?.(reason), search });
    search.addEventListener("keydown", keys);
    button.onkeydown = keys;
    const fetchInto = debouncedLoad(load, list);
    search.addEventListener("input", () => (remote ? fetchInto(search.value) : list.filter(search.value)));
    await fetchInto("", { now: true });
    if (list.gone) return;
    if (remote || list.count >= SEARCH_FROM) {
      search.hidden = false;
      search.focus();
      list.activate(list.current());
    }
    window.dispatchEvent(new Event("resize"));
  }

  function isChosen(option) {
    return selected.some(({ key }) => key === option.key);
  }

  button.addEventListener("click", openList);
  button.addEventListener("keydown", (event) => {
    if (close || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
    event.preventDefault();
    event.stopPropagation();
    openList();
  });
  return button;
}

/** What stands in the open list, and which of it is active. */
function optionList({ listbox, holder, choose, isChosen }) {
  const list = {
    gone: false,
    count: 0,
    active: null,
    draw,
    filter,
    activate,
    current,
    visible,
    choose: pick,
  };
  let groups = [];

  function draw(next) {
    groups = next;
    list.count = groups.reduce((sum, group) => sum + group.options.length, 0);
    filter("");
  }

  function filter(query) {
    const wanted = query.trim().toLowerCase();
    const kept = groups
      .map(({ label, options }) => ({
        label,
        options: options.filter(({ text }) => text.toLowerCase().includes(wanted)),
      }))
      .filter(({ options }) => options.length);
    refill(listbox, kept.length ? kept.map(drawGroup) : el("p", { class: "picker-none" }, "Nothing found."));
    activate(current());
  }

  function drawGroup({ label, options }) {
    const nodes = options.map(drawOption);
    if (!label) return nodes;
    const id = uniqueId("group");
    return el(
      "div",
      { role: "group", "aria-labelledby": id },
      el("div", { class: "group-label", id }, label),
      nodes,
    );
  }

  function drawOption(option) {
    const node = el(
      "div",
      {
        role: "option",
        id: uniqueId("option"),
        class: "option",
        "aria-selected": String(isChosen(option)),
        on: { click: () => pick(node), pointermove: () => activate(node, { quiet: true }) },
      },
      el("span", { class: "option-text" }, option.text),
      option.hint && el("span", { class: "option-hint" }, option.hint),
    );
    node.option = option;
    return node;
  }

  function pick(node) {
    if (!node) return;
    choose(node.option);
    node.setAttribute("aria-selected", String(isChosen(node.option)));
  }

  function visible() {
    return [...listbox.querySelectorAll('[role="option"]')];
  }

  function current() {
    return listbox.querySelector('[aria-selected="true"]') ?? visible()[0] ?? null;
  }

  function activate(node, { quiet = false } = {}) {
    list.active?.classList.remove("option-active");
    list.active = node;
    if (!node) return holder().removeAttribute("aria-activedescendant");
    node.classList.add("option-active");
    if (!quiet) node.scrollIntoView({ block: "nearest" });
    holder().setAttribute("aria-activedescendant", node.id);
  }

  return list;
}

function listKeys(event, list, { close, search }) {
  if (list.gone) return;
  const options = list.visible();
  const at = options.indexOf(list.active);
  const typing = event.target === search;
  const move = {
    ArrowDown: () => options[Math.min(at + 1, options.length - 1)],
    ArrowUp: () => options[Math.max(at - 1, 0)],
    Home: typing ? null : () => options[0],
    End: typing ? null : () => options.at(-1),
  }[event.key];
  if (move) {
    list.activate(move() ?? null);
  } else if (event.key === "Enter" || (event.key === " " && !typing)) {
    list.choose(list.active);
  } else if (event.key === "Tab") {
    return close("tab");
  } else if (!typing && event.key.length === 1) {
    list.activate(typedEntry(options, event.key, at) ?? list.active);
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

/** Ask at once, or after a short pause in typing; answers that a later question overtook are forgotten. */
function debouncedLoad(load, list) {
  let asked = 0;
  let timer = null;
  return (query, { now = false } = {}) => {
    const mine = ++asked;
    const ask = async () => {
      const groups = await load(query);
      if (mine === asked && !list.gone) list.draw(groups);
    };
    clearTimeout(timer);
    // What is known already stands there before the next key arrives.
    if (now) return ask();
    timer = setTimeout(ask, TYPING_PAUSE_MS);
    return null;
  };
}
