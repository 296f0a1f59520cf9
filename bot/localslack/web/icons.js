/** Line icons, drawn here; each is decoration beside a word or a label. */

import { svg } from "./dom.js";

const PATHS = {
  back: ["M10 3 5 8l5 5"],
  bolt: ["M9 1.5 3.5 9H8l-1 5.5L12.5 7H8z"],
  bubble: ["M2.5 3.5h11v7h-6l-3 2.5v-2.5h-2z"],
  check: ["m3 8.5 3.2 3.2L13 5"],
  clock: ["M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2z", "M8 4.8V8l2.2 1.6"],
  close: ["m4 4 8 8", "m12 4-8 8"],
  cloud: ["M4.6 12.5a3 3 0 0 1-.3-6A4 4 0 0 1 12 7.2a2.7 2.7 0 0 1-.4 5.3z"],
  down: ["m4 6 4 4 4-4"],
  eye: [
    "M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8z",
    "M8 6.2a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6z",
  ],
  file: ["M4 1.5h5l3.5 3.5v9.5H4z", "M8.8 1.7v3.5h3.5"],
  hash: ["M3 6h10.5", "M2.5 10H13", "M6.7 2.5 5.3 13.5", "M10.7 2.5 9.3 13.5"],
  home: ["m2.5 7.5 5.5-5 5.5 5", "M4 6.5v7h8v-7"],
  more: ["M3.5 8h.01", "M8 8h.01", "M12.5 8h.01"],
  person: [
    "M8 2.5a2.7 2.7 0 1 1 0 5.4 2.7 2.7 0 0 1 0-5.4z",
    "M2.8 14c.5-2.8 2.5-4.2 5.2-4.2s4.7 1.4 5.2 4.2",
  ],
  send: ["M2.5 3 14 8 2.5 13l1.3-5z", "M3.8 8H9"],
  sliders: ["M2.5 4.5h6", "M11.5 4.5h2", "M10 3v3", "M2.5 11.5h2", "M7.5 11.5h6", "M6 10v3"],
  text: ["M2.5 4h11", "M2.5 8h11", "M2.5 12h6.5"],
};

/** An icon of 16 by 16 in the colour of the text around it. */
export function icon(name) {
  return svg(
    "svg",
    { class: `icon icon-${name}`, viewBox: "0 0 16 16", width: "16", height: "16", "aria-hidden": "true" },
    PATHS[name].map((d) => svg("path", { d })),
  );
}
