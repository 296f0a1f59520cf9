/** The stack of modals that an app opened for one person; the top one is shown. */

import { alarm, announce } from "./announce.js";
import { drawBlocks } from "./blocks.js";
import { keepInside } from "./confirm.js";
import { el, refill, uniqueId } from "./dom.js";
import { textOf } from "./entering.js";
import { FormValues, stateful } from "./forms.js";
import { icon } from "./icons.js";

/**
 * Shows views and sends what was entered.
 *
 * What was entered belongs to the view's id, so an update loses nothing, nor does another person's turn.
 */
export class ModalStack {
  #page;
  #views = [];
  #kept = new Map();
  #drawn = null;
  #opener = null;

  constructor(page) {
    this.#page = page;
    this.#build();
  }

  /** Show these views, the last one on top; none closes the dialog. */
  show(views) {
    const before = this.#top;
    this.#views = views;
    this.#forget();
    const view = this.#top;
    if (!view) return this.#hide();
    if (!this.dialog.open) {
      this.#opener = document.activeElement;
      this.dialog.showModal();
    }
    const other = this.#drawn !== view.id;
    if (other) refill(this.body);
    this.#drawn = view.id;
    if (JSON.stringify(before) !== JSON.stringify(view) || other) this.#draw();
    if (other) {
      this.body.scrollTop = 0;
      this.title.focus();
    } else if (before && JSON.stringify(before.blocks) !== JSON.stringify(view.blocks)) {
      announce(`${textOf(view.title)} was updated.`);
    }
  }

  get open() {
    return this.dialog.open;
  }

