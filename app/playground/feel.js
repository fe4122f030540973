// The tab "Feel": what each word adds to a verdict.

import { ask } from "./api.js";
import { Latest } from "./latest.js";
import { byId, fill, make, modelOptions, showBars, tintSigned } from "./parts.js";
import { addShare, fieldsOf, writeLink } from "./share.js";
import { number, onLanguage, percent, t } from "./texts.js";

const LINES = 64;
const FIELDS = ["text", "model"];

export function feelTab(panel) {
  const area = byId("feel-text");
  const model = byId("feel-model");
  const asking = new Latest(panel.querySelector(".say"));
  let shown = { lines: [], results: [] };

  const lines = () => area.value.split("\n").filter((line) => line.trim()).slice(0, LINES);
  const request = () => ["classify", { text: lines(), explain: true, ...(model.value && { model: model.value }) }];

  function refresh() {
    writeLink("feel", fieldsOf("feel", ...FIELDS));
    if (!lines().length) {
      asking.cancel();
      blank();
      return;
    }
    asking.run(async (signal) => {
      const [path, body] = request();
      const reply = await ask(path, body, signal);
      return () => {
        shown = { lines: body.text, results: reply.results };
        show();
      };
    }, blank);
  }

  function blank() {
    shown = { lines: [], results: [] };
    show();
  }

  /** Which of the lines that count the cursor is in. */
  function chosen() {
    const before = area.value.slice(0, area.selectionStart).split("\n");
    const place = before.slice(0, -1).filter((line) => line.trim()).length;
    return Math.min(place, shown.results.length - 1);
  }

  function show() {
    const place = chosen();
    showLine(shown.lines[place] ?? "", shown.results[place]);
    byId("feel-all").hidden = shown.results.length < 2;
    const rows = shown.results.map((result, row) =>
      make("tr", row === place ? { "aria-current": "true" } : {}, make("td", {}, shown.lines[row]), make("td", {}, labelled(result.label)), make("td", {}, percent(result.score))),
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
    const scores = Object.entries(result.scores).map(([label, share]) => ({ name: labelled(label), share }));
    showBars(byId("feel-bars"), scores);
    const characters = [...line]; // the service counts characters, JavaScript halves of some
    const most = Math.max(0.5, ...result.explanation.map((part) => Math.abs(part.contribution)));
    let end = 0;
    const pieces = [];
    for (const part of result.explanation) {
      if (part.start > end) pieces.push(characters.slice(end, part.start).join(""));
      if (part.end <= end && pieces.length) continue; // another byte of the same character
      const value = `${part.contribution < 0 ? "−" : "+"}${number(Math.abs(part.contribution))}`;
      const piece = make("span", { class: "tint", title: value }, characters.slice(part.start, part.end).join(""));
      tintSigned(piece, part.contribution / most);
      pieces.push(piece);
      end = part.end;
    }
    words.replaceChildren(...pieces, characters.slice(end).join(""));
    const sum = result.explanation.reduce((total, part) => total + part.contribution, 0);
    byId("feel-sum").textContent = t("feel.sum", { label: labelled(result.label), sum: number(sum), bias: number(result.bias), logit: number(result.logit) });
  }

  const labelled = (label) => t(`label.${label}`);

  function download() {
    const labels = Object.keys(shown.results[0].scores);
    const rows = [["text", "label", ...labels], ...shown.results.map((result, row) => [shown.lines[row], result.label, ...labels.map((label) => result.scores[label])])];
    const csv = rows.map((row) => row.map(cell).join(",")).join("\r\n");
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
  return { fields: FIELDS, start: () => t("feel.start"), models: (all) => fill(model, modelOptions(all, "classifier")), refresh, leave: () => asking.cancel() };
}

/** A cell of a CSV file; one that a spreadsheet would take for a formula is kept a text. */
function cell(value) {
  const text = typeof value === "string" && /^[=+\-@\t]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
