// The tab "Look inside": gates, cell state and hidden state over the tokens of a sentence.

import { fetchJson } from "./api.js";
import { Latest } from "./latest.js";
import { byId, fillSelect, heatMap, make, modelOptions, visible } from "./parts.js";
import { addShare, fieldsOf, writeLink } from "./share.js";
import { number, onLanguage, t } from "./texts.js";

const FIELDS = ["text", "model", "layer", "direction", "series", "find", "units", "open"];
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

  function request() {
    const indices = units.value.split(/[\s,;]+/).filter(Boolean);
    return ["inspect", {
      text: area.value,
      ...(model.value && { model: model.value }),
      ...(layer.value && { layer: Number(layer.value) }),
      ...(direction.value && { direction: direction.value }),
      ...(indices.length ? { units: indices.map(Number) } : { find: find.value }),
    }];
  }

  function refresh() {
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
      const reply = await fetchJson(path, body, signal);
      return () => {
        shown = reply;
        fillSelect(layer, Array.from({ length: reply.layers }, (_, index) => [String(index), index]));
        layer.value = reply.layer;
        fillSelect(direction, reply.directions.map((name) => [name, t(`direction.${name}`)]));
        direction.value = reply.direction;
        const linked = open.value;
        show();
        if (open.value !== linked) writeLink("inside", fieldsOf("inside", ...FIELDS)); // the open unit is not in the reply
      };
    }, clear);
  }

  function clear() {
    shown = null;
    show();
  }

  function show() {
    const name = series.value;
    byId("inside-about").textContent = t(`about.${name}`);
    const ramp = GATES.includes(name) ? ["0", make("i", { class: "ramp one" }), "1"] : ["−", make("i", { class: "ramp both" }), "+"];
    byId("inside-legend").replaceChildren(...ramp, make("span", {}, SCALED_PER_UNIT.includes(name) ? t("inside.own") : ""));
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
      ...shown.units.map((unit) => ({ name: t("inside.unit", unit), values: unit[name], scale: scaleOf(name, unit), onPress: (button) => chooseUnit(open.value === String(unit.unit) ? null : unit, button) })),
    ];
    map.replaceChildren(heatMap({ columns: columns(), rows, kind: "gates", caption: t("inside.map"), onHover: readout(rows) }));
    const index = shown.units.findIndex((unit) => String(unit.unit) === open.value);
    showUnit(shown.units[index] ?? null, map.querySelectorAll("button")[index]);
  }

  function chooseUnit(unit, button) {
    showUnit(unit, button);
    writeLink("inside", fieldsOf("inside", ...FIELDS));
  }

  const columns = () => shown.tokens.map((token) => token.text);

  const readout = (rows) => (cell) => {
    byId("inside-readout").textContent = cell ? t("inside.readout", { row: rows[cell.row].name, token: visible(columns()[cell.column]), value: number(rows[cell.row].values[cell.column]) }) : "";
  };

  /** Show all series of one unit: its gates, candidate, cell state and hidden state. */
  function showUnit(unit, button, index = unit?.unit ?? "") {
    open.value = index;
    for (const other of byId("inside-map").querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
    for (const part of ["unit", "unit-title", "formula"]) byId(`inside-${part}`).hidden = !unit;
    if (!unit) return;
    byId("inside-unit-title").textContent = t("inside.title", unit);
    const rows = SERIES.map((name) => ({ name: t(`series.${name}`), values: unit[name], scale: scaleOf(name, unit) }));
    byId("inside-unit").replaceChildren(heatMap({ columns: columns(), rows, kind: "gates", caption: t("inside.title", unit), onHover: readout(rows) }));
  }

  model.addEventListener("change", () => {
    layer.value = direction.value = "";
    layer.replaceChildren();
    direction.replaceChildren();
    open.value = "";
    refresh();
  });
  for (const input of [area, layer, direction, find, units]) input.addEventListener("input", refresh);
  series.addEventListener("input", () => {
    writeLink("inside", fieldsOf("inside", ...FIELDS));
    show();
  });
  addShare(panel, request);
  onLanguage(() => {
    if (shown) fillSelect(direction, shown.directions.map((name) => [name, t(`direction.${name}`)]));
    show();
  });
  return {
    fields: FIELDS,
    start: () => t("inside.start"),
    models: (models) => fillSelect(model, modelOptions(models, "language", "classifier")),
    refresh,
    leave: () => latest.cancel(),
  };
}
