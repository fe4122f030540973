// How surprised each rung is by each word: -log2 p, their mean (cross-entropy), and 2 to its power (perplexity).

import { make, tint } from "../../parts.js";
import { number, roundedTo, t } from "../../texts.js";
import { textField } from "../context.js";
import { rungName, surprises } from "../rungs.js";
import { wordsOf } from "../words.js";

const STRONG = 14; // bits of full colour

export const fields = { text: "", language: "en" };

export function create(host, context) {
  const latest = context.latest();
  const never = make("p", { class: "hint", hidden: true }, t("rung.never"));
  const [result, sum] = [make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("surprise.table") }), make("p", { class: "formula" })];
  host.append(textField(context, "text", "lecture.text"), result, never, sum);
  const models = context.rungs();
  let selected = null; // the rung whose sum is shown

  function update() {
    const text = context.values.text.trim();
    if (wordsOf(text).length < 2) return latest.refuse(t("growth.short"));
    if (!models.length) return latest.showMessage(t("lecture.nomodel"));
    latest.run(async (signal) => {
      const rows = await Promise.all(models.map(async (model) => ({ model, bits: await surprises(model, text, signal) })));
      return () => show(wordsOf(text).map((word) => word.text), rows);
    }, () => {
      result.replaceChildren();
      never.hidden = true;
    });
  }

  function show(words, rows) {
    const bitsOf = (bits) => bits.filter((value) => value !== null);
    const summed = rows.map(({ model, bits }) => {
      const total = bitsOf(bits).reduce((all, value) => all + value, 0);
      const rounded = Number.isFinite(total) ? roundedTo(bitsOf(bits), 1) : bitsOf(bits); // they add up as they are shown
      return { model, bits, rounded, mean: total / bitsOf(bits).length };
    });
    const head = make("tr", {}, make("td", {}), make("th", { scope: "col" }, t("surprise.mean")), make("th", { scope: "col" }, t("surprise.perplexity")), ...words.map((word) => make("th", { scope: "col" }, word)));
    const bodies = summed.map((row) => {
      const title = make("button", { type: "button", "aria-pressed": String(row.model.name === selected), onclick: () => {
        selected = row.model.name;
        show(words, rows);
        [...result.querySelectorAll("button")].find((button) => button.textContent === rungName(row.model))?.focus();
      } }, rungName(row.model));
      const rounded = [...row.rounded];
      const cells = row.bits.map((value) => {
        const cell = make("td", {}, value === null ? "–" : finite(rounded.shift(), 1));
        tint(cell, "against", value === null ? 0 : (0.5 * Math.min(value, STRONG)) / STRONG);
        return cell;
      });
      return make("tr", {}, make("th", { scope: "row" }, title), make("td", { class: "sum" }, finite(row.mean, 2)), make("td", { class: "sum" }, finite(2 ** row.mean, 1)), ...cells);
    });
    result.replaceChildren(make("table", { class: "plain grid" }, make("caption", {}, t("surprise.table")), make("thead", {}, head), make("tbody", {}, ...bodies)));
    never.hidden = !rows.some(({ bits }) => bits.includes(Infinity));
    const chosen = summed.find(({ model }) => model.name === selected) ?? summed.find(({ model }) => model.name.endsWith("-lstm")) ?? summed.at(-1);
    const terms = chosen.rounded.map((value) => finite(value, 1));
    sum.textContent = t("surprise.sum", { rung: rungName(chosen.model), terms: terms.join(" + "), count: terms.length, mean: finite(chosen.mean, 2), perplexity: finite(2 ** chosen.mean, 1) });
    const last = Object.fromEntries(summed.map(({ model, bits }) => [model.name.replace(/^rung-\w+?-/, ""), bits.at(-1)]));
    context.measured({ words, last, perplexities: Object.fromEntries(summed.map(({ model, mean }) => [model.name.replace(/^rung-\w+?-/, ""), 2 ** mean])) });
  }
  return { update };
}

const finite = (value, digits) => (Number.isFinite(value) ? number(value, digits) : "∞");
