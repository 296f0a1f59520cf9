/** A layer that stands at its anchor, above everything, and closes by Esc or a press elsewhere. */

import { el } from "./dom.js";

const GAP = 4;
let open = null;

/**
 * Show `content` at `anchor`; returns a function that closes it.
 *
 * Only one layer is open at a time. `onClose(reason)` hears `escape`, `outside`, `replaced`, or what
 * the closing function was given.
 */
export function showPopup(anchor, content, { onClose = () => {}, stretch = false } = {}) {
  open?.("replaced");
  const layer = el("div", { class: "popup", popover: "manual" }, content);
  (anchor.closest("dialog") ?? document.body).append(layer);
  layer.showPopover?.();
  const place = () => position(layer, anchor, stretch);
  const leave = (event) => {
    if (!layer.contains(event.target) && !anchor.contains(event.target)) close("outside");
  };
  const escape = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    close("escape");
  };
  const scrolled = (event) => {
    if (!layer.contains(event.target)) place();
  };
  function close(reason) {
    if (open !== close) return;
    open = null;
    layer.remove();
    document.removeEventListener("pointerdown", leave, true);
    document.removeEventListener("keydown", escape, true);
    document.removeEventListener("scroll", scrolled, true);
    window.removeEventListener("resize", place);
    onClose(reason);
  }
  open = close;
  document.addEventListener("pointerdown", leave, true);
  document.addEventListener("keydown", escape, true);
  document.addEventListener("scroll", scrolled, true);
  window.addEventListener("resize", place);
  place();
  return close;
}

/** Close whatever layer is open. */
export function closePopup() {
  open?.("closed");
}

function position(layer, anchor, stretch) {
  const at = anchor.getBoundingClientRect();
  if (stretch) layer.style.minWidth = `${Math.min(at.width, innerWidth - 2 * GAP)}px`;
  const below = innerHeight - at.bottom - 2 * GAP;
  const above = at.top - 2 * GAP;
  layer.style.maxHeight = "none";
  const wanted = layer.getBoundingClientRect().height;
  const up = wanted > below && above > below;
  layer.style.maxHeight = `${Math.max(120, up ? above : below)}px`;
  const { width, height } = layer.getBoundingClientRect();
  layer.style.left = `${Math.max(GAP, Math.min(at.left, innerWidth - width - GAP))}px`;
  layer.style.top = `${Math.max(GAP, up ? at.top - height - GAP : at.bottom + GAP)}px`;
}
