// One request at a time: a new request replaces the running one, on the page and on the server.

import { Problem, apiKey } from "./api.js";
import { language, languageName, number, t } from "./texts.js";

const STALE_MS = 250; // without an answer after it, the results shown are marked as those of an older request
const BUSY_MS = 1500; // without an answer after it, the page says that it waits

export class Latest {
  /** status is the element with the role "status" that shows messages; area the element with the results. */
  constructor(status, area = status.closest("article, section")) {
    this.status = status;
    this.area = area;
    this.controller = null;
    this.running = Promise.resolve();
    this.timers = [];
  }

  get busy() {
    return this.controller !== null;
  }

  /** Abort the running request, which cancels it on the server too. */
  cancel() {
    this.controller?.abort();
    this.controller = null;
    this.timers.forEach(clearTimeout);
  }

  /** Cancel, and remove the results: there is nothing to request. */
  reset(clear) {
    this.cancel();
    this.showMessage("");
    clear();
    this.markStale(false);
  }

  /** Cancel, and say why there is no request; the results shown are those of an older one. */
  refuse(message) {
    this.cancel();
    this.showMessage(message);
    this.markStale(true);
  }

  markStale(isStale) {
    this.area.toggleAttribute("data-stale", isStale);
    this.area.setAttribute("aria-busy", String(isStale && this.busy));
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
    if (this.failed) this.showMessage("");
    this.failed = false;
    this.timers = [
      setTimeout(() => this.markStale(true), STALE_MS),
      setTimeout(() => this.status.textContent || this.showMessage(t("busy"), true), BUSY_MS),
    ];
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
        this.settle();
        this.showMessage("");
        show?.();
        break;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof Problem)) {
          this.settle();
          this.controller = null;
          throw error;
        }
        const delay = error.retryDelay(attempt);
        this.showMessage(describe(error, delay));
        if (error.status === 401) document.dispatchEvent(new Event("key-needed"));
        if (delay === null) {
          this.failed = true;
          this.settle();
          clear();
          break;
        }
        this.markStale(true);
        await sleep(delay, signal);
      }
    }
    if (this.controller === controller) this.controller = null;
  }

  /** What is shown belongs to the running request. */
  settle() {
    this.timers.forEach(clearTimeout);
    this.markStale(false);
  }

  showMessage(message, calm = false) {
    if (this.status.textContent !== message) this.status.textContent = message;
    this.status.classList.toggle("calm", calm);
  }
}

function describe(problem, seconds) {
  const line = /^\/text\/(\d+)$/.exec(problem.pointer);
  const { cause } = problem;
  const known = knownCause(problem);
  const detail = line ? t("error.line", { line: Number(line[1]) + 1, detail: known ?? cause }) : cause;
  if (known) return sentence(line ? detail : known);
  const names = { 0: "lost", 401: apiKey() ? "wrongkey" : "key", 404: "model", 413: "big", 429: "wait", 500: "ours", 503: "down", 504: "time" };
  return t(`error.${names[problem.status] ?? "other"}`, { detail, id: problem.id, seconds: Math.ceil(seconds) });
}

const LIMITS = [
  [/at most (\d+) characters?; given: (\d+)/, "limit.characters"], [/at most (\d+) items?/, "limit.items"],
  [/less than or equal to ([\d.]+)/, "limit.most"], [/greater than(?: or equal to)? ([\d.]+)/, "limit.least"],
  [/seems to be in '(\w+)'/, "limit.language"],
  [/units of a layer are 0 to (\d+)/, "limit.units"], [/none that the model says/, "limit.digits"],
  [/some tokens must be marked/, "limit.marked"],
];

/** What is wrong with a request, in the page's language, where the cause is a limit or the text's language; undefined otherwise. */
function knownCause(problem) {
  for (const [pattern, name] of LIMITS) {
    const found = pattern.exec(problem.cause);
    if (!found) continue;
    const value = name === "limit.language" ? languageName(found[1]) : number(Number(found[1]), 0);
    return t(name, { value, length: found[2] && number(Number(found[2]), 0) });
  }
  return undefined;
}

const sentence = (text) => text[0].toLocaleUpperCase(language()) + text.slice(1);

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
