// The tab "Write": predictions of the next word after every key, and generation.

import { fetchJson, Problem, streamEvents } from "./api.js";
import { Latest } from "./latest.js";
import { awaitsModels, byId, fillSelect, make, modelOptions, nextBars, numberOf, showBars, tint, UNKNOWN, visible } from "./parts.js";
import { addShare, fieldsOf, writeLink } from "./share.js";
import { number, onLanguage, percent, t } from "./texts.js";

const MAX_STATES = 40;
const DETECTED_FROM = 40; // characters; the language of a shorter text may still be detected differently
const TOP = 10;
const FIELDS = ["text", "temperature", "model", "tokens", "seed", "topk", "topp", "stop"];

/** Model states of texts that were sent. Of a text that continues one of them, only the rest has to be sent. */
class StateCache {
  #entries = [];

  /** The entry with the longest text that is a prefix of this one; without a state if there is none. */
  longestPrefix(text) {
    return this.#entries.filter((entry) => text.startsWith(entry.text)).reduce((best, entry) => (entry.text.length > best.text.length ? entry : best), { text: "" });
  }

  put(text, state) {
    this.#entries = [...this.#entries.filter((entry) => entry.text !== text), { text, state }].slice(-MAX_STATES);
  }

  clear() {
    this.#entries = [];
  }
}

