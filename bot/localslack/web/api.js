/** What the page asks of its server. Every answer is JSON with `ok`; a refusal brings a `sentence` to show. */

const GONE =
  "The local Slack does not answer, so nothing is known about your click. Look before you repeat it.";

/** Speaks for one acting person; `as` changes when someone else acts. */
export class Api {
  constructor(handle) {
    this.as = handle;
  }

  state() {
    return this.#ask("state");
  }

  messages(channel, before) {
    return this.#ask("messages", { query: { channel, ...(before && { before }) } });
  }

  thread(channel, ts) {
    return this.#ask("thread", { query: { channel, ts } });
  }

  send(channel, text, thread) {
    return this.#ask("send", { body: { channel, text, ...(thread && { thread_ts: thread }) } });
  }

  join(channel) {
    return this.#ask("join", { body: { channel } });
  }

  read(channel) {
    return this.#ask("read", { body: { channel } });
  }

  dismiss(what) {
    return this.#ask("dismiss", { body: what });
  }

  act(target, block, action, value, state) {
    return this.#ask("action", { body: { target, block_id: block, action_id: action, value, state } });
  }

  suggest(target, block, action, value) {
    return this.#ask("suggest", { body: { target, block_id: block, action_id: action, value } });
  }

  submit(view, state) {
    return this.#ask("views/submit", { body: { view, state } });
  }

  close(view, all) {
    return this.#ask("views/close", { body: { view, all } });
  }

  giveFile(name, content) {
    return this.#ask("files", { body: { name, content } });
  }

  home(tab) {
    return this.#ask("home", { body: { tab } });
  }

  press(panel, control, values) {
    return this.#ask("panels/press", { body: { panel, control, values } });
  }

  async #ask(path, { query = {}, body } = {}) {
    const search = new URLSearchParams({ ...query, ...(this.as && { as: this.as }) });
    const how = body && {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    };
    try {
      const answer = await fetch(`/page/${path}?${search}`, how || {});
      return await answer.json();
    } catch {
      return { ok: false, error: "no_answer", sentence: GONE };
    }
  }
}
