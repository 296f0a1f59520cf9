/**
 * The only place that makes elements.
 *
 * Strings become text nodes, never markup: there is no innerHTML anywhere on this page, so a text
 * from outside cannot come alive.
 */

const SVG = "http://www.w3.org/2000/svg";

/** Make an element. `on` holds listeners, `data` the data attributes; null and false leave out. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an SVG element, for icons. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Replace everything inside an element. */
export function refill(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

/** An id that no other element of this page has. */
export function uniqueId(prefix) {
  uniqueId.last = (uniqueId.last ?? 0) + 1;
  return `${prefix}-${uniqueId.last}`;
}

/** The elements inside that the keyboard can reach, in order. */
export function focusable(root) {
  const selector = "a[href], button, input, textarea, select, [tabindex]";
  return [...root.querySelectorAll(selector)].filter(
    (element) => !element.disabled && element.tabIndex >= 0 && element.getClientRects().length > 0,
  );
}

/** Only http and https lead out of the page; everything else is shown as text. */
export function safeUrl(address) {
  try {
    const url = new URL(address, location.href);
    return url.protocol === "http:" || url.protocol === "https:" ? url : null;
  } catch {
    return null;
  }
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [type, listener] of Object.entries(value)) {
        element.addEventListener(type, listener);
      }
    } else if (name === "data") {
      for (const [key, text] of Object.entries(value)) {
        if (text !== null && text !== undefined) element.dataset[key] = text;
      }
    } else {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...flat(children));
  return element;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
