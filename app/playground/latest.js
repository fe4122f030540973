// One request at a time: a new request replaces the running one, on the page and on the server.

import { Problem } from "./api.js";
import { t } from "./texts.js";

export class Latest {
  /** status is the element with the role "status" that shows messages. */
  constructor(status) {
    this.status = status;
    this.controller = null;
    this.running = Promise.resolve();
  }

  get busy() {
    return this.controller !== null;
  }

  /** Abort the running request, which cancels it on the server too. */
  cancel() {
    this.controller?.abort();
    this.controller = null;
  }

  /**
   * Cancel the running work and start this one. work(signal) sends requests and returns a function that shows the
   * results, which is called only if no newer work was started. Work is repeated after errors that a retry may solve;
   * after all others, clear() removes the results shown before.
   */
  async run(work, clear = () => {}) {
    this.cancel();
    const controller = (this.controller = new AbortController());
    const previous = this.running;
    this.running = this.#run(work, clear, controller, previous);
    await this.running;
  }

  async #run(work, clear, controller, previous) {
    await previous.catch(() => {}); // whoever started that run handles its error
    const { signal } = controller;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const show = await work(signal);
        if (signal.aborted) return;
        this.showMessage("");
        show?.();
        break;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof Problem)) {
          this.controller = null;
          throw error;
        }
        const delay = error.retryDelay(attempt);
        this.showMessage(describe(error, delay));
        if (error.status === 401) document.dispatchEvent(new Event("key-needed"));
        if (delay === null) {
          clear();
          break;
        }
        await sleep(delay, signal);
      }
    }
    if (this.controller === controller) this.controller = null;
  }

  showMessage(message, calm = false) {
    if (this.status.textContent !== message) this.status.textContent = message;
    this.status.classList.toggle("calm", calm);
  }
}

function describe(problem, seconds) {
  const line = problem.status === 404 && /^\/text\/(\d+)$/.exec(problem.pointer);
  const detail = line ? t("error.line", { line: Number(line[1]) + 1, detail: problem.message }) : problem.message;
  const names = { 0: "lost", 401: "key", 404: "model", 413: "big", 429: "wait", 500: "ours", 503: "down", 504: "time" };
  return t(`error.${names[problem.status] ?? "other"}`, { detail, id: problem.id, seconds: Math.ceil(seconds) });
}

const HALF_WORD = /^\s*[\p{L}\p{M}]+$/u;
const TYPING_PAUSE = 0.5; // seconds

/** Wait for the next key where a text is one word that may not be complete: half a word is often one of another language. */
export async function wholeWord(text, signal) {
  if (HALF_WORD.test(text)) await sleep(TYPING_PAUSE, signal);
}

function sleep(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
