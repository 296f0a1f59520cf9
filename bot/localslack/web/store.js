/** What the server last said, and what this browser chose; parts of the page listen to the keys they show. */

const CHOICES = ["theme", "zone"];

/** State by key; `patch` tells those who listen to a key that changed. */
export class Store {
  #state = {};
  #watchers = [];

  constructor(initial) {
    this.#state = initial;
  }

  get(key) {
    return this.#state[key];
  }

  /** Call `draw` now and whenever one of the keys changes. */
  watch(keys, draw) {
    this.#watchers.push({ keys, draw });
    draw();
  }

  patch(changes) {
    const changed = Object.keys(changes).filter(
      (key) => JSON.stringify(this.#state[key]) !== JSON.stringify(changes[key]),
    );
    if (!changed.length) return;
    this.#state = { ...this.#state, ...changes };
    for (const key of changed.filter((one) => CHOICES.includes(one))) remember(key, changes[key]);
    for (const { keys, draw } of this.#watchers) {
      if (keys.some((key) => changed.includes(key))) draw();
    }
  }
}

/** A choice that this browser keeps, if it keeps any. */
export function remembered(key) {
  try {
    return localStorage.getItem(`localslack.${key}`);
  } catch {
    return null;
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(`localslack.${key}`, value);
  } catch {
    // A browser that keeps nothing starts from the defaults again.
  }
}
