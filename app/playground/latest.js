// One question at a time: a new one takes the place of the one before, on the page and on the server.

import { Problem } from "./api.js";
import { t } from "./texts.js";

export class Latest {
  /** Messages go into an element with the role status. */
  constructor(status) {
    this.status = status;
    this.controller = null;
    this.running = Promise.resolve();
  }

  get busy() {
    return this.controller !== null;
  }

  /** End what runs: its request is aborted, which ends it on the server too. */
  cancel() {
    this.controller?.abort();
    this.controller = null;
  }

  /**
   * Do some work instead of what runs. work(signal) asks, and returns a function that shows the answer; it is called
   * only if nothing newer was asked. Where the server wants patience, the work is done again; where it refuses, blank()
   * takes away what was shown before.
   */
  async run(work, blank = () => {}) {
    this.cancel();
    const controller = (this.controller = new AbortController());
    const before = this.running;
    this.running = this.#run(work, blank, controller, before);
    await this.running;
  }

  async #run(work, blank, controller, before) {
    await before.catch(() => {}); // an error of ours in the one before has been thrown already
    const { signal } = controller;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const show = await work(signal);
        if (signal.aborted) return;
        this.say("");
        show?.();
        break;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof Problem)) {
          this.controller = null;
          throw error;
        }
        const pause = error.pause(attempt);
        this.say(describe(error, pause));
        if (error.status === 401) document.dispatchEvent(new Event("key-needed"));
        if (pause === null) {
          blank();
          break;
        }
        await sleep(pause, signal);
      }
    }
    if (this.controller === controller) this.controller = null;
  }

  say(message, calm = false) {
    if (this.status.textContent !== message) this.status.textContent = message;
    this.status.classList.toggle("calm", calm);
  }
}

function describe(problem, seconds) {
  const detail = problem.message;
  const names = { 0: "lost", 401: "key", 404: "model", 413: "big", 429: "wait", 500: "ours", 503: "down", 504: "time" };
  return t(`error.${names[problem.status] ?? "other"}`, { detail, id: problem.id, seconds: Math.ceil(seconds) });
}

function sleep(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
