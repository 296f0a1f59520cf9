/** What stands around blocks: the message or view that they belong to, and the app behind them. */

import { FormValues } from "./forms.js";

/** Makes the hosts of messages and views, and keeps what people entered into messages. */
export class Hosts {
  #page;
  #entered = new Map();

  constructor(page) {
    this.#page = page;
  }

  /**
   * The host of a message.
   *
   * `failed(sentence)` hears why a press did not reach the app, or null; `redraw()` draws the message again.
   */
  message(message, { failed, redraw, headings }) {
    const key = [this.#page.store.get("me").id, message.channel, message.ts].join(" ");
    if (!this.#entered.has(key)) this.#entered.set(key, { values: new FormValues(), redraws: 0 });
    const entered = this.#entered.get(key);
    entered.blocks = message.blocks;
    const target = { channel: message.channel, ts: message.ts };
    return this.#host(target, entered, { failed, redraw, headings });
  }

  /**
   * The host of a modal view or of Home.
   *
   * `kept` lives as long as the view and holds `values`, `blocks` (what is shown by now) and `redraws`.
   */
  view(target, kept, { failed, redraw, headings, errors }) {
    return this.#host(target, kept, { failed, redraw, headings, errors });
  }

  #host(target, kept, { failed, redraw, headings, errors }) {
    const { api, store, scope } = this.#page;
    return {
      scope,
      headings,
      errors,
      values: kept.values,
      version: () => kept.redraws,
      redraw: () => {
        kept.redraws += 1;
        redraw();
      },
      people: () => store.get("people").filter((one) => !one.is_bot),
      channels: () => store.get("channels").filter(({ kind }) => kind === "channel"),
      act: async (block, element, value) => {
        const state = kept.values.entered(kept.blocks);
        const answer = await api.act(target, block.block_id, element.action_id, value, state);
        failed(answer.ok ? null : answer.sentence);
      },
      giveFile: async (name, content) => {
        const answer = await api.giveFile(name, content);
        failed(answer.ok ? null : answer.sentence);
        return answer.ok ? answer.file : null;
      },
      suggest: async (block, element, query) => {
        const answer = await api.suggest(target, block.block_id, element.action_id, query);
        failed(answer.ok ? null : answer.sentence);
        return answer.ok ? answer : { options: [] };
      },
    };
  }
}
