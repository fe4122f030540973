// How tables of counts grow: with the number of words that they look back, and with the text.

import { make } from "../../parts.js";
import { number, t } from "../../texts.js";
import { table, textField } from "../context.js";
import { chart } from "../chart.js";
import { countTable, dictionary, languageOf, lowered, wordsOf } from "../words.js";

const ORDERS = [1, 2, 3, 4];
const POINTS = 20;

export const fields = { text: "" };

export function create(host, context) {
  const [charts, numbers] = [make("div", { class: "pair" }), make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("growth.table") })];
  host.append(textField(context, "text", "lecture.text", { rows: 4 }), charts, numbers);

  function update() {
    const words = lowered(wordsOf(context.values.text), languageOf(context.values.text));
    if (words.length < 6) {
      charts.replaceChildren(make("p", { class: "hint" }, t("growth.short")));
      numbers.replaceChildren();
      return;
    }
    const size = dictionary(words).length;
    const rows = (count, before) => countTable(words.slice(0, count), before).size;
    const counted = ORDERS.map((before) => [before, rows(words.length, before)]);
    const possible = ORDERS.map((before) => [before, size ** before]);
    const lengths = Array.from({ length: POINTS }, (_, index) => Math.round(((index + 1) * words.length) / POINTS)).filter((length) => length > 4);
    charts.replaceChildren(
      chart({
        caption: t("growth.byn"), x: { name: t("growth.n"), min: 1, max: 4, format: (n) => (Number.isInteger(n) ? String(n) : "") }, y: { name: t("growth.rows"), log: true, min: 1 },
        lines: [{ name: t("growth.possible"), points: possible }, { name: t("growth.counted"), points: counted }],
      }),
      chart({
        caption: t("growth.bytext"), x: { name: t("growth.words"), min: 0 }, y: { name: t("growth.rows"), min: 0 },
        lines: ORDERS.map((before) => ({ name: t("growth.line", { n: before }), points: lengths.map((length) => [length, rows(length, before)]) })),
      }),
    );
    const once = ORDERS.map((before) => [...countTable(words, before).values()].filter((next) => [...next.values()].flat().length === 1).length);
    numbers.replaceChildren(table(
      t("growth.table"), [t("growth.n"), t("growth.counted"), t("growth.possible"), t("growth.once")],
      ORDERS.map((before, index) => [number(before, 0), number(counted[index][1], 0), number(possible[index][1], 0), number(once[index], 0)]),
    ));
    context.measured({ words: words.length, counted: counted.map(([, count]) => count), once });
  }
  return { update };
}
