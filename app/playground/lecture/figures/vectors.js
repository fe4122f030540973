// Words as vectors: a dictionary with indices, one-hot vectors, and their sum, the bag of words.

import { make, tint } from "../../parts.js";
import { number, t } from "../../texts.js";
import { choice, textField } from "../context.js";
import { bagOf, dictionary, languageOf, lowered, wordsOf } from "../words.js";

const MAX_WORDS = 24;
const VIEWS = ["dictionary", "onehot", "bag"]; // each has what those before it have

export const fields = { text: "", show: "onehot" };

export function create(host, context) {
  const [about, grid] = [make("p", { class: "readout" }), make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("vectors.table") })];
  host.append(textField(context, "text", "lecture.text"), choice(context, "show", "vectors.show", VIEWS.map((name) => [name, t(`vectors.${name}`)])), about, grid);

  function update() {
    const all = wordsOf(context.values.text).slice(0, MAX_WORDS);
    const words = lowered(all, languageOf(context.values.text));
    const vocabulary = dictionary(words);
    const view = VIEWS.indexOf(context.values.show);
    about.textContent = t("vectors.about", { words: number(words.length, 0), size: number(vocabulary.length, 0) });
    const cells = (values) => values.map((value) => {
      const cell = make("td", {}, String(value));
      tint(cell, "for", value ? 0.35 : 0);
      return cell;
    });
    const head = [
      make("tr", {}, make("th", { scope: "row" }, t("vectors.dictionary")), make("td", {}), ...vocabulary.map((word) => make("th", { scope: "col" }, word))),
      make("tr", { class: "total" }, make("th", { scope: "row" }, t("vectors.index")), make("td", {}), ...vocabulary.map((_, index) => make("td", {}, String(index)))),
    ];
    const rows = words.map((word, position) => {
      const index = vocabulary.indexOf(word);
      const oneHot = view >= 1 ? cells(vocabulary.map((_, other) => Number(other === index))) : vocabulary.map((_, other) => make("td", {}, other === index ? "●" : ""));
      return make("tr", {}, make("th", { scope: "row" }, all[position].text), make("td", { class: "index" }, String(index)), ...oneHot);
    });
    const bag = make("tr", { class: "sum" }, make("th", { scope: "row" }, t("vectors.bag")), make("td", {}, "Σ"), ...cells(bagOf(words, vocabulary)));
    grid.replaceChildren(make("table", { class: "plain grid" }, make("caption", {}, t("vectors.table")), make("tbody", {}, ...head, ...rows, ...(view >= 2 ? [bag] : []))));
    context.measured({ words: words.length, size: vocabulary.length });
  }
  return { update };
}
