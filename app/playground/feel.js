// The tab "Feel": classification, and the contribution of each word.

import { fetchJson } from "./api.js";
import { Latest, wholeWord } from "./latest.js";
import { awaitsModels, byId, fillSelect, make, modelOptions, showBars, tintSigned } from "./parts.js";
import { addShare, fieldsOf, writeLink } from "./share.js";
import { number, onLanguage, percent, percents, roundedTo, t } from "./texts.js";

const MAX_LINES = 64;
const FIELDS = ["text", "model"];

export function feelTab(panel) {
  const area = byId("feel-text");
  const model = byId("feel-model");
  const latest = new Latest(panel.querySelector(".say"));
  let shown = { lines: [], results: [] };

  const allLines = () => area.value.split("\n").filter((line) => line.trim());
  const lines = () => allLines().slice(0, MAX_LINES);
  const request = () => ["classify", { text: lines(), explain: true, ...(model.value && { model: model.value }) }];

  function refresh() {
    if (awaitsModels(model)) return;
    writeLink("feel", fieldsOf("feel", ...FIELDS));
    if (!lines().length) {
      latest.reset(clear);
      return;
    }
    latest.run(async (signal) => {
      const [path, body] = request();
      await wholeWord(body.text.at(-1), signal);
      const reply = await fetchJson(path, body, signal);
      return () => {
        shown = { lines: body.text, results: reply.results, model: reply.model };
        show();
        const left = allLines().length - MAX_LINES;
        if (left > 0) latest.showMessage(t("feel.left", { most: MAX_LINES, left }));
      };
    }, clear);
  }

  function clear() {
    shown = { lines: [], results: [] };
    show();
  }

  /** The index, among the lines that are not empty, of the line with the cursor. */
  function currentLine() {
    const before = area.value.slice(0, area.selectionStart).split("\n");
    const index = before.slice(0, -1).filter((line) => line.trim()).length;
    return Math.min(index, shown.results.length - 1);
  }

  function show() {
    const index = currentLine();
    showLine(shown.lines[index] ?? "", shown.results[index]);
    byId("feel-all").hidden = shown.results.length < 2;
    const rows = shown.results.map((result, row) =>
      make("tr", row === index ? { "aria-current": "true" } : {}, make("td", { dir: "auto" }, shown.lines[row]), make("td", {}, labelText(result.label)), make("td", {}, percent(result.score))),
    );
    byId("feel-table").tBodies[0].replaceChildren(...rows);
  }

  function showLine(line, result) {
    const words = byId("feel-words");
    if (!result) {
      words.replaceChildren();
      showBars(byId("feel-bars"), []);
      byId("feel-sum").textContent = byId("feel-by").textContent = "";
      return;
    }
    const texts = percents(Object.values(result.scores));
    showBars(byId("feel-bars"), Object.entries(result.scores).map(([label, share], index) => ({ name: labelText(label), share, text: texts[index] })));
    byId("feel-by").textContent = t("by", { model: result.model ?? shown.model });
    const characters = [...line]; // offsets count code points, JavaScript strings count UTF-16 units
    const parts = merged(result.explanation);
    const largest = Math.max(0.5, ...parts.map((part) => Math.abs(part.contribution)));
    const values = roundedTo(parts.map((part) => part.contribution)); // they add up as they are shown
    let end = 0;
    const nodes = [];
    parts.forEach((part, index) => {
      if (part.start > end) nodes.push(characters.slice(end, part.start).join(""));
      const value = `${values[index] < 0 ? "−" : "+"}${number(Math.abs(values[index]))}`;
      const node = make("span", { class: "tint worth", "data-value": value }, characters.slice(part.start, part.end).join(""));
      tintSigned(node, part.contribution / largest);
      nodes.push(node);
      end = part.end;
    });
    words.replaceChildren(...nodes, characters.slice(end).join(""));
    const sum = values.reduce((total, value) => total + value, 0);
    const logit = Math.round(100 * result.logit) / 100;
    byId("feel-sum").textContent = t("feel.sum", { label: labelText(result.label), sum: number(sum), bias: number(logit - sum), logit: number(logit) });
  }

  const labelText = (label) => t(`label.${label}`);

  function download() {
    const labels = [...new Set(shown.results.flatMap((result) => Object.keys(result.scores)))]; // lines may have several models
    const rows = [["text", "label", ...labels], ...shown.results.map((result, row) => [shown.lines[row], result.label, ...labels.map((label) => result.scores[label] ?? "")])];
    const csv = rows.map((row) => row.map(csvCell).join(",")).join("\r\n");
    const link = make("a", { href: URL.createObjectURL(new Blob(["\ufeff", csv], { type: "text/csv" })), download: "carousel.csv" });
    link.click();
    URL.revokeObjectURL(link.href);
  }

  area.addEventListener("input", refresh);
  for (const event of ["keyup", "click"]) area.addEventListener(event, () => shown.results.length && show());
  model.addEventListener("change", refresh);
  byId("feel-csv").addEventListener("click", download);
  addShare(panel, request);
  onLanguage(show);
  return { fields: FIELDS, start: () => t("feel.start"), models: (models) => fillSelect(model, modelOptions(models, "classifier")), refresh, leave: () => latest.cancel() };
}

/** The explanation with one part a span: several tokens share one where an emoji is read as its name, or as bytes. */
function merged(explanation) {
  const parts = [];
  for (const part of explanation) {
    const last = parts.at(-1);
    if (last && part.start < last.end) {
      last.end = Math.max(last.end, part.end);
      last.contribution += part.contribution;
    } else parts.push({ ...part });
  }
  return parts;
}

/** A cell of a CSV file; the quote before a formula makes a spreadsheet show it as text. */
function csvCell(value) {
  const text = typeof value === "string" && /^[=+\-@\t]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
