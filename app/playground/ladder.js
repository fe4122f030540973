// The tab "Ladder": one text, and what every model expects next, from counting words to the LSTM.

import { ask } from "./api.js";
import { Latest } from "./latest.js";
import { byId, fill, make, showBars } from "./parts.js";
import { addShare, fieldsOf, writeLink } from "./share.js";
import { languageName, number, onLanguage, t } from "./texts.js";

const TOP = 8;
const FIELDS = ["text", "language"];
const KINDS = ["ngram", "language"]; // from the lowest rung up

export function ladderTab(panel) {
  const area = byId("ladder-text");
  const chosen = byId("ladder-language");
  const columns = byId("ladder-columns");
  const asking = new Latest(panel.querySelector(".say"));
  let known = []; // models that predict text, the lowest rung first
  const question = (model) => ["next-word-probs", { model: model.name, text: area.value, top: TOP, partial: true }];
  const rungs = () => known.filter((model) => model.languages.includes(chosen.value));

  function refresh() {
    writeLink("ladder", fieldsOf("ladder", ...FIELDS));
    const models = rungs();
    if (!area.value.trim() || !models.length) {
      asking.cancel();
      asking.say("");
      blank();
      return;
    }
    asking.run(async (signal) => {
      const text = area.value;
      const replies = await Promise.all(models.map((model) => ask(...question(model), signal)));
      return () => {
        replies.forEach((reply, place) => bars(place, reply.next));
        panel.dataset.shown = text; // what the bars belong to
      };
    }, blank);
  }

  function bars(place, next) {
    const list = columns.children[place].querySelector("ol");
    showBars(list, next.map(({ word, probability }) => ({ name: word, share: probability })));
  }

  function blank() {
    for (const place of columns.children) showBars(place.querySelector("ol"), []);
  }

  /** A column for each rung: its name, what it is, how well it expects text that it never saw. */
  function draw() {
    const models = rungs();
    columns.replaceChildren(...models.map((model) => {
      const title = make("h2", { id: `rung-${model.name}` }, model.name);
      const score = model.metrics.evaluations?.[0]?.scores.perplexity_per_word;
      const said = [t(`kind.${model.kind}`), ...(score < 1e6 ? [t("ladder.perplexity", { value: number(score, 1) })] : score ? [t("ladder.infinite")] : [])];
      return make("article", { class: "rung" }, title, make("p", { class: "hint" }, said.join(", ")), make("ol", { class: "bars", "aria-labelledby": title.id }));
    }));
    byId("ladder-none").hidden = models.length > 1;
  }

  area.addEventListener("input", refresh);
  chosen.addEventListener("change", () => {
    draw();
    refresh();
  });
  addShare(panel, () => question(rungs()[0] ?? { name: "" }));
  onLanguage(draw);

  return {
    fields: FIELDS,
    start: () => t("ladder.start"),
    refresh,
    leave: () => asking.cancel(),
    models(models) {
      known = models.filter((model) => KINDS.includes(model.kind));
      known.sort((one, other) => KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind) || one.parameters - other.parameters);
      const languages = [...new Set(known.flatMap((model) => model.languages))];
      fill(chosen, languages.map((name) => [name, languageName(name)]));
      draw();
    },
  };
}
