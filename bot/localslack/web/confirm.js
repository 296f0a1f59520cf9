/** The question before something that cannot be undone. Focus begins on the answer that does nothing. */

import { el, uniqueId } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";

/** Ask a Block Kit confirm object; resolves to whether the person confirmed. */
export function askFirst({ title, text, confirm, deny, style }, scope) {
  const opener = document.activeElement;
  const titleId = uniqueId("confirm");
  const textId = uniqueId("confirm");
  const no = el("button", { type: "button", class: "button" }, deny?.text ?? "Cancel");
  const yes = el(
    "button",
    { type: "button", class: `button button-${style ?? "primary"}` },
    confirm?.text ?? "Yes",
  );
  const body = text?.type === "mrkdwn" ? mrkdwn(text.text, scope) : [text?.text ?? ""];
  const dialog = el(
    "dialog",
    { class: "dialog confirm", role: "alertdialog", "aria-labelledby": titleId, "aria-describedby": textId },
    el("h2", { class: "dialog-title", id: titleId }, title?.text ?? "Are you sure?"),
    el("div", { class: "confirm-text", id: textId }, body),
    el("div", { class: "dialog-buttons" }, no, yes),
  );
  document.body.append(dialog);
  dialog.showModal();
  no.focus({ focusVisible: true });
  return new Promise((resolve) => {
    const answer = (confirmed) => {
      dialog.close();
      dialog.remove();
      if (opener?.isConnected) opener.focus();
      resolve(confirmed);
    };
    no.addEventListener("click", () => answer(false));
    yes.addEventListener("click", () => answer(true));
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      answer(false);
    });
    dialog.addEventListener("keydown", (event) => keepInside(event, dialog));
  });
}

/** Keep Tab among the controls of a dialog. */
export function keepInside(event, dialog) {
  if (event.key !== "Tab") return;
  const stops = [...dialog.querySelectorAll("a[href], button, input, textarea, [tabindex='0']")].filter(
    (stop) => !stop.disabled && stop.getClientRects().length > 0,
  );
  const [first, last] = [stops[0], stops.at(-1)];
  const leaving = event.shiftKey ? first : last;
  if (document.activeElement !== leaving) return;
  event.preventDefault();
  (event.shiftKey ? last : first)?.focus();
}
