// The tab "Feel": classification, and the contribution of each word.

import { fetchJson } from "./api.js";
import { Latest, wholeWord } from "./latest.js";
import { byId, fillSelect, make, modelOptions, showBars, tintSigned } from "./parts.js";
import { addShare, fieldsOf, writeLink } from "./share.js";
import { number, onLanguage, percent, t } from "./texts.js";

const MAX_LINES = 64;
const FIELDS = ["text", "model"];

export function feelTab(panel) {
  const area = byId("feel-text");
  const model = byId("feel-model");
  const latest = new Latest(panel.querySelector(".say"));
  let shown = { lines: [], results: [] };

  const lines = () => area.value.split("\n").filter((line) => line.trim()).slice(0, MAX_LINES);
  const request = () => ["classify", { text: lines(), explain: true, ...(model.value && { model: model.value }) }];

  function refresh() {
    writeLink("feel", fieldsOf("feel", ...FIELDS));
    if (!lines().length) {
      latest.cancel();
      clear();
      return;
    }
    latest.run(async (signal) => {
      const [path, body] = request();
      await wholeWord(body.text.at(-1), signal);
      const reply = await fetchJson(path, body, signal);
      return () => {
        shown = { lines: body.text, results: reply.results };
        show();
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
      make("tr", row === index ? { "aria-current": "true" } : {}, make("td", {}, shown.lines[row]), make("td", {}, labelText(result.label)), make("td", {}, percent(result.score))),
    );
    byId("feel-table").tBodies[0].replaceChildren(...rows);
  }

  function showLine(line, result) {
    const words = byId("feel-words");
    if (!result) {
      words.replaceChildren();
      showBars(byId("feel-bars"), []);
      byId("feel-sum").textContent = "";
      return;
    }
    const scores = Object.entries(result.scores).map(([label, share]) => ({ name: labelText(label), share }));
    showBars(byId("feel-bars"), scores);
    const characters = [...line]; // offsets count code points, JavaScript strings count UTF-16 units
    const parts = merged(result.explanation);
    const largest = Math.max(0.5, ...parts.map((part) => Math.abs(part.contribution)));
    let end = 0;
    const nodes = [];
    for (const part of parts) {
      if (part.start > end) nodes.push(characters.slice(end, part.start).join(""));
      const value = `${part.contribution < 0 ? "−" : "+"}${number(Math.abs(part.contribution))}`;
      const node = make("span", { class: "tint", title: value }, characters.slice(part.start, part.end).join(""));
      tintSigned(node, part.contribution / largest);
      nodes.push(node);
      end = part.end;
    }
    words.replaceChildren(...nodes, characters.slice(end).join(""));
    const sum = result.explanation.reduce((total, part) => total + part.contribution, 0);
    byId("feel-sum").textContent = t("feel.sum", { label: labelText(result.label), sum: number(sum), bias: number(result.bias), logit: number(result.logit) });
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
