// One sentence, two questions: which class is it, and which word is next?

import { fetchJson } from "../../api.js";
import { make, showBars } from "../../parts.js";
import { number, percent, percents, t } from "../../texts.js";
import { textField } from "../context.js";
import { nextWords } from "../rungs.js";

const TOP = 8;

export const fields = { text: "", language: "en" };

export function create(host, context) {
  const latest = context.latest();
  const column = (name) => {
    const [title, list, note] = [make("h3", { id: `figure-${name}` }, t(`twoheads.${name}`)), make("ol", { class: "bars", "aria-labelledby": `figure-${name}` }), make("p", { class: "hint" })];
    return { list, note, element: make("div", { class: "stack" }, title, list, note) };
  };
  const [next, label] = [column("next"), column("label")];
  host.append(textField(context, "text", "lecture.text"), make("div", { class: "pair" }, next.element, label.element));

  function update() {
    const { text, language } = context.values;
    if (!text.trim()) return latest.refuse(t("growth.short"));
    const model = context.rungs().at(-1);
    const classifier = context.models.find((other) => other.kind === "classifier" && other.languages.includes(language));
    if (!model || !classifier) return latest.showMessage(t("lecture.nomodel"));
    latest.run(async (signal) => {
      const [words, { results }] = await Promise.all([nextWords(model, text, TOP, signal), fetchJson("classify", { text, model: classifier.name }, signal)]);
      return () => {
        showBars(next.list, words.entries);
        next.note.textContent = t("twoheads.many", { model: model.name, count: number(model.vocabulary, 0), other: percent(words.other) });
        const texts = percents(Object.values(results[0].scores));
        const scores = Object.entries(results[0].scores).map(([name, share], row) => ({ name: t(`label.${name}`), share, text: texts[row] }));
        showBars(label.list, scores);
        label.note.textContent = t("twoheads.few", { model: classifier.name, count: scores.length });
        context.measured({ label: results[0].label, score: results[0].score, top: words.entries[0]?.share ?? 0 });
      };
    });
  }
  return { update };
}
