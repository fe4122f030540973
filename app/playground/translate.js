// The tab "Translate": both ways, with what the model looked at.

import { ask } from "./api.js";
import { Latest } from "./latest.js";
import { byId, fill, heatMap, make, tint, visible } from "./parts.js";
import { addShare, fieldsOf, writeLink } from "./share.js";
import { onLanguage, percent, t } from "./texts.js";

const FIELDS = ["text", "target"];
const LONG = 400; // characters from which on a text's attention is too large to be seen
const WIDEST = 60; // tokens of a side that the table shows

export function translateTab(panel) {
  const area = byId("translate-text");
  const target = byId("translate-target");
  const asking = new Latest(panel.querySelector(".say"));
  let known = []; // languages that can be translated to
  let shown = null;

  const body = () => ({
    text: area.value, ...(target.value && { target: target.value }), alternatives: 2, ...(area.value.length <= LONG && { attention: true }),
  });

  function refresh() {
    writeLink("translate", fieldsOf("translate", ...FIELDS));
    if (!area.value.trim()) {
      asking.cancel();
      show(null);
      return;
    }
    asking.run(async (signal) => {
      const reply = await ask("translate", body(), signal);
      return () => show(reply);
    }, () => show(null));
  }

  function show(reply) {
    shown = reply;
    const result = reply?.results[0];
    const into = reply?.target ?? "";
    byId("translate-result").textContent = result?.text ?? "";
    byId("translate-result").lang = into;
    byId("translate-alternatives").replaceChildren(...(result?.alternatives ?? []).map((text) => make("li", { lang: into }, text)));
    byId("translate-others").hidden = !result?.alternatives?.length;
    const found = result?.detected;
    byId("translate-found").textContent = found ? t("translate.found", { language: t(`language.${found.language}`), percent: percent(found.confidence) }) : "";
    showAttention(result?.attention);
  }

  function showAttention(attention) {
    const [sources, written, map] = ["source", "written", "map"].map((part) => byId(`translate-${part}`));
    if (!attention) {
      for (const part of [sources, written, map]) part.replaceChildren();
      return;
    }
    const { source_tokens: from, target_tokens: to, weights } = attention;
    const rows = to.map((name, row) => ({ name: visible(name), values: weights[row].slice(0, WIDEST) })).slice(0, WIDEST);
    const table = heatMap({ columns: from.slice(0, WIDEST), rows, caption: t("translate.attention"), say: (cell) => (cell ? light(cell.column, cell.row) : light()) });
    const words = (names, pick) => names.map((name, place) => make("span", { class: "tint", tabindex: 0, onpointerenter: () => pick(place), onfocus: () => pick(place), onpointerleave: () => light(), onblur: () => light() }, visible(name)));
    sources.replaceChildren(...words(from, (place) => light(place, null)));
    written.replaceChildren(...words(to, (place) => light(null, place)));
    map.replaceChildren(table);

    /** Light a source word, a written word, or both, and tint each one's partners by how much they were looked at. */
    function light(column = null, row = null) {
      [...sources.children].forEach((word, place) => {
        word.classList.toggle("lit", place === column);
        tint(word, "for", row === null ? 0 : 0.6 * weights[row][place]);
      });
      [...written.children].forEach((word, place) => {
        word.classList.toggle("lit", place === row);
        tint(word, "for", column === null ? 0 : 0.6 * weights[place][column]);
      });
      for (const lit of table.querySelectorAll(".lit")) lit.classList.remove("lit");
      if (row !== null) table.tBodies[0].rows[row]?.cells[0].classList.add("lit");
      if (column !== null) table.tHead.rows[0].cells[column + 1]?.classList.add("lit");
      if (row !== null && column !== null) {
        const cell = table.tBodies[0].rows[row].cells[column + 1];
        cell.classList.add("lit");
        cell.title = t("translate.cell", { target: visible(to[row]), source: visible(from[column]), percent: percent(weights[row][column]) });
      }
    }
  }

  function showTargets() {
    fill(target, [["", t("translate.auto")], ...known.map((code) => [code, t(`language.${code}`)])]);
  }

  area.addEventListener("input", refresh);
  target.addEventListener("change", refresh);
  byId("translate-swap").addEventListener("click", () => {
    const result = shown?.results[0];
    if (!result) return;
    target.value = target.value && known.find((code) => code !== shown.target);
    area.value = result.text;
    area.focus();
    refresh();
  });
  addShare(panel, () => ["translate", body()]);
  onLanguage(() => {
    showTargets();
    show(shown);
  });
  return {
    fields: FIELDS,
    start: () => t("translate.start"),
    models: (all) => {
      known = [...new Set(all.flatMap((model) => model.directions ?? []).map(([, goal]) => goal))].sort();
      showTargets();
    },
    refresh,
    leave: () => asking.cancel(),
  };
}
