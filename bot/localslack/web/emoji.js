/** Emoji shortcodes as glyphs; a shortcode that is not known stays as it was typed. */

import { el } from "./dom.js";

const GLYPHS = {
  bell: "\u{1F514}",
  hourglass_flowing_sand: "\u{23F3}",
  hourglass: "\u{231B}",
  gear: "\u{2699}\u{FE0F}",
  white_check_mark: "\u{2705}",
  heavy_check_mark: "\u{2714}\u{FE0F}",
  warning: "\u{26A0}\u{FE0F}",
  no_entry_sign: "\u{1F6AB}",
  no_entry: "\u{26D4}",
  x: "\u{274C}",
  leftwards_arrow_with_hook: "\u{21A9}\u{FE0F}",
  calendar: "\u{1F4C6}",
  clock9: "\u{1F558}",
  eyes: "\u{1F440}",
  information_source: "\u{2139}\u{FE0F}",
  lock: "\u{1F512}",
  memo: "\u{1F4DD}",
  moneybag: "\u{1F4B0}",
  receipt: "\u{1F9FE}",
  rotating_light: "\u{1F6A8}",
  tada: "\u{1F389}",
  wave: "\u{1F44B}",
  zzz: "\u{1F4A4}",
};

const SHORTCODE = /:([a-z0-9_+-]+):/g;

/** Split a text into strings and emoji elements. */
export function withEmoji(text) {
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(SHORTCODE)) {
    const glyph = GLYPHS[match[1]];
    if (!glyph) continue;
    parts.push(text.slice(from, match.index), emoji(match[1]));
    from = match.index + match[0].length;
  }
  parts.push(text.slice(from));
  return parts.filter((part) => part !== "");
}

/** One emoji by name, as a picture with that name. */
export function emoji(name) {
  const glyph = GLYPHS[name];
  if (!glyph) return `:${name}:`;
  return el("span", { class: "emoji", role: "img", "aria-label": name.replaceAll("_", " ") }, glyph);
}
