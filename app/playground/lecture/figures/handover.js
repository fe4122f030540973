// A recurrent network reads one word at a time: the state of a step is the input of the next, beside the next word.

import { fetchJson } from "../../api.js";
import { make, showBars, UNKNOWN } from "../../parts.js";
import { number, percent, t } from "../../texts.js";
import { button, choice, textField } from "../context.js";
import { rungName } from "../rungs.js";
import { wordsOf } from "../words.js";

const TOP = 7;

export const fields = { text: "", step: "1", rung: "", language: "en" };

export function create(host, context) {
  const latest = context.latest();
  const rungs = context.rungs().filter((model) => model.kind === "language");
  if (!rungs.some(({ name }) => name === context.values.rung)) context.values.rung = rungs.find(({ name }) => name.endsWith(`-${context.values.rung}`))?.name ?? rungs.at(-1)?.name ?? "";
  const [chips, list, sum, formula] = [make("ol", { class: "chips", "aria-label": t("order.words") }), make("ol", { class: "bars", "aria-label": t("onestep.next") }), make("p", { class: "readout" }), make("p", { class: "formula" })];
  host.append(
    textField(context, "text", "lecture.text"),
    make("div", { class: "row" }, button("handover.back", () => move(-1)), button("handover.on", () => move(1), { class: "main" }), choice(context, "rung", "windows.rung", rungs.map((model) => [model.name, rungName(model)]))),
    chips, formula, make("h3", {}, t("onestep.next")), list, sum,
  );
  const words = () => wordsOf(context.values.text).map((word) => word.text);
  const step = () => Math.min(Math.max(1, context.number("step") || 1), Math.max(1, words().length));
  const move = (by) => context.set({ step: String(Math.min(Math.max(1, step() + by), words().length)) });

  function update() {
    const [all, now] = [words(), step()];
    chips.replaceChildren(...all.map((word, index) => make("li", {}, make("span", { class: `chip${index + 1 === now ? " lit" : index < now ? " read" : ""}` }, word))));
    const model = rungs.find(({ name }) => name === context.values.rung);
    if (!model) return latest.showMessage(t("lecture.nomodel"));
    if (!all.length) return latest.refuse(t("growth.short"));
    latest.run(async (signal) => {
      let reply = null;
      // one request a word: only that word and the state of the step before are sent
      for (const word of all.slice(0, now)) {
        const body = { model: model.name, text: `${word} `, top: TOP + 1, return_state: true, ...(reply && { state: reply.state }) };
        reply = await fetchJson("next-word-probs", body, signal);
      }
      return () => {
        const entries = reply.next.filter(({ word }) => word !== UNKNOWN).slice(0, TOP).map(({ word, probability }) => ({ name: word, share: probability }));
        const shown = entries.reduce((total, { share }) => total + share, 0);
        const total = reply.next.reduce((sum, { probability }) => sum + probability, 0) + reply.other;
        formula.textContent = t(/-rnn$/.test(model.name) ? "handover.formula" : "handover.cell", { step: number(now, 0), before: number(now - 1, 0), word: all[now - 1] });
        showBars(list, entries);
        sum.textContent = t("handover.sum", { shown: percent(shown), rest: percent(1 - shown), total: percent(total) });
        context.measured({ step: now, words: all.length, total });
      };
    });
  }
  return { update };
}