  get #top() {
    return this.#views.at(-1) ?? null;
  }

  #build() {
    const titleId = uniqueId("modal");
    this.title = el("h2", { class: "dialog-title", id: titleId, tabindex: "-1" });
    this.depth = el("span", { class: "dialog-depth" });
    this.alert = el("p", { class: "dialog-alert", role: "alert", hidden: true });
    this.body = el("div", { class: "dialog-body", tabindex: "-1" });
    this.blocks = el("div", { class: "blocks" });
    this.foot = el("div", { class: "dialog-foot dialog-buttons" });
    const plain = (name, label, style, press) =>
      el(
        "button",
        { type: "button", class: `button button-plain ${style}`, "aria-label": label, on: { click: press } },
        icon(name),
      );
    this.dialog = el(
      "dialog",
      { class: "dialog modal", "aria-labelledby": titleId },
      el(
        "div",
        { class: "dialog-head" },
        plain("back", "Back", "only-phone", () => this.#leave({ all: false })),
        this.title,
        this.depth,
        plain("close", "Close all", "not-phone", () => this.#leave({ all: true })),
      ),
      this.body,
      this.foot,
    );
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#leave({ all: false });
    });
    this.dialog.addEventListener("keydown", (event) => {
      keepInside(event, this.dialog);
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.#send();
      }
    });
    document.body.append(this.dialog);
  }

  #keep(view) {
    if (!this.#kept.has(view.id)) {
      this.#kept.set(view.id, {
        person: this.#page.store.get("me").id,
        values: new FormValues(view.state),
        errors: new Map(),
        alert: null,
        busy: false,
        redraws: 0,
      });
    }
    return this.#kept.get(view.id);
  }

  #forget() {
    const me = this.#page.store.get("me").id;
    for (const [id, { person }] of this.#kept) {
      if (person === me && !this.#views.some((view) => view.id === id)) this.#kept.delete(id);
    }
  }

  #draw() {
    const view = this.#top;
    const kept = this.#keep(view);
    refill(this.title, textOf(view.title));
    refill(this.depth, view.of > 1 ? `${view.depth} of ${view.of}` : "");
    if (this.blocks.parentElement !== this.body) {
      this.blocks = el("div", { class: "blocks" });
      refill(this.body, this.alert, this.blocks);
    }
    this.alert.hidden = !kept.alert;
    refill(this.alert, kept.alert);
    drawBlocks(this.blocks, view.blocks, this.#host(view, kept));
    this.blocks.querySelector(".skeleton")?.remove();
    if (isLoading(view)) this.blocks.append(skeleton());
    this.#drawFoot(view, kept);
  }

  #drawFoot(view, kept) {
    const held = this.foot.contains(document.activeElement) && document.activeElement.dataset.role;
    const back = el(
      "button",
      {
        type: "button",
        class: "button",
        data: { role: "close" },
        on: { click: () => this.#leave({ all: false }) },
      },
      textOf(view.close) || "Cancel",
    );
    const submit =
      view.submit &&
      el(
        "button",
        {
          type: "button",
          class: "button button-primary",
          data: { role: "submit" },
          "aria-busy": kept.busy ? "true" : null,
          on: { click: () => this.#send() },
        },
        textOf(view.submit),
      );
    refill(this.foot, back, submit);
    if (held) this.foot.querySelector(`[data-role="${held}"]`)?.focus();
  }

  #host(view, kept) {
    kept.blocks = view.blocks;
    return this.#page.hosts.view({ view: view.id }, kept, {
      headings: "h3",
      errors: kept.errors,
      redraw: () => this.#top?.id === view.id && this.#draw(),
      failed: (sentence) => this.#complain(view, kept, sentence),
    });
  }

  #complain(view, kept, sentence) {
    if (kept.alert === sentence) return;
    kept.alert = sentence;
    if (this.#top?.id === view.id) this.#draw();
  }

  async #send() {
    const view = this.#top;
    if (!view?.submit) return;
    const kept = this.#keep(view);
    if (kept.busy) return;
    const problems = kept.values.problems(view.blocks);
    if (problems.size) return this.#refuse(view, kept, problems);
    Object.assign(kept, { busy: true, alert: null, errors: new Map() });
    this.#draw();
    const answer = await this.#page.api.submit(view.id, kept.values.entered(view.blocks));
    kept.busy = false;
    if (answer.ok) return this.#page.store.patch({ modals: answer.modals });
    if (answer.errors) return this.#refuse(view, kept, new Map(Object.entries(answer.errors)));
    this.#complain(view, kept, answer.sentence);
    if (this.#top?.id === view.id) this.#draw();
  }

  /** Errors stand under their fields, and focus goes to the first; one without a field stands on top. */
  #refuse(view, kept, errors) {
    kept.errors = errors;
    const known = new Set(stateful(view.blocks).map(({ block }) => block.block_id));
    kept.alert =
      [...errors]
        .filter(([block]) => !known.has(block))
        .map(([, text]) => text)
        .join(" ") || null;
    if (this.#top?.id !== view.id) return;
    this.#draw();
    const [first] = view.blocks.filter((block) => errors.has(block.block_id));
    if (!first) return;
    alarm(errors.get(first.block_id));
    const field = [...this.body.querySelectorAll("[data-block]")].find(
      ({ dataset }) => dataset.block === first.block_id,
    );
    field?.focus({ focusVisible: true });
    field?.closest(".input")?.scrollIntoView({ block: "nearest" });
  }

  #leave({ all }) {
    const view = this.#top;
    if (view) this.#page.closeView(view.id, all);
  }

  #hide() {
    if (!this.dialog.open) return;
    this.dialog.close();
    this.#drawn = null;
    refill(this.body);
    const opener = this.#opener;
    this.#opener = null;
    if (opener?.isConnected && opener !== document.body) opener.focus();
    else this.#page.focusAgain(opener);
  }
}

/** A view that cannot be sent and ends its only sentence with an ellipsis is still being filled. */
function isLoading(view) {
  if (view.submit || view.blocks.length !== 1) return false;
  return (textOf(view.blocks[0].text).split("\n")[0] ?? "").trim().endsWith("…");
}

function skeleton() {
  return el(
    "div",
    { class: "skeleton", "aria-hidden": "true" },
    ["92%", "78%", "85%", "46%"].map((width) => {
      const line = el("div", { class: "skeleton-line" });
      line.style.width = width;
      return line;
    }),
  );
}
