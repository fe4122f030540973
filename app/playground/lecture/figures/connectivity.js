// On which words before it does a word's probability depend? Of counts, the last few; of recurrent networks, the gradient
// of its logarithm by the vector of each word before.

import { fetchJson } from "../../api.js";
import { make, tint } from "../../parts.js";
import { number, percent, percents, t } from "../../texts.js";
import { textField } from "../context.js";
import { rungName } from "../rungs.js";
import { wordOfEach, wordsOf } from "../words.js";

const WINDOW = 3; // words that count as near where no counts are served
const STRONG = 0.55; // of the largest share's colour

export const fields = { text: "", word: "", language: "en" };

export function create(host, context) {
  const latest = context.latest();
  const [chips, pictures, see] = [make("ol", { class: "chips", "aria-label": t("order.words") }), make("div", { class: "stack", "aria-hidden": "true" }), make("p", { class: "readout", "aria-live": "polite" })];
  const scroll = make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("connectivity.shares") });
  host.append(textField(context, "text", "lecture.text"), make("p", {}, t("connectivity.choose")), chips, see, pictures, make("p", { class: "hint" }, t("connectivity.colour")), scroll);
  const all = context.rungs();
  const rungs = all.filter(({ name }) => /-(rnn|gru|lstm)$/.test(name));
  const recurrent = rungs.length ? rungs : all.filter(({ kind }) => kind === "language");
  const counted = all.filter(({ kind }) => kind === "ngram").at(-1);

  /** How many words before it counts look at, at most. */
  const windowOf = async (model, signal) => (await fetchJson(`models/${model.name}`, undefined, signal)).training.settings.order - 1;

  /** The share of each word before a word, 0 the first one, in the sum of the gradient's norms. */
  async function sharesOf(model, text, word, signal) {
    const body = { model: model.name, text, top: 1 };
    const words = wordOfEach((await fetchJson("inspect", body, signal)).tokens);
    const { norms } = (await fetchJson("inspect", { ...body, connectivity: words.indexOf(word) }, signal)).connectivity;
    const squares = Array(word).fill(0);
    norms.forEach((norm, index) => (squares[words[index]] += norm ** 2)); // a word of several tokens: the norm by all of them
    const byWord = squares.map(Math.sqrt);
    const total = byWord.reduce((sum, value) => sum + value, 0);
    return byWord.map((value) => (total ? value / total : 0));
  }

  function update() {
    const { text } = context.values;
    const words = wordsOf(text).map((word) => word.text);
    if (!recurrent.length) return latest.showMessage(t("lecture.nomodel"));
    if (words.length < 2) return latest.refuse(t("growth.short"));
    const asked = context.number("word") || words.length;
    const word = Math.min(Math.max(2, Math.trunc(asked)), words.length) - 1;
    showChips(words, word);
    latest.run(async (signal) => {
      const size = counted && await windowOf(counted, signal);
      const rows = await Promise.all(recurrent.map(async (model) => ({ model, shares: await sharesOf(model, text, word, signal) })));
      return () => show(words.slice(0, word), words[word], size, rows);
    }, () => [pictures, scroll, see].forEach((part) => part.replaceChildren()));
  }

  function showChips(words, chosen) {
    const focused = [...chips.children].findIndex((item) => item.contains(document.activeElement));
    chips.replaceChildren(...words.map((word, index) => make("li", {}, make("button", {
      type: "button", class: `chip${index === chosen ? " lit" : ""}`, disabled: index === 0, "aria-pressed": String(index === chosen), onclick: () => context.set({ word: String(index + 1) }),
    }, word))));
    chips.children[focused]?.firstChild.focus();
  }

  function show(before, word, size, rows) {
    const near = size ?? WINDOW;
    const isNear = (index) => index >= before.length - near;
    const far = (shares) => shares.reduce((sum, share, index) => sum + (isNear(index) ? 0 : share), 0);
    // each cell as { text, much }
    const lines = rows.map(({ model, shares }) => {
      const texts = percents(shares);
      return { model, far: percent(far(shares)), cells: shares.map((share, index) => ({ text: texts[index], much: (STRONG * share) / Math.max(...shares) })) };
    });
    if (counted) lines.unshift({ model: counted, far: percent(0), cells: before.map((_, index) => (isNear(index) ? { text: "✓", much: STRONG } : { text: percent(0), much: 0 })) });
    const tinted = (element, { much }) => {
      tint(element, "for", much);
      return element;
    };
    pictures.replaceChildren(...lines.map(({ model, cells }) => make("div", {}, make("h4", {}, rungName(model)), make("ol", { class: "chips tinted" }, ...cells.map((cell, index) => make("li", {}, tinted(make("span", { class: "chip" }, before[index]), cell))), make("li", {}, make("span", { class: "chip lit" }, word))))));
    const head = [t("order.model"), t("connectivity.far", { n: number(near, 0) }), ...before].map((name) => make("th", { scope: "col" }, name));
    const body = lines.map((line) => make("tr", {}, make("th", { scope: "row" }, rungName(line.model)), make("td", { class: "sum" }, line.far), ...line.cells.map((cell) => tinted(make("td", {}, cell.text), cell))));
    scroll.replaceChildren(make("table", { class: "plain grid" }, make("caption", {}, t("connectivity.table", { word })), make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body)));
    const shares = rows.map(({ model, shares }) => `${rungName(model)} ${percent(far(shares))}`).join(", ");
    see.textContent = t(counted ? "connectivity.see" : "connectivity.only", { n: number(near, 0), word, shares });
    context.measured({ word, far: Object.fromEntries(rows.map(({ model, shares }) => [model.name, far(shares)])) });
  }
  return { update };
}
