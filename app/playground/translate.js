// The tab "Translate": translations in both directions, with the attention over source tokens.

import { fetchJson } from "./api.js";
import { Latest, wholeWord } from "./latest.js";
import { byId, fillSelect, heatMap, make, tint, visible } from "./parts.js";
import { addShare, fieldsOf, writeLink } from "./share.js";
import { onLanguage, percent, t } from "./texts.js";
import { WordMenu } from "./wordmenu.js";

const FIELDS = ["text", "target", "prefix"];
const MAX_ATTENTION_CHARS = 400; // the attention of a longer text is too large to read
const LOW_QUALITY = 0.4; // as models/quality.py: below it, a translation is not to be relied on
const UNSURE = 0.1; // the confidence in a language below which none was recognized, as of numbers and emoji
const MAX_TOKENS = 60; // of each side in the table
const RIVALS = 6; // likeliest tokens in the place of each

export function translateTab(panel) {
  const area = byId("translate-text");
  const target = byId("translate-target");
  const prefix = byId("translate-prefix"); // what the translation begins with, after a word was chosen
  const latest = new Latest(panel.querySelector(".say"));
  let targets = []; // target languages of the served models
  let shown = null;

  const requestBody = () => ({
    text: area.value, ...(target.value && { target: target.value }), ...(prefix.value && { prefix: prefix.value }),
    alternatives: 2, ...(area.value.length <= MAX_ATTENTION_CHARS && { attention: true, top_tokens: RIVALS }),
  });

  const menu = new WordMenu(panel, requestBody, (chosen) => {
    prefix.value = chosen;
    refresh();
  });

  /** Translate another text, or the same one without what was chosen. */
  function restart() {
    prefix.value = "";
    refresh();
  }

  function refresh() {
    writeLink("translate", fieldsOf("translate", ...FIELDS));
    if (!area.value.trim()) {
      latest.reset(() => show(null));
      return;
    }
    latest.run(async (signal) => {
      await wholeWord(area.value, signal);
      const reply = await fetchJson("translate", requestBody(), signal);
      return () => show(reply);
    }, () => show(null));
  }

  function show(reply) {
    shown = reply;
    const result = reply?.results[0];
    const language = reply?.target ?? "";
    menu.fill(byId("translate-result"), result, language);
    byId("translate-choose").hidden = !result?.tokens?.length;
    byId("translate-chosen").hidden = !(result && prefix.value);
    byId("translate-alternatives").replaceChildren(...(result?.alternatives ?? []).map((text) => make("li", { lang: language, dir: "auto" }, text)));
    byId("translate-others").hidden = !result?.alternatives?.length;
    const quality = result?.quality ?? 1; // null: the model is not calibrated
    const doubt = quality < LOW_QUALITY ? t("translate.doubt", { percent: percent(quality) }) : "";
    byId("translate-doubt").textContent = result?.unchanged ? t("translate.unchanged") : doubt;
    byId("translate-doubt").hidden = !byId("translate-doubt").textContent;
    const sure = typeof result?.quality === "number" && !result.unchanged ? t("translate.quality", { percent: percent(quality) }) : "";
    byId("translate-by").textContent = [sure, reply && t("by", { model: result.model ?? reply.model })].filter(Boolean).join(" ");
    const detected = result?.detected;
    byId("translate-found").textContent = detected ? t(detected.confidence < UNSURE ? "translate.unknown" : "translate.found", { language: t(`language.${detected.language}`), percent: percent(detected.confidence) }) : "";
    showAttention(result?.attention, result?.detected?.language ?? reply?.source, language);
  }

  function showAttention(attention, from, into) {
    const [sourceWords, targetWords, map] = ["source", "written", "map"].map((part) => byId(`translate-${part}`));
    const readout = byId("translate-readout");
    readout.textContent = "";
    byId("translate-legend").hidden = !attention;
    if (!attention) {
      for (const part of [sourceWords, targetWords, map]) part.replaceChildren();
      return;
    }
    const { source_tokens: sourceTokens, target_tokens: targetTokens, weights } = attention;
    const rows = targetTokens.map((name, row) => ({ name: visible(name), values: weights[row].slice(0, MAX_TOKENS) })).slice(0, MAX_TOKENS);
    const table = heatMap({ columns: sourceTokens.slice(0, MAX_TOKENS), rows, language: from, caption: t("translate.attention"), onHover: (cell) => (cell ? highlight(cell.column, cell.row) : highlight()) });
    const words = (tokens, lang, onEnter) => tokens.map((token, index) => make("span", { class: "tint", tabindex: 0, lang, onpointerenter: () => onEnter(index), onfocus: () => onEnter(index), onpointerleave: () => highlight(), onblur: () => highlight() }, visible(token)));
    sourceWords.replaceChildren(...words(sourceTokens, from, (index) => highlight(index, null)));
    targetWords.replaceChildren(...words(targetTokens, into, (index) => highlight(null, index)));
    map.replaceChildren(table);

    /** Highlight a source word (column), a target word (row) or both, and tint the words of the other side by attention. */
    function highlight(column = null, row = null) {
      [...sourceWords.children].forEach((word, index) => {
        word.classList.toggle("lit", index === column);
        tint(word, "for", row === null ? 0 : 0.6 * weights[row][index]);
      });
      [...targetWords.children].forEach((word, index) => {
        word.classList.toggle("lit", index === row);
        tint(word, "for", column === null ? 0 : 0.6 * weights[index][column]);
      });
      for (const lit of table.querySelectorAll(".lit")) lit.classList.remove("lit");
      if (row !== null) table.tBodies[0].rows[row]?.cells[0].classList.add("lit");
      if (column !== null) table.tHead.rows[0].cells[column + 1]?.classList.add("lit");
      if (row !== null && column !== null) {
        const cell = table.tBodies[0].rows[row].cells[column + 1];
        cell.classList.add("lit");
        readout.textContent = t("translate.cell", { target: visible(targetTokens[row]), source: visible(sourceTokens[column]), percent: percent(weights[row][column]) });
      }
    }
  }

  function showTargets() {
    fillSelect(target, [["", t("translate.auto")], ...targets.map((code) => [code, t(`language.${code}`)])]);
  }

  area.addEventListener("input", restart);
  target.addEventListener("change", restart);
  byId("translate-free").addEventListener("click", () => {
    restart();
    byId("translate-text").focus();
  });
  byId("translate-swap").addEventListener("click", () => {
    const result = shown?.results[0];
    if (!result) return;
    target.value = target.value && targets.find((code) => code !== shown.target);
    area.value = result.text;
    area.focus();
    restart();
  });
  addShare(panel, () => ["translate", requestBody()]);
  onLanguage(() => {
    showTargets();
    show(shown);
  });
  return {
    fields: FIELDS,
    start: () => t("translate.start"),
    models: (models) => {
      targets = [...new Set(models.flatMap((model) => model.directions ?? []).map(([, to]) => to))].sort();
      showTargets();
    },
    refresh,
    leave: () => {
      latest.cancel();
      menu.close();
    },
  };
}
