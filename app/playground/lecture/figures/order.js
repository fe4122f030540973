// A sentence whose words can be put in another order: a bag does not see it, the rungs do.

import { make } from "../../parts.js";
import { number, percent, t } from "../../texts.js";
import { button, stamp, table, textField } from "../context.js";
import { nextWords, difference, rungName, surprises } from "../rungs.js";
import { bagOf, dictionary, languageOf, lowered, wordsOf } from "../words.js";

const RUNGS = ["n3", "rnn", "lstm"];
const TOP = 90;

export const fields = { text: "", order: "", language: "en" };

export function create(host, context) {
  const latest = context.latest();
  const [chips, result] = [make("ol", { class: "chips", "aria-label": t("order.words") }), make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("order.table") })];
  const words = () => wordsOf(context.values.text).map((word) => word.text);

  /** The positions of the words as they stand now; those of the text where the link's are no permutation. */
  function order() {
    const positions = context.values.order.split(".").map(Number);
    const original = words().map((_, index) => index);
    const isPermutation = positions.length === original.length && original.every((index) => positions.includes(index));
    return isPermutation ? positions : original;
  }
  const arrange = (positions) => context.set({ order: positions.join(".") });
  host.append(
    textField(context, "text", "lecture.text"),
    make("div", { class: "row" }, button("order.shuffle", () => arrange(shuffled(order()))), button("order.reverse", () => arrange(order().reverse())), button("order.restore", () => context.set({ order: "" }))),
    make("p", { class: "hint" }, t("order.hint")), chips, result,
  );

  function update() {
    const [original, positions] = [words(), order()];
    const now = positions.map((index) => original[index]);
    showChips(now, positions);
    const vocabulary = dictionary(lowered(wordsOf(context.values.text), languageOf(context.values.text)));
    const bag = (some) => bagOf(some.map((word) => word.toLocaleLowerCase(languageOf(context.values.text))), vocabulary).join(" ");
    const bagRow = [t("order.bag"), bag(original), bag(now), stamp(bag(original) === bag(now), "order")];
    if (original.length < 3) return latest.refuse(t("growth.short"));
    const models = context.rungs(...RUNGS).length ? context.rungs(...RUNGS) : context.rungs();
    latest.run(async (signal) => {
      const rows = await Promise.all(models.map(async (model) => {
        const texts = [original.join(" "), now.join(" ")];
        const bits = await Promise.all(texts.map((text) => surprises(model, text, signal)));
        const next = await Promise.all(texts.map((text) => nextWords(model, text, TOP, signal)));
        return { model, means: bits.map(mean), difference: difference(...next) };
      }));
      return () => {
        const means = (value) => t("order.bits", { bits: Number.isFinite(value) ? number(value, 1) : "∞" });
        const lines = rows.map((row) => {
          const isSame = row.difference === 0 && row.means[0] === row.means[1];
          const cell = make("span", {}, stamp(isSame, "order"), ...(isSame ? [] : [" ", make("small", {}, t("order.next", { percent: percent(row.difference) }))]));
          return [rungName(row.model), means(row.means[0]), means(row.means[1]), cell];
        });
        const never = rows.some(({ means }) => means.includes(Infinity));
        result.replaceChildren(table(t("order.table"), [t("order.model"), t("order.before"), t("order.now"), t("order.seen")], [bagRow, ...lines]), never ? make("p", { class: "hint" }, t("rung.never")) : "");
        context.measured({ changed: now.join(" ") !== original.join(" "), rows: rows.map(({ means, difference }) => ({ gain: means[0] - means[1], difference })) });
      };
    }, () => result.replaceChildren());
  }

  function showChips(now, positions) {
    const focused = [...chips.querySelectorAll("button")].indexOf(document.activeElement);
    chips.replaceChildren(...now.map((word, index) => {
      const move = (step) => {
        const target = index + step;
        if (target < 0 || target >= positions.length) return;
        const moved = [...positions];
        [moved[index], moved[target]] = [moved[target], moved[index]];
        arrange(moved);
        chips.querySelectorAll("button")[target].focus();
      };
      const chip = make("button", { type: "button", class: "chip", onclick: () => move(1) }, word);
      chip.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!step) return;
        event.preventDefault();
        move(step);
      });
      return make("li", {}, chip);
    }));
    if (focused >= 0) chips.querySelectorAll("button")[focused]?.focus();
  }
  return { update };
}

/** The mean of what is known. */
function mean(bits) {
  const known = bits.filter((value) => value !== null);
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

function shuffled(values) {
  const result = [...values];
  for (let index = result.length - 1; index > 0; index--) {
    const other = Math.floor(Math.random() * (index + 1));
    [result[index], result[other]] = [result[other], result[index]];
  }
  return result;
}
