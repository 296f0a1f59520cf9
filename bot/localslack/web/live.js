/** The stream of what happens, for one person; it comes back by itself when the server does. */

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 3000;

/**
 * Keep a stream open.
 *
 * `onEvent(event)` hears every event; each connection begins with `hello`. `onLost()` hears that it went away.
 */
export class Live {
  #listeners;
  #socket = null;
  #pause = FIRST_PAUSE_MS;
  #timer = null;

  constructor(listeners) {
    this.#listeners = listeners;
  }

  /** Listen as this person from now on. */
  listen(person) {
    this.person = person;
    clearTimeout(this.#timer);
    this.#drop();
    this.#connect();
  }

  #connect() {
    const address = new URL(`/page/live?as=${encodeURIComponent(this.person)}`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.onopen = () => (this.#pause = FIRST_PAUSE_MS);
    socket.onmessage = ({ data }) => socket === this.#socket && this.#listeners.onEvent(JSON.parse(data));
    socket.onclose = () => socket === this.#socket && this.#lost();
  }

  #lost() {
    this.#socket = null;
    this.#listeners.onLost();
    this.#timer = setTimeout(() => this.#connect(), this.#pause);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}
