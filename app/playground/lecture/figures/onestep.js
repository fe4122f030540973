// Generation: the output of a step is the input of the next.

import { make, showBars } from "../../parts.js";
import { number, percent, t } from "../../texts.js";
import { button, choice, textField } from "../context.js";
import { nextWords, rungName } from "../rungs.js";
import { wordsOf } from "../words.js";

const TOP = 6;
const MANY = 10;

export const fields = { text: "", rung: "", language: "en" };

export function create(host, context) {
  const latest = context.latest();
  const rungs = context.rungs();
  if (!rungs.some(({ name }) => name === context.values.rung)) context.values.rung = rungs.find(({ name }) => name.endsWith(`-${context.values.rung}`))?.name ?? rungs.at(-1)?.name ?? "";
  const field = textField(context, "text", "onestep.text");
  const area = field.querySelector("textarea");
  const [list, said] = [make("ol", { class: "bars", "aria-label": t("onestep.next") }), make("p", { class: "readout", "aria-live": "polite" })];
  let added = 0;
  let left = 0; // steps that still follow by themselves

  /** Append a predicted word, so that it is read in the next step. */
  function append(word) {
    added += 1;
    const space = /^[.,;:!?]+$/.test(word) ? "" : " ";
    area.value = `${area.value.trimEnd()}${space}${word}`;
    said.textContent = t("onestep.read", { word, count: number(added, 0) });
    context.set({ text: area.value });
  }
  const steps = (count) => {
    left = count;
    update();
  };
  area.addEventListener("input", () => (added = left = 0));
  host.append(
    field, make("div", { class: "row" }, button("onestep.one", () => steps(1), { class: "main" }), button("onestep.ten", () => steps(MANY)), choice(context, "rung", "windows.rung", rungs.map((model) => [model.name, rungName(model)]))),
    said, make("h3", {}, t("onestep.next")), list, make("p", { class: "hint" }, t("onestep.hint")),
  );

  function update() {
    const model = rungs.find(({ name }) => name === context.values.rung);
    if (!model) return latest.showMessage(t("lecture.nomodel"));
    if (!context.values.text.trim()) return latest.refuse(t("growth.short"));
    latest.run(async (signal) => {
      const { entries } = await nextWords(model, context.values.text, TOP, signal);
      return () => {
        showBars(list, entries, ({ name }) => append(name));
        const words = wordsOf(context.values.text).map((word) => word.text);
        context.measured({ added, repeats: longestRepeat(words), rung: model.name });
        if (left <= 0 || !entries.length) return;
        left -= 1;
        append(entries[0].name);
      };
    });
  }
  return { update, leave: () => (left = 0) };
}

/** How many words at the end are the same as those just before them: the length of the loop that a text has entered. */
function longestRepeat(words) {
  for (let size = 1; size <= words.length / 2; size++) if (words.slice(-size).join(" ") === words.slice(-2 * size, -size).join(" ")) return size;
  return 0;
}
