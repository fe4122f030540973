// Two prompts before the same question: which rungs see the difference?

import { make, showBars } from "../../parts.js";
import { percent, t } from "../../texts.js";
import { stamp, textField } from "../context.js";
import { difference, nextWords, rungName } from "../rungs.js";

const SHOWN = 5;
const TOP = 90;
const RUNGS = ["n3", "rnn", "lstm"];

export const fields = { text: "", other: "", language: "en" };

export function create(host, context) {
  const latest = context.latest();
  const columns = make("div", { class: "rungs" });
  host.append(make("div", { class: "pair" }, textField(context, "text", "pair.text"), textField(context, "other", "pair.other")), columns);
  const full = context.rungs().filter((model) => !model.name.startsWith("rung-")).slice(-1);
  const models = [...context.rungs(...RUNGS), ...full.filter((model) => !context.rungs(...RUNGS).includes(model))];

  const parts = models.map((model) => {
    const [verdict, lists] = [make("p", { class: "verdict" }), ["text", "other"].map((name) => make("ol", { class: "bars", "aria-label": `${rungName(model)}, ${t(`pair.${name}`)}` }))];
    columns.append(make("article", { class: "rung" }, make("h3", {}, rungName(model)), verdict, make("h4", {}, t("pair.text")), lists[0], make("h4", {}, t("pair.other")), lists[1]));
    return { verdict, lists };
  });

  function update() {
    const texts = [context.values.text, context.values.other];
    if (texts.some((text) => !text.trim())) return latest.refuse(t("growth.short"));
    if (!models.length) return latest.showMessage(t("lecture.nomodel"));
    latest.run(async (signal) => {
      const replies = await Promise.all(models.map((model) => Promise.all(texts.map((text) => nextWords(model, text, TOP, signal)))));
      return () => {
        const differences = replies.map((pair) => difference(...pair));
        replies.forEach((pair, index) => {
          const { verdict, lists } = parts[index];
          verdict.replaceChildren(stamp(differences[index] === 0, "pair"), differences[index] === 0 ? "" : make("small", {}, ` ${t("pair.least", { percent: percent(differences[index]) })}`));
          pair.forEach((reply, side) => showBars(lists[side], reply.entries.slice(0, SHOWN)));
        });
        const byName = Object.fromEntries(models.map((model, index) => [model.name.replace(/^rung-\w+?-/, ""), differences[index]]));
        context.measured({ texts, differences: byName });
      };
    });
  }
  return { update };
}
