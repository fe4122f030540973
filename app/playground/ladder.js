// The tab "Ladder": the predictions of all language models for a text, from n-gram counts to the Transformer.

import { fetchJson } from "./api.js";
import { Latest } from "./latest.js";
import { byId, fillSelect, make, nextBars, showBars } from "./parts.js";
import { addShare, fieldsOf, writeLink } from "./share.js";
import { languageName, number, onLanguage, t } from "./texts.js";

const TOP = 8;
const FIELDS = ["text", "language"];
const KINDS = ["ngram", "language", "transformer"]; // from the lowest rung up

/** The language models among models, the lowest rung first. */
export function rungsOf(models) {
  const rungs = models.filter((model) => KINDS.includes(model.kind));
  return rungs.sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.parameters - b.parameters);
}

/** A short name of a rung; the model's name where it is no rung of the ladder. */
export function rungName(model) {
  const rung = /^rung-\w+?-(.+)$/.exec(model.name)?.[1];
  return rung ? t(`rung.${rung}`) : model.name;
}

export function ladderTab(panel) {
  const area = byId("ladder-text");
  const language = byId("ladder-language");
  const columns = byId("ladder-columns");
  const latest = new Latest(panel.querySelector(".say"));
  let allRungs = []; // language models, the lowest rung first
  const request = (model) => ["next-word-probs", { model: model.name, text: area.value, top: TOP, partial: true }];
  const rungs = () => allRungs.filter((model) => model.languages.includes(language.value));

  function refresh() {
    writeLink("ladder", fieldsOf("ladder", ...FIELDS));
    const models = rungs();
    if (!area.value.trim() || !models.length) {
      latest.reset(clear);
      return;
    }
    latest.run(async (signal) => {
      const text = area.value;
      const replies = await Promise.all(models.map((model) => fetchJson(...request(model), signal)));
      return () => {
        replies.forEach((reply, index) => showRung(index, reply));
        panel.dataset.shown = text; // the text of the bars
      };
    }, clear);
  }

  function showRung(index, reply) {
    showBars(columns.children[index].querySelector("ol"), nextBars(reply, language.value));
    columns.children[index].querySelector(".none").hidden = reply.next.length > 0;
  }

  function clear() {
    for (const column of columns.children) {
      showBars(column.querySelector("ol"), []);
      column.querySelector(".none").hidden = true;
    }
  }

  /** Draw a column for each rung: its name, its kind and its perplexity on held-out text. */
  function draw() {
    const models = rungs();
    columns.replaceChildren(...models.map((model) => {
      const title = make("h2", { id: `rung-${model.name}` }, rungName(model));
      const score = model.metrics.evaluations?.[0]?.scores.perplexity_per_word;
      const infinite = score === null || score >= 1e6; // null: more than a number of JSON holds
      const facts = [...(rungName(model) === model.name ? [] : [model.name]), t(`kind.${model.kind}`), ...(score && !infinite ? [t("ladder.perplexity", { value: number(score, 1) })] : infinite ? [t("ladder.infinite")] : [])];
      return make("article", { class: "rung", "data-model": model.name }, title, make("p", { class: "hint" }, facts.join(", ")), make("ol", { class: "bars", "aria-labelledby": title.id }), make("p", { class: "hint none", hidden: true }, t("next.none")));
    }));
    byId("ladder-none").hidden = models.length > 1;
  }

  area.addEventListener("input", refresh);
  language.addEventListener("change", () => {
    draw();
    refresh();
  });
  addShare(panel, () => request(rungs()[0] ?? { name: "" }));
  onLanguage(draw);

  return {
    fields: FIELDS,
    start: () => t("ladder.start"),
    refresh,
    leave: () => latest.cancel(),
    models(models) {
      allRungs = rungsOf(models);
      const languages = [...new Set(allRungs.flatMap((model) => model.languages))];
      fillSelect(language, languages.map((name) => [name, languageName(name)]));
      draw();
    },
  };
}
