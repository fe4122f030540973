// Two texts as bags of words, and as an LSTM classifies them.

import { fetchJson } from "../../api.js";
import { make, showBars, tint } from "../../parts.js";
import { percents, t } from "../../texts.js";
import { stamp, textField } from "../context.js";
import { bagOf, dictionary, languageOf, lowered, wordsOf } from "../words.js";

export const fields = { text: "", other: "", language: "en" };
const TEXTS = ["text", "other"];

const plainWords = (text) => lowered(wordsOf(text), languageOf(text)).map((word) => word.replace(/[^\p{L}\p{N}'’-]/gu, "")).filter(Boolean);

export function create(host, context) {
  const latest = context.latest();
  const [bags, bagStamp, verdicts, verdictStamp] = [make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("bags.table") }), make("p", {}), make("div", { class: "pair" }), make("p", {})];
  host.append(
    make("div", { class: "pair" }, ...TEXTS.map((name) => textField(context, name, `bags.${name}`))),
    make("h3", {}, t("bags.table")), bags, bagStamp, make("h3", {}, t("bags.verdicts")), verdicts, verdictStamp,
  );
  const lists = TEXTS.map((name) => {
    const [title, list] = [make("h4", {}), make("ol", { class: "bars", "aria-label": t(`bags.${name}`) })];
    verdicts.append(make("div", {}, title, list));
    return { title, list };
  });

  function update() {
    const texts = TEXTS.map((name) => context.values[name]);
    const words = texts.map(plainWords);
    const vocabulary = dictionary(words.flat()).sort((a, b) => a.localeCompare(b));
    const counts = words.map((some) => bagOf(some, vocabulary));
    const same = words[0].length > 0 && counts[0].join() === counts[1].join();
    const rows = counts.map((bag, index) => make("tr", {}, make("th", { scope: "row" }, t(`bags.${TEXTS[index]}`)), ...bag.map((count, column) => {
      const cell = make("td", {}, String(count));
      tint(cell, count === counts[1 - index][column] ? "for" : "against", count ? 0.3 : 0);
      return cell;
    })));
    const head = make("tr", {}, make("td", {}), ...vocabulary.map((word) => make("th", { scope: "col" }, word)));
    bags.replaceChildren(make("table", { class: "plain grid" }, make("caption", { class: "skip" }, t("bags.table")), make("thead", {}, head), make("tbody", {}, ...rows)));
    bagStamp.replaceChildren(stamp(same, "bags"));
    if (texts.some((text) => !text.trim())) {
      latest.refuse(t("growth.short"));
      return;
    }
    const models = context.models.filter((model) => model.kind === "classifier" && model.languages.includes(context.values.language));
    if (!models.length) {
      latest.showMessage(t("lecture.nomodel"));
      return;
    }
    latest.run(async (signal) => {
      const { results } = await fetchJson("classify", { text: texts, model: models[0].name }, signal);
      return () => {
        results.forEach((result, index) => {
          lists[index].title.textContent = t(`label.${result.label}`);
          const texts = percents(Object.values(result.scores));
          showBars(lists[index].list, Object.entries(result.scores).map(([label, share], row) => ({ name: t(`label.${label}`), share, text: texts[row] })));
        });
        const agree = results[0].label === results[1].label;
        verdictStamp.replaceChildren(stamp(agree, "verdicts"));
        context.measured({ same, agree, words: words[0].length, labels: results.map((result) => result.label) });
      };
    }, () => verdictStamp.replaceChildren());
  }
  return { update };
}