export function writeTab(panel) {
  const area = byId("write-text");
  const story = byId("write-story");
  const model = byId("write-model");
  const temperature = byId("write-temperature");
  const button = byId("write-on");
  const choices = byId("choices");
  const prediction = new Latest(byId("write-say"), panel.querySelector(".next"));
  const generation = new Latest(byId("write-story-say"), panel.querySelector(".story-part"));
  const states = new StateCache();
  let parts = []; // of the story: { text, score }; the first is the prompt and has no score
  let known = []; // the served models
  let seed = ""; // of the story
  let asked = ""; // what the newest prediction is of
  let tabLeaves = false; // after Escape, Tab moves the focus as usual

  const generationSettings = () => ({
    ...(model.value && { model: model.value }),
    temperature: Number(temperature.value),
    ...Object.fromEntries(
      Object.entries({ max_new_tokens: numberOf(byId("write-tokens")), seed: numberOf(byId("write-seed")), top_k: numberOf(byId("write-topk")), top_p: numberOf(byId("write-topp")) })
        .filter(([, value]) => value !== undefined),
    ),
    ...(byId("write-stop").value && { stop: [byId("write-stop").value] }),
  });
  const predictionSettings = () => ({ ...(model.value && { model: model.value }), temperature: Number(temperature.value), top: TOP, partial: true });

  /** Request predictions for a text, from the longest prefix with a state on. */
  async function predict(text, signal) {
    const prefix = model.value || text.length > DETECTED_FROM ? states.longestPrefix(text) : { text: "" };
    const body = { ...predictionSettings(), text: text.slice(prefix.text.length), return_state: true, ...(prefix.state && { state: prefix.state }) };
    try {
      const reply = await fetchJson("next-word-probs", body, signal);
      states.put(text, reply.state);
      return reply;
    } catch (error) {
      if (!(error instanceof Problem && error.status === 409)) throw error;
      states.clear(); // the server has another model version now
      return predict(text, signal);
    }
  }

  function refresh() {
    if (awaitsModels(model)) return;
    updateLink();
    const text = area.value;
    if (!text.trim()) {
      prediction.reset(clear);
      return;
    }
    const question = JSON.stringify([text, predictionSettings()]);
    if (prediction.busy && question === asked) return; // it is on its way: the list of models came after it was sent
    asked = question;
    prediction.run(async (signal) => {
      const reply = await predict(text, signal);
      return () => {
        const entries = nextBars(reply, languageOf(reply.model));
        showBars(byId("write-bars"), entries, insert);
        const rest = reply.other + reply.next.reduce((sum, { word, probability }) => sum + (word === UNKNOWN ? probability : 0), 0);
        byId("write-other").textContent = percent(Math.max(0, rest - (entries.some((entry) => entry.isEnd) ? reply.end : 0)));
        byId("write-by").textContent = t("by", { model: reply.model });
        if (!entries.length) prediction.showMessage(t("next.none"), true);
        panel.dataset.shown = text; // the text of the bars
      };
    }, clear);
  }

  function clear() {
    showBars(byId("write-bars"), [], insert);
    byId("write-other").textContent = byId("write-by").textContent = "";
  }

  const languageOf = (name) => known.find((model) => model.name === name)?.languages[0];

  /** Insert a predicted word at the end of the text; it replaces a word that was begun. */
  function insert({ name, isEnd }) {
    if (isEnd || panel.dataset.shown !== area.value) return; // the bars belong to an older text
    const isPunctuation = !/[\p{L}\p{N}]/u.test(name);
    const partial = area.value.match(/[\p{L}\p{N}'’-]*$/u)[0];
    const before = area.value.slice(0, area.value.length - partial.length);
    if (isPunctuation) replaceFrom(area.value.trimEnd().length, `${name} `);
    else replaceFrom(before.length, `${before && !/\s$/.test(before) ? " " : ""}${name} `);
  }

  /** Replace the text's end as typing does, so that it can be undone. */
  function replaceFrom(start, text) {
    area.focus();
    area.setSelectionRange(start, area.value.length);
    if (document.execCommand("insertText", false, text)) return; // deprecated, and the only way that keeps the undo history; fires "input"
    area.setRangeText(text, start, area.value.length, "end");
    refresh();
  }

  area.addEventListener("input", refresh);
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") tabLeaves = true;
    else if (event.key === "Tab" && !event.shiftKey && !tabLeaves) {
      const first = byId("write-bars").querySelector(".bar");
      if (first && area.value && !first.entry.isEnd) {
        event.preventDefault();
        insert(first.entry);
      }
    } else if (event.key !== "Shift") tabLeaves = false;
  });
  area.addEventListener("blur", () => (tabLeaves = false));
  model.addEventListener("change", () => {
    states.clear();
    refresh();
  });
  temperature.addEventListener("input", refresh);
  for (const id of ["tokens", "seed", "topk", "topp", "stop"]) byId(`write-${id}`).addEventListener("input", updateLink);

  /** The name of a setting that is not valid; undefined where there is none. */
  const wrongSetting = () => ["tokens", "seed", "topk", "topp"].find((id) => !byId(`write-${id}`).checkValidity());

  function updateLink() {
    byId("write-temperature-value").textContent = number(Number(temperature.value));
    const fields = fieldsOf("write", ...FIELDS);
    writeLink("write", { ...fields, seed: fields.seed || (parts.length ? seed : "") });
  }

  const storyText = () => parts.map((part) => part.text).join("");

  function showStory() {
    const words = parts.map((part, index) => (part.score ? wordButton(part, index) : make("span", {}, part.text)));
    story.replaceChildren(...words);
    story.hidden = byId("write-legend").hidden = byId("write-keep").hidden = parts.length < 2;
  }

  function wordButton(part, index) {
    const share = Math.exp(part.score.logprob);
    const label = t("write.token", { token: visible(part.text), percent: percent(share) });
    const element = make("button", { type: "button", class: "tint", title: label, "aria-label": label, "aria-haspopup": "dialog", onclick: (event) => showChoices(event.currentTarget, index) }, part.text);
    tint(element, share < 0.3 ? "unsure" : "sure", 0.42 * Math.abs(share < 0.3 ? 1 - share / 0.3 : (share - 0.3) / 0.7));
    return element;
  }

  /** Show the alternatives to a word in a popover. */
  function showChoices(element, index) {
    const score = parts[index]?.score;
    if (!score) return; // the words of an older story stay until the first of the new one
    const others = score.top.some((other) => other.id === score.id) ? score.top : [score, ...score.top];
    const named = (text) => (text.trim() ? text : visible(text)); // the space before a word tells it from a piece of one
    const list = make("ol", { class: "bars" });
    const entries = others.map((other) => ({
      name: other.id === score.id ? `${named(other.text)} (${t("choices.chosen")})` : named(other.text), share: Math.exp(other.logprob), other,
    }));
    showBars(list, entries, (entry) => {
      choices.hidePopover();
      branch(index, entry.other, others);
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

  /** Replace a word with an alternative, drop the words after it, and generate from there. */
  function branch(index, other, top) {
    parts = [...parts.slice(0, index), ...(other.text ? [{ text: other.text, score: { ...other, top } }] : [])];
    showStory();
    if (other.text) generate(); // the end-of-text token has no text, and ends the story
  }

  /** Generate a continuation of the story. */
  function generate() {
    const body = { ...generationSettings(), prompt: storyText(), logprobs: 8 };
    const start = parts.length;
    button.textContent = t("write.stop");
    const run = generation.run(async (signal) => {
      parts = parts.slice(0, start); // a retry starts again
      for await (const { name, data } of streamEvents("generate", body, signal)) {
        if (signal.aborted) return;
        if (name === "error") return () => generation.showMessage(t("error.stream", { detail: data.detail }));
        if (name === "done") return () => showDone(data);
        generation.settle();
        if (!data.text) continue;
        parts.push({ text: data.text, score: data.token });
        story.append(wordButton(parts.at(-1), parts.length - 1));
        if (parts.length === start + 1) showStory();
      }
    }, showStory); // after an error, the words of an older story don't stay
    run.finally(() => generation.busy || (button.textContent = t("write.on")));
  }

  function showDone({ model: name, usage: { generated_tokens: tokens }, seed: used }) {
    seed = String(used);
    updateLink();
    generation.showMessage(`${t(tokens === 1 ? "write.done.one" : "write.done", { tokens, seed })} ${name ? t("by", { model: name }) : ""}`, true);
  }

  button.addEventListener("click", () => {
    if (generation.busy) {
      generation.cancel();
      button.textContent = t("write.on");
      return;
    }
    if (!area.value.trim()) {
      generation.showMessage(t("write.empty"));
      area.focus();
      return;
    }
    const wrong = wrongSetting();
    if (wrong) {
      const field = byId(`write-${wrong}`);
      field.closest("details").open = true;
      const kind = field.validity.stepMismatch ? "whole" : field.max ? "wrong" : "least";
      generation.refuse(t(`setting.${kind}`, { name: field.labels[0].textContent.trim(), least: field.min, most: field.max }));
      field.focus();
      return;
    }
    parts = [{ text: area.value.trimEnd() }];
    generate();
  });
  byId("write-keep").addEventListener("click", () => {
    generation.cancel();
    area.value = storyText();
    parts = [];
    showStory();
    area.focus();
    refresh();
  });

  addShare(panel, () =>
    parts.length ? ["generate", { prompt: parts[0].text, ...generationSettings() }] : ["next-word-probs", { text: area.value, ...predictionSettings() }],
  );
  onLanguage(() => {
    button.textContent = t(generation.busy ? "write.stop" : "write.on");
    showStory();
    if (area.value) refresh();
  });

  return {
    fields: FIELDS,
    start: () => t("write.start"),
    models(models) {
      known = models;
      fillSelect(model, modelOptions(models, "language"));
    },
    refresh,
    leave: () => prediction.cancel(),
  };
}
