// The tab "Write": what comes next, at every key.

import { ask, events, Problem } from "./api.js";
import { Latest } from "./latest.js";
import { byId, fill, make, modelOptions, numberOf, showBars, tint } from "./parts.js";
import { addShare, fieldsOf, writeLink } from "./share.js";
import { number, onLanguage, percent, t } from "./texts.js";

const KEPT = 40;
const SETTLED = 40; // characters from which on a text's language is taken for known
const TOP = 10;
const FIELDS = ["text", "temperature", "model", "tokens", "seed", "topk", "topp", "stop"];

/** What the server remembers of texts that were sent: a text that goes on from one of them is sent from there on. */
class Memories {
  #kept = [];

  /** The longest text that this one goes on from, with its state. */
  before(text) {
    return this.#kept.filter((memory) => text.startsWith(memory.text)).reduce((best, memory) => (memory.text.length > best.text.length ? memory : best), { text: "" });
  }

  keep(text, state) {
    this.#kept = [...this.#kept.filter((memory) => memory.text !== text), { text, state }].slice(-KEPT);
  }

  clear() {
    this.#kept = [];
  }
}

export function writeTab(panel) {
  const area = byId("write-text");
  const story = byId("write-story");
  const model = byId("write-model");
  const temperature = byId("write-temperature");
  const button = byId("write-on");
  const choices = byId("choices");
  const next = new Latest(panel.querySelector(".say"));
  const writing = new Latest(panel.querySelector(".say"));
  const memories = new Memories();
  let parts = []; // of the story: { text, score }, the prompt first, without a score
  let leaving = false;

  const settings = () => ({
    ...(model.value && { model: model.value }),
    temperature: Number(temperature.value),
    ...Object.fromEntries(
      Object.entries({ max_new_tokens: numberOf(byId("write-tokens")), seed: numberOf(byId("write-seed")), top_k: numberOf(byId("write-topk")), top_p: numberOf(byId("write-topp")) })
        .filter(([, value]) => value !== undefined),
    ),
    ...(byId("write-stop").value && { stop: [byId("write-stop").value] }),
  });
  const question = () => ({ ...(model.value && { model: model.value }), temperature: Number(temperature.value), top: TOP, partial: true });

  /** Ask what follows a text, from the longest part of it that the server knows. */
  async function following(text, signal) {
    const known = model.value || text.length > SETTLED ? memories.before(text) : { text: "" };
    const body = { ...question(), text: text.slice(known.text.length), return_state: true, ...(known.state && { state: known.state }) };
    try {
      const reply = await ask("next-word-probs", body, signal);
      memories.keep(text, reply.state);
      return reply;
    } catch (error) {
      if (!(error instanceof Problem && error.status === 409)) throw error;
      memories.clear(); // the server has changed since
      return following(text, signal);
    }
  }

  function refresh() {
    link();
    const text = area.value;
    if (!text.trim()) {
      next.cancel();
      next.say("");
      blank();
      return;
    }
    next.run(async (signal) => {
      const reply = await following(text, signal);
      return () => {
        const entries = reply.next.map(({ word, probability }) => ({ name: word, share: probability }));
        showBars(byId("write-bars"), entries, take);
        byId("write-other").textContent = percent(reply.other);
        panel.dataset.shown = text; // what the bars belong to
      };
    }, blank);
  }

  function blank() {
    showBars(byId("write-bars"), [], take);
    byId("write-other").textContent = "";
  }

  /** Put a word where the cursor is at the end: in the place of its beginning, or after what is there. */
  function take({ name }) {
    if (panel.dataset.shown !== area.value) return; // of an older text
    const mark = !/[\p{L}\p{N}]/u.test(name);
    const begun = area.value.match(/[\p{L}\p{N}'’-]*$/u)[0];
    const before = area.value.slice(0, area.value.length - begun.length);
    area.value = mark ? area.value.trimEnd() + name + " " : before + (before && !/\s$/.test(before) ? " " : "") + name + " ";
    area.focus();
    refresh();
  }

  area.addEventListener("input", refresh);
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leaving = true;
    else if (event.key === "Tab" && !event.shiftKey && !leaving) {
      const first = byId("write-bars").querySelector(".bar");
      if (first && area.value) {
        event.preventDefault();
        take(first.entry);
      }
    } else if (event.key !== "Shift") leaving = false;
  });
  area.addEventListener("blur", () => (leaving = false));
  model.addEventListener("change", () => {
    memories.clear();
    refresh();
  });
  temperature.addEventListener("input", refresh);
  for (const id of ["tokens", "seed", "topk", "topp", "stop"]) byId(`write-${id}`).addEventListener("input", link);

  function link() {
    byId("write-temperature-value").textContent = number(Number(temperature.value));
    writeLink("write", fieldsOf("write", ...FIELDS));
  }

  const told = () => parts.map((part) => part.text).join("");

  function showStory() {
    const words = parts.map((part, place) => (part.score ? word(part, place) : make("span", {}, part.text)));
    story.replaceChildren(...words);
    story.hidden = byId("write-legend").hidden = byId("write-keep").hidden = parts.length < 2;
  }

  function word(part, place) {
    const share = Math.exp(part.score.logprob);
    const label = t("write.token", { token: part.text.trim() || part.text, percent: percent(share) });
    const element = make("button", { type: "button", class: "tint", title: label, "aria-label": label, "aria-haspopup": "dialog", onclick: (event) => offer(event.currentTarget, place) }, part.text);
    tint(element, share < 0.3 ? "unsure" : "sure", 0.42 * Math.abs(share < 0.3 ? 1 - share / 0.3 : (share - 0.3) / 0.7));
    return element;
  }

  /** Show what else a word could have been. */
  function offer(element, place) {
    const { score } = parts[place];
    const others = score.top.some((other) => other.id === score.id) ? score.top : [score, ...score.top];
    const list = make("ol", { class: "bars" });
    const entries = others.map((other) => ({
      name: other.id === score.id ? `${other.text} (${t("choices.chosen")})` : other.text || "⏹", share: Math.exp(other.logprob), other,
    }));
    showBars(list, entries, (entry) => {
      choices.hidePopover();
      branch(place, entry.other, others);
    });
    choices.replaceChildren(make("h3", {}, t("choices")), list);
    choices.showPopover();
    const box = element.getBoundingClientRect();
    const size = choices.getBoundingClientRect();
    choices.style.left = `${Math.max(8, Math.min(box.left, innerWidth - size.width - 8))}px`;
    choices.style.top = `${box.bottom + size.height + 8 < innerHeight ? box.bottom + 4 : Math.max(8, box.top - size.height - 4)}px`;
    list.querySelector("button").focus();
    choices.onbeforetoggle = (event) => event.newState === "closed" && element.isConnected && element.focus();
  }

  /** Take another word in the place of one, and write on from there. */
  function branch(place, other, top) {
    parts = [...parts.slice(0, place), ...(other.text ? [{ text: other.text, score: { ...other, top } }] : [])];
    showStory();
    if (other.text) write(); // the other way to go on may be to end
  }

  /** Let the model go on with the story. */
  function write() {
    const asked = { ...settings(), prompt: told(), logprobs: 8 };
    const kept = parts.length;
    button.textContent = t("write.stop");
    const run = writing.run(async (signal) => {
      parts = parts.slice(0, kept); // where the server wanted patience in the middle of it
      for await (const { name, data } of events("generate", asked, signal)) {
        if (signal.aborted) return;
        if (name === "error") return () => writing.say(t("error.stream", { detail: data.detail }));
        if (name === "done") return () => writing.say(t("write.done", { tokens: data.usage.generated_tokens, seed: data.seed }), true);
        if (!data.text) continue;
        parts.push({ text: data.text, score: data.token });
        story.append(word(parts.at(-1), parts.length - 1));
        if (parts.length === kept + 1) showStory();
      }
    });
    run.finally(() => writing.busy || (button.textContent = t("write.on")));
  }

  button.addEventListener("click", () => {
    if (writing.busy) {
      writing.cancel();
      button.textContent = t("write.on");
      return;
    }
    if (!area.value.trim()) {
      writing.say(t("write.empty"));
      area.focus();
      return;
    }
    parts = [{ text: area.value.trimEnd() }];
    write();
  });
  byId("write-keep").addEventListener("click", () => {
    writing.cancel();
    area.value = told();
    parts = [];
    showStory();
    area.focus();
    refresh();
  });

  addShare(panel, () =>
    parts.length ? ["generate", { prompt: parts[0].text, ...settings() }] : ["next-word-probs", { text: area.value, ...question() }],
  );
  onLanguage(() => {
    button.textContent = t(writing.busy ? "write.stop" : "write.on");
    showStory();
    if (area.value) refresh();
  });

  return {
    fields: FIELDS,
    start: () => t("write.start"),
    models: (all) => fill(model, modelOptions(all, "language")),
    refresh,
    leave: () => next.cancel(),
  };
}
