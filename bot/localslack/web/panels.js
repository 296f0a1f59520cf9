/**
 * Panels drawn from a description: texts, buttons, selects, inputs and logs.
 *
 * The page knows none of them by its meaning.
 */

import { alarm } from "./announce.js";
import { askFirst } from "./confirm.js";
import { el, refill, uniqueId } from "./dom.js";
import { picker } from "./picker.js";

/** One panel in the right column; `draw(description)` shows a newer state and keeps what was entered. */
export class Panel {
  #page;
  #entered = new Map();
  #description = { items: [] };
  #drawn = "";
  #pressing = null;
  #items = {
    text: ({ text, tone }) => el("p", { class: `panel-text ${tone ? `panel-${tone}` : ""}`.trim() }, text),
    buttons: ({ controls }) =>
      el(
        "div",
        { class: "actions" },
        controls.map((control) => this.#button(control)),
      ),
    select: (item) => this.#field(item, (id) => this.#select(item, id)),
    input: (item) => this.#field(item, (id) => this.#input(item, id)),
    log: (item) => log(item),
  };

  constructor(page, { id, title, foot }) {
    this.#page = page;
    this.id = id;
    this.title = title;
    this.items = el("div", { class: "panel-items" });
    this.problem = el("p", { class: "message-failure", hidden: true });
    this.root = el("div", { class: "panel" }, this.problem, this.items, foot);
  }

  draw(description) {
    this.#description = description;
    const sketch = JSON.stringify(description.items);
    if (sketch === this.#drawn) return;
    this.#drawn = sketch;
    const held = this.items.contains(document.activeElement) ? document.activeElement.dataset.control : null;
    refill(
      this.items,
      description.items.map((item) => this.#items[item.type](item)),
    );
    if (held) this.items.querySelector(`[data-control="${CSS.escape(held)}"]`)?.focus();
  }

  #button(control) {
    const node = el(
      "button",
      {
        type: "button",
        class: `button ${control.style ? `button-${control.style}` : ""}`.trim(),
        "aria-busy": this.#pressing === control.id ? "true" : null,
        "aria-disabled": control.disabled || this.#pressing !== null ? "true" : null,
        data: { control: control.id },
      },
      control.label,
    );
    node.addEventListener("click", async () => {
      if (node.getAttribute("aria-disabled")) return;
      if (control.confirm && !(await askFirst(asConfirm(control.confirm), this.#page.scope))) return;
      if (this.#pressing !== null) return;
      this.#show(control.id);
      await this.#press(control.id);
      this.#show(null);
    });
    return node;
  }

  /** Draw anew with the button that is pressed; until it is answered no other one can be. */
  #show(pressing) {
    this.#pressing = pressing;
    this.#drawn = "";
    this.draw(this.#description);
  }

  async #press(control) {
    const fields = this.#description.items.filter(({ type }) => type === "select" || type === "input");
    const values = Object.fromEntries(fields.map((item) => [item.id, this.#value(item)]));
    const { ok, sentence } = await this.#page.api.press(this.id, control, values);
    this.problem.hidden = ok;
    refill(this.problem, ok ? null : sentence);
    if (ok && sentence) this.#page.say(sentence);
    else if (!ok) alarm(sentence);
  }

  #value({ id, value, options }) {
    const entered = this.#entered.get(id);
    const possible =
      entered !== undefined && (!options || options.some((option) => option.value === entered));
    return possible ? entered : (value ?? options?.[0]?.value ?? "");
  }

  #enter(item, value) {
    this.#entered.set(item.id, value);
    if (item.press_on_change) this.#press(item.id);
  }

  #field({ label }, draw) {
    const id = uniqueId("control");
    return el(
      "div",
      { class: "panel-field" },
      el("label", { class: "panel-label", id, for: `${id}-field` }, label),
      draw(id),
    );
  }

  #select(item, labelId) {
    const options = item.options.map(({ value, label }) => ({ key: value, text: label }));
    return picker({
      label: item.label,
      labelledBy: labelId,
      placeholder: "Choose",
      chosen: options.filter(({ key }) => key === this.#value(item)),
      load: async () => [{ options }],
      attributes: { "data-control": item.id, id: `${labelId}-field` },
      onChange: ([option]) => this.#enter(item, option.key),
    });
  }

  #input(item, labelId) {
    const field = el("input", {
      class: "field",
      type: "text",
      inputmode: item.kind === "number" ? "decimal" : null,
      id: `${labelId}-field`,
      autocomplete: "off",
      data: { control: item.id },
      on: { input: () => this.#enter(item, field.value) },
    });
    field.value = this.#value(item);
    return field;
  }
}

function asConfirm({ title, text, confirm, deny }) {
  const plain = (words) => words && { type: "plain_text", text: words };
  return { title: plain(title), text: plain(text), confirm: plain(confirm), deny: plain(deny ?? "Go back") };
}

function log({ title, columns, rows, empty }) {
  const cells = (row) => row.map((cell) => el("td", {}, cell));
  return el(
    "section",
    { class: "panel-log" },
    title && el("h3", { class: "panel-title" }, title),
    rows.length === 0
      ? el("p", { class: "panel-text panel-muted" }, empty)
      : el(
          "div",
          { class: "panel-table", tabindex: "0", role: "region", "aria-label": title ?? "Log" },
          el(
            "table",
            {},
            el(
              "thead",
              {},
              el(
                "tr",
                {},
                columns.map((name) => el("th", { scope: "col" }, name)),
              ),
            ),
            el(
              "tbody",
              {},
              rows.map((row) => el("tr", {}, cells(row))),
            ),
          ),
        ),
  );
}
