// The tab "Look inside": gates, cell state and hidden state over the tokens of a sentence.

import { fetchJson } from "./api.js";
import { exciters } from "./excite.js";
import { Latest } from "./latest.js";
import { formatMarks, movedMarks, parseMarks, wordSpan } from "./marks.js";
import { awaitsModels, byId, fillSelect, heatMap, make, modelOptions, valueOf, visible } from "./parts.js";
import { addShare, fieldsOf, writeLink } from "./share.js";
import { number, onLanguage, t } from "./texts.js";

const FIELDS = ["text", "model", "layer", "direction", "series", "find", "units", "marked", "open"];
const SERIES = ["forget", "input", "candidate", "cell", "output", "hidden"];
const GATES = ["forget", "input", "output"];
const SCALED_PER_UNIT = ["cell", "hidden"]; // series whose range differs between units

/** The value of full colour. */
const scaleOf = (name, unit) => (SCALED_PER_UNIT.includes(name) ? Math.max(0.01, ...unit[name].map(Math.abs)) : 1);

export function insideTab(panel) {
  const area = byId("inside-text");
  const [model, layer, direction, series, find, units] = ["model", "layer", "direction", "series", "find", "units"].map((part) => byId(`inside-${part}`));
  const latest = new Latest(panel.querySelector(".say"));
  let shown = null;
  const open = byId("inside-open"); // the unit whose series are all shown; in the link too
  const marked = byId("inside-marked"); // spans of the text; in the link too
  let markedText = null; // the text of these spans; null: that of a link
  let known = []; // the models
  const excite = exciters();

  const marks = () => parseMarks(marked.value, area.value);

  /** After an edit of the text, the marks stay with their words. */
  function followEdit() {
    if (markedText !== null) marked.value = formatMarks(movedMarks(parseMarks(marked.value, markedText), markedText, area.value));
    markedText = area.value;
  }

  /** Mark a token, or remove the marks that touch it. */
  function toggle(index) {
    const span = wordSpan(shown.tokens[index]);
    const spans = marks();
    const others = spans.filter(({ start, end }) => end <= span.start || start >= span.end);
    const isMarked = others.length < spans.length;
    if (!isMarked && (shown.marked?.length ?? 0) + 1 === shown.tokens.length) {
      latest.showMessage(t("inside.mark.all"));
      return;
    }
    marked.value = formatMarks(isMarked ? others : [...spans, span]);
    refresh();
  }

  /** The state by which marks choose the units: what the map shows, where that is a state. */
  const markedState = () => (series.value === "cell" ? "cell" : "hidden");

  /** What chooses the units: marks, their numbers, or how far they move. */
  function choice() {
    const spans = marks();
    if (spans.length) return { marked: spans, find: markedState() };
    const indices = units.value.split(/[\s,;]+/).filter(Boolean);
    return indices.length ? { units: indices.map(Number) } : { find: find.value };
  }

  function request() {
    return ["inspect", {
      text: area.value,
      ...(model.value && { model: model.value }),
      ...(valueOf(layer) && { layer: Number(valueOf(layer)) }),
      ...(valueOf(direction) && { direction: valueOf(direction) }),
      ...choice(),
    }];
  }

  function refresh() {
    if (awaitsModels(model)) return;
    followEdit();
    writeLink("inside", fieldsOf("inside", ...FIELDS));
    const [path, body] = request();
    if (body.units?.some((unit) => !Number.isInteger(unit) || unit < 0)) {
      latest.refuse(t("inside.units.wrong"));
      return;
    }
    if (!body.text.trim()) {
      latest.reset(clear);
      return;
    }
    latest.run(async (signal) => {
      const reply = await fetchJson(path, body, signal).finally(() => {
        if (!signal.aborted) for (const select of [layer, direction]) delete select.dataset.pending; // a link's, answered or refused
      });
      return () => {
        shown = reply;
        fillSelect(layer, Array.from({ length: reply.layers }, (_, index) => [String(index), index]));
        layer.value = reply.layer;
        fillSelect(direction, reply.directions.map((name) => [name, t(`direction.${name}`)]));
        direction.value = reply.direction;
        const linked = [open.value, series.value];
        offerSeries();
        show();
        if (linked[0] !== open.value || linked[1] !== series.value) writeLink("inside", fieldsOf("inside", ...FIELDS)); // the reply lacks one
      };
    }, clear);
  }

  /** Only what the model's cells have: a plain RNN has a hidden state, and nothing else. */
  function offerSeries() {
    for (const option of series.options) option.disabled = !(option.value in shown.units[0]);
    if (series.selectedOptions[0].disabled) series.value = "hidden";
  }

  function clear() {
    shown = null;
    show();
  }

  function show() {
    const name = series.value;
    byId("inside-about").textContent = t(name === "hidden" && shown && !shown.units[0].cell ? "about.hidden.only" : `about.${name}`);
    const ramp = GATES.includes(name) ? ["0", make("i", { class: "ramp one" }), "1"] : ["−", make("i", { class: "ramp both" }), "+"];
    byId("inside-legend").replaceChildren(...ramp, make("span", {}, SCALED_PER_UNIT.includes(name) ? t("inside.own") : ""));
    const hasMarks = marks().length > 0;
    byId("inside-mark-hint").textContent = t(hasMarks ? `inside.mark.${markedState()}` : "inside.mark.how");
    byId("inside-unmark").hidden = !hasMarks;
    find.disabled = units.disabled = hasMarks;
    const map = byId("inside-map");
    byId("inside-by").textContent = shown ? t("by", { model: shown.model }) : "";
    if (!shown) {
      map.replaceChildren();
      showUnit(null, null, open.value);
      return;
    }
    const largest = Math.max(...shown.change, 1e-9);
    const rows = [
      { name: t("inside.change"), values: shown.change, scale: largest, total: true },
      ...shown.units.map((unit) => ({ name: nameOf(unit), values: unit[name], scale: scaleOf(name, unit), onPress: (button) => chooseUnit(open.value === String(unit.unit) ? null : unit, button) })),
    ];
    const focused = [...map.querySelectorAll("thead button")].indexOf(document.activeElement);
    map.replaceChildren(heatMap({ columns: columns(), rows, kind: "gates", caption: t("inside.map"), onHover: readout(rows), onColumn: toggle, marked: shown.marked }));
    map.querySelectorAll("thead button")[focused]?.focus(); // a word that was marked keeps the focus
    const index = shown.units.findIndex((unit) => String(unit.unit) === open.value);
    showUnit(shown.units[index] ?? null, map.querySelectorAll("tbody button")[index]);
  }

  function chooseUnit(unit, button) {
    showUnit(unit, button);
    writeLink("inside", fieldsOf("inside", ...FIELDS));
  }

  const nameOf = (unit) => t("inside.unit", unit) + (unit.score === undefined ? "" : ` (${number(unit.score)})`);

  const columns = () => shown.tokens.map((token) => token.text);

  const readout = (rows) => (cell) => {
    byId("inside-readout").textContent = cell ? t("inside.readout", { row: rows[cell.row].name, token: visible(columns()[cell.column]), value: number(rows[cell.row].values[cell.column]) }) : "";
  };

  /** Show all series of one unit: its gates, candidate, cell state and hidden state. */
  function showUnit(unit, button, index = unit?.unit ?? "") {
    open.value = index;
    for (const other of byId("inside-map").querySelectorAll("tbody button")) other.setAttribute("aria-pressed", String(other === button));
    for (const part of ["unit", "unit-title"]) byId(`inside-${part}`).hidden = !unit;
    byId("inside-formula").hidden = !unit || shown.cells !== "lstm";
    const languages = known.find(({ name }) => name === shown?.model)?.languages ?? [];
    excite.about(unit && { model: shown.model, layer: shown.layer, direction: shown.direction, units: [unit.unit] }, languages);
    if (!unit) return;
    byId("inside-unit-title").textContent = t("inside.title", unit);
    const rows = SERIES.filter((name) => name in unit).map((name) => ({ name: t(`series.${name}`), values: unit[name], scale: scaleOf(name, unit) }));
    byId("inside-unit").replaceChildren(heatMap({ columns: columns(), rows, kind: "gates", caption: t("inside.title", unit), onHover: readout(rows) }));
  }

  byId("inside-unmark").addEventListener("click", () => {
    byId("inside-map").querySelector("thead button")?.focus(); // this button goes
    marked.value = "";
    refresh();
  });
  model.addEventListener("change", () => {
    for (const select of [layer, direction]) {
      select.replaceChildren();
      delete select.dataset.pending;
    }
    open.value = "";
    refresh();
  });
  for (const input of [area, layer, direction, find, units]) input.addEventListener("input", refresh);
  series.addEventListener("input", () => {
    show();
    if (marks().length) refresh();
    else writeLink("inside", fieldsOf("inside", ...FIELDS));
  });
  addShare(panel, request);
  onLanguage(() => {
    if (shown) fillSelect(direction, shown.directions.map((name) => [name, t(`direction.${name}`)]));
    show();
  });
  return {
    fields: FIELDS,
    start: () => t("inside.start"),
    models: (models) => {
      known = models;
      fillSelect(model, modelOptions(models, "language", "classifier"));
    },
    open: () => (markedText = null), // a link's marks are of its text
    refresh,
    leave: () => {
      latest.cancel();
      excite.stop();
    },
  };
}
