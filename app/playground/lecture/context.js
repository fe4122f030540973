// The surroundings of a figure: its values, which the link carries, the models, and controls that change the values.

import { Latest } from "../latest.js";
import { byId, make } from "../parts.js";
import { language, number, t } from "../texts.js";
import { languageModels } from "./rungs.js";

export class Context {
  /**
   * values are the figure's fields by name; onChange is called after a control has changed a value, onMeasured with
   * what the figure has measured: an exercise is checked by it. Each figure's own context has a status, the element that
   * shows its errors.
   */
  constructor({ values, models, tabs, onChange, onMeasured }) {
    Object.assign(this, { values, models, tabs, onChange, measured: onMeasured });
    this.figures = [];
    this.requests = [];
  }

  /** What sends a figure's requests, the newest only; area has the results of them. */
  latest(area = this.status.parentElement) {
    this.requests.push(new Latest(this.status, area));
    return this.requests.at(-1);
  }

  /** End all requests, and hand back what figures have borrowed. */
  leave() {
    for (const latest of this.requests) latest.cancel();
    for (const figure of this.figures) figure.leave?.();
  }

  /** Change values, and show the figure for them. */
  set(changes) {
    Object.assign(this.values, changes);
    this.onChange();
    for (const figure of this.figures) figure.update();
  }

  /** The language models of the figure's language, from counts to the LSTM; with names, such as n3, the rungs among these. */
  rungs(...names) {
    const models = languageModels(this.models, this.values.language ?? language());
    const some = models.filter((model) => names.some((name) => model.name.endsWith(`-${name}`)));
    return names.length ? some : models;
  }

  number(name) {
    return Number(this.values[name]);
  }
}

/** A labelled text field. */
export function textField(context, name, label, { rows = 2, lang } = {}) {
  const area = make("textarea", { rows, lang, spellcheck: "false", autocomplete: "off", "data-field": name, oninput: () => context.set({ [name]: area.value }) });
  area.value = context.values[name];
  return make("label", { class: "field" }, t(label), area);
}

/** A labelled slider with its value. */
export function slider(context, name, label, { min, max, step = 1, format = (value) => number(value, 0) }) {
  const output = make("output", {}, format(context.number(name)));
  const input = make("input", { type: "range", min, max, step, "data-field": name });
  input.value = context.values[name];
  input.addEventListener("input", () => {
    output.textContent = format(Number(input.value));
    context.set({ [name]: input.value });
  });
  return make("label", { class: "slider" }, make("span", {}, t(label)), output, input);
}

/** A labelled select of [value, text] pairs. */
export function choice(context, name, label, options) {
  const select = make("select", { "data-field": name, onchange: () => context.set({ [name]: select.value }) }, ...options.map(([value, text]) => make("option", { value }, text)));
  select.value = context.values[name];
  return make("label", { class: "choice" }, t(label), select);
}

export const button = (label, onclick, attributes = {}) => make("button", { type: "button", onclick, ...attributes }, t(label));

/** A table with a caption. head are texts, rows arrays of texts, elements or cells. */
export function table(caption, head, rows, attributes = {}) {
  const cell = (content) => (content instanceof HTMLTableCellElement ? content : make("td", {}, content));
  return make(
    "table", { class: "plain", ...attributes }, make("caption", {}, caption),
    make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map(cell)))),
  );
}

/** Open a tab with fields by name, from the link of a figure. */
export function openTab(name, fields) {
  for (const [field, value] of Object.entries(fields)) byId(`${name}-${field}`).value = value;
  document.dispatchEvent(new CustomEvent("open-tab", { detail: name }));
}

/** A stamp: the same, or different. */
export const stamp = (same, name) => make("strong", { class: `stamp ${same ? "same" : "different"}` }, t(`${name}.${same ? "same" : "different"}`));
