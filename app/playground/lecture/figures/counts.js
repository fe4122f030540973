// What follows each sequence of n words in a text of one's own: a table of counts; a click lights where they are.

import { make } from "../../parts.js";
import { number, percents, t } from "../../texts.js";
import { slider, table, textField } from "../context.js";
import { countTable, languageOf, lowered, wordsOf } from "../words.js";

const MAX_ROWS = 200;
const REPEATED = 8; // how often the most frequent word is shown, where each word is predicted by itself

export const fields = { text: "", n: "2" };

export function create(host, context) {
  const [rowsHost, said, text] = [make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("counts.table") }), make("p", { class: "readout", "aria-live": "polite" }), make("p", { class: "story", role: "group", "aria-label": t("counts.places") })];
  host.append(textField(context, "text", "lecture.text"), slider(context, "n", "counts.n", { min: 0, max: 4 }), said, text, rowsHost);
  let marks = [];

  /** Light the words at some indices, and the contexts before them. */
  function light(button, indices, before) {
    for (const other of rowsHost.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
    marks.forEach((mark, index) => {
      mark.classList.toggle("lit", indices.includes(index));
      mark.classList.toggle("context", indices.some((next) => index < next && index >= next - before));
    });
    said.textContent = t("counts.found", { count: number(indices.length, 0) });
  }

  function update() {
    const words = wordsOf(context.values.text);
    const before = context.number("n");
    const rows = [...countTable(lowered(words, languageOf(context.values.text)), before)];
    marks = words.map((word) => make("span", { class: "place" }, word.text));
    text.replaceChildren(...marks.flatMap((mark) => [mark, " "]));
    said.textContent = t("counts.size", { rows: number(rows.length, 0), words: number(words.length, 0) });
    const press = (label, indices, percentage) => {
      const button = make("button", { type: "button", class: "count", "aria-pressed": "false" }, label, make("small", {}, ` ${number(indices.length, 0)} · ${percentage}`));
      button.addEventListener("click", () => light(button, indices, before));
      return button;
    };
    const lines = rows.slice(0, MAX_ROWS).map(([words, next]) => {
      const total = [...next.values()].flat().length;
      const sorted = [...next].sort((a, b) => b[1].length - a[1].length);
      const shares = percents(sorted.map(([, indices]) => indices.length / total));
      const buttons = sorted.map(([word, indices], index) => press(word, indices, shares[index]));
      return [words || t("counts.nothing"), make("span", { class: "row" }, ...buttons)];
    });
    const [first] = rows;
    const always = before === 0 && first ? [...first[1]].sort((a, b) => b[1].length - a[1].length)[0][0] : "";
    rowsHost.replaceChildren(
      ...(always ? [make("p", { class: "result always" }, t("counts.always"), " ", make("b", {}, `${always} `.repeat(REPEATED).trim()))] : []),
      ...(lines.length ? [table(t("counts.table"), [t("counts.context"), t("counts.next")], lines)] : []),
    );
    const choices = rows.map(([, next]) => next.size);
    context.measured({ before, rows: rows.length, mostChoices: Math.max(0, ...choices), single: choices.filter((size) => size === 1).length });
  }
  return { update };
}
