// Elements that several tabs share: bars, heat maps, selects.

import { number, percent, t } from "./texts.js";

/** Create an element with attributes (those whose names begin with "on" are event listeners) and content. */
export function make(tag, attributes = {}, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...content);
  return element;
}

/** Create an element of SVG with attributes and content. */
export function svg(tag, attributes = {}, ...content) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...content);
  return element;
}

export const byId = (id) => document.getElementById(id);

/**
 * Show shares as bars in a list. Existing bars are updated, not replaced, so that they are animated and keep the focus.
 * entries are { name, share, language }; with onPick, each bar is a button that calls it with its entry.
 */
export function showBars(list, entries, onPick) {
  while (list.children.length > entries.length) list.lastChild.remove();
  while (list.children.length < entries.length) {
    const bar = make(onPick ? "button" : "div", onPick ? { type: "button" } : {}, make("span", { class: "word" }), make("span", { class: "number" }));
    bar.classList.add("bar");
    if (onPick) bar.addEventListener("click", () => onPick(bar.entry));
    list.append(make("li", {}, bar));
  }
  entries.forEach((entry, index) => {
    const bar = list.children[index].firstChild;
    bar.entry = entry;
    bar.style.setProperty("--p", entry.share);
    bar.firstChild.textContent = entry.name;
    if (entry.language) Object.assign(bar.firstChild, { lang: entry.language, dir: "auto" });
    bar.lastChild.textContent = entry.text ?? percent(entry.share);
  });
}

/** What stands for all words outside of a vocabulary of whole words: no word that could come next. */
export const UNKNOWN = "<unk>";

/** The bars of a reply of /next-word-probs: its words, and the end of the text where it is as likely as they are. */
export function nextBars(reply, language) {
  const known = reply.next.filter(({ word }) => word !== UNKNOWN);
  const bars = known.map(({ word, probability }) => ({ name: word, share: probability, language }));
  if (reply.end > (bars.at(-1)?.share ?? 1)) bars.push({ name: t("next.end"), share: reply.end, isEnd: true });
  return bars.sort((one, other) => other.share - one.share);
}

/** Colour an element: hue is the name of one of the style's colours, strength between 0 and 1. */
export function tint(element, hue, strength) {
  element.style.setProperty("--hue", `var(--${hue})`);
  element.style.setProperty("--much", Math.min(1, Math.max(0, strength)).toFixed(3));
}

/** Colour an element by a value between -1 and 1; maxStrength is the strength of the value 1. */
export function tintSigned(element, value, maxStrength = 0.55) {
  tint(element, value < 0 ? "against" : "for", maxStrength * Math.min(1, Math.abs(value)));
}

/**
 * A table that shows numbers as colours. columns are names, rows { name, values, scale, onPress, total }: scale is the
 * value of full colour. onHover is called with the cell under the pointer or with the focus, which has the indices row and
 * column, or null. onColumn makes the names buttons, and is called with a column's index; marked are the indices of those
 * that are pressed. Arrow keys move the focus from cell to cell, and between these buttons: of both, one is a tab stop.
 * language is that of the columns' names.
 */
export function heatMap({ columns, rows, kind, onHover, caption, language, onColumn, marked = [] }) {
  const columnName = (name, column) => {
    if (!onColumn) return visible(name);
    const button = make("button", { type: "button", "aria-pressed": String(marked.includes(column)), tabindex: column ? -1 : 0, onclick: () => onColumn(column) }, visible(name));
    return Object.assign(button, { column });
  };
  const head = make("tr", {}, make("td", { class: "corner" }), ...columns.map((name, index) => make("th", { scope: "col", lang: language }, columnName(name, index))));
  const body = rows.map((row, index) => {
    const title = row.onPress
      ? make("button", { type: "button", "aria-pressed": "false", onclick: (event) => row.onPress(event.currentTarget) }, row.name)
      : row.name;
    const cells = row.values.map((value, column) => {
      const cell = make("td", { "aria-label": number(value), tabindex: index || column ? -1 : 0 });
      tintSigned(cell, value / (row.scale ?? 1), 0.9);
      Object.assign(cell, { row: index, column });
      return cell;
    });
    return make("tr", row.total ? { class: "total" } : {}, make("th", { scope: "row" }, title), ...cells);
  });
  const table = make("table", { class: `map ${kind ?? ""}` }, make("caption", { class: "skip" }, caption ?? ""), make("thead", {}, head), make("tbody", {}, ...body));
  for (const name of ["pointerover", "pointerdown"]) table.addEventListener(name, (event) => onHover?.(event.target.row === undefined ? null : event.target));
  table.addEventListener("pointerleave", () => onHover?.(null));
  table.addEventListener("focusin", ({ target }) => {
    if (target.column === undefined) return;
    target.closest("thead, tbody").querySelector(`${target.localName}[tabindex='0']`)?.setAttribute("tabindex", "-1");
    target.tabIndex = 0;
    onHover?.(target.row === undefined ? null : target);
  });
  table.addEventListener("keydown", (event) => {
    const [down, right] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key] ?? [];
    const { row = -1, column } = event.target; // above the first row are the columns' names
    if (down === undefined || column === undefined) return;
    event.preventDefault();
    const cell = column + right < 0 ? null : table.rows[1 + row + down]?.cells[1 + column + right]; // the row's name is the first
    (cell?.querySelector("button") ?? cell)?.focus();
  });
  return table;
}

/** A token with visible text: without the space at its beginning, and with signs for white space and the end of text. */
export const visible = (token) => token.trim() || (token ? "␣" : "■");

/** Fill a select with [value, text] pairs. The selected value is kept if it is still there; a pending one, from a link, comes first. */
export function fillSelect(select, options) {
  const selected = valueOf(select);
  select.replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
  if (options.some(([value]) => value === selected)) {
    select.value = selected;
    delete select.dataset.pending;
  }
}

/** The value of a select; that of a link, where its options are not loaded yet. */
export const valueOf = (select) => select.dataset.pending ?? select.value;

/** Whether a link names a model and the models are not listed yet: the open tab is refreshed when they are. */
export const awaitsModels = (select) => select.dataset.pending !== undefined && !select.options.length;

/** The options of a select of the models of some kinds. */
export function modelOptions(models, ...kinds) {
  const options = models.filter((model) => kinds.includes(model.kind)).map((model) => [model.name, model.name]);
  return [["", t("model.auto")], ...options];
}

/** The number in a field; undefined if the field is empty or invalid. */
export function numberOf(input) {
  return input.value === "" || !input.checkValidity() ? undefined : Number(input.value);
}
