// Small pieces of page that several tabs are made of.

import { number, percent, t } from "./texts.js";

/** An element: its attributes (those that begin with "on" are listeners), and what is in it. */
export function make(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...content);
  return element;
}

export const byId = (id) => document.getElementById(id);

/**
 * Show shares as bars in a list, changing what is there rather than making it anew, so that bars move and focus stays.
 * entries are { name, share }; with take, each is a button that calls it with its entry.
 */
export function showBars(list, entries, take) {
  while (list.children.length > entries.length) list.lastChild.remove();
  while (list.children.length < entries.length) {
    const bar = make(take ? "button" : "div", take ? { type: "button" } : {}, make("span", { class: "word" }), make("span", { class: "number" }));
    bar.classList.add("bar");
    if (take) bar.addEventListener("click", () => take(bar.entry));
    list.append(make("li", {}, bar));
  }
  entries.forEach((entry, place) => {
    const bar = list.children[place].firstChild;
    bar.entry = entry;
    bar.style.setProperty("--p", entry.share);
    bar.firstChild.textContent = entry.name;
    bar.lastChild.textContent = percent(entry.share);
  });
}

/** Colour an element: much is 0 to 1, hue the name of one of the style's colours. */
export function tint(element, hue, much) {
  element.style.setProperty("--hue", `var(--${hue})`);
  element.style.setProperty("--much", Math.min(1, Math.max(0, much)).toFixed(3));
}

/** How a value between -1 and 1 is coloured, or a share between 0 and 1. */
export function tintSigned(element, value, most = 0.55) {
  tint(element, value < 0 ? "against" : "for", most * Math.min(1, Math.abs(value)));
}

/**
 * A table of numbers as colours. columns are names, rows { name, values, scale, press, total }: scale is the value of full
 * colour. say(cell), with the row and column that it is of, is called while one is pointed at, and with null when none is.
 */
export function heatMap({ columns, rows, kind, say, caption }) {
  const head = make("tr", {}, make("td", { class: "corner" }), ...columns.map((name) => make("th", { scope: "col" }, visible(name))));
  const body = rows.map((row, place) => {
    const title = row.press
      ? make("button", { type: "button", "aria-pressed": "false", onclick: (event) => row.press(event.currentTarget) }, row.name)
      : row.name;
    const cells = row.values.map((value, column) => {
      const cell = make("td", { "aria-label": number(value) });
      tintSigned(cell, value / (row.scale ?? 1), 0.9);
      Object.assign(cell, { row: place, column });
      return cell;
    });
    return make("tr", row.total ? { class: "total" } : {}, make("th", { scope: "row" }, title), ...cells);
  });
  const table = make("table", { class: `map ${kind ?? ""}` }, make("caption", { class: "skip" }, caption ?? ""), make("thead", {}, head), make("tbody", {}, ...body));
  table.addEventListener("pointerover", (event) => say?.(event.target.row === undefined ? null : event.target));
  table.addEventListener("pointerleave", () => say?.(null));
  return table;
}

/** A token as it can be seen: a space at its beginning says nothing here. */
export const visible = (token) => token.trim() || (token ? "␣" : "⏹");

/** Fill a select with [value, text] pairs, and keep what is chosen if it is still there. */
export function fill(select, options) {
  const chosen = select.dataset.wanted ?? select.value;
  select.replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
  if (options.some(([value]) => value === chosen)) {
    select.value = chosen;
    delete select.dataset.wanted;
  }
}

/** The options of a select of models of some kinds. */
export function modelOptions(models, ...kinds) {
  const named = models.filter((model) => kinds.includes(model.kind)).map((model) => [model.name, model.name]);
  return [["", t("model.auto")], ...named];
}

/** A number that a person typed; undefined where the field is empty or holds nonsense. */
export function numberOf(input) {
  return input.value === "" || !input.checkValidity() ? undefined : Number(input.value);
}
