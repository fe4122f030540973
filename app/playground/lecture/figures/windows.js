// Windows of n words with the word after each as its target: the first word leaves, the next one enters.

import { make } from "../../parts.js";
import { number, t } from "../../texts.js";
import { choice, slider, table, textField } from "../context.js";
import { rungName, surprises } from "../rungs.js";
import { wordsOf } from "../words.js";

const MAX_WINDOWS = 24;

export const fields = { text: "", n: "5", rung: "", language: "en" };

export function create(host, context) {
  const latest = context.latest();
  const rungs = context.rungs();
  context.values.rung ||= (rungs.find((model) => model.name.endsWith("-lstm")) ?? rungs.at(-1))?.name ?? "";
  const [about, result] = [make("p", { class: "readout" }), make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("windows.table") })];
  host.append(
    textField(context, "text", "lecture.text"),
    make("div", { class: "pair" }, slider(context, "n", "windows.n", { min: 1, max: 8 }), choice(context, "rung", "windows.rung", rungs.map((model) => [model.name, rungName(model)]))),
    about, result,
  );

  function show(windows, bits) {
    const row = ({ words, target }, index) => {
      const value = bits?.[index];
      const chips = words.map((word, at) => make("span", { class: `chip${at === 0 ? " leaves" : ""}` }, word));
      return [number(index + 1, 0), make("span", { class: "row" }, ...chips), make("b", {}, target), value === undefined || value === null ? "–" : t("windows.value", { bits: number(value, 1) })];
    };
    result.replaceChildren(table(t("windows.table"), ["#", t("windows.window"), t("windows.target"), t("windows.surprise")], windows.map(row)));
  }

  function update() {
    const words = wordsOf(context.values.text).map((word) => word.text);
    const size = context.number("n");
    const windows = words.slice(size).map((target, start) => ({ words: words.slice(start, start + size), target }));
    const shown = windows.slice(0, MAX_WINDOWS);
    about.textContent = t("windows.about", { words: number(words.length, 0), n: number(size, 0), windows: number(windows.length, 0) });
    show(shown);
    const model = rungs.find(({ name }) => name === context.values.rung);
    if (!model || !shown.length) return latest.reset(() => {});
    latest.run(async (signal) => {
      const bits = await Promise.all(shown.map(async ({ words, target }) => (await surprises(model, [...words, target].join(" "), signal)).at(-1)));
      return () => {
        show(shown, bits);
        const known = bits.filter((value) => value !== null);
        context.measured({ windows: windows.length, targets: shown.map(({ target }) => target), mean: known.reduce((sum, value) => sum + value, 0) / known.length });
      };
    });
  }
  return { update };
}
