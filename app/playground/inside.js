// The tab "Look inside": gates and memory over a sentence.

import { ask } from "./api.js";
import { Latest } from "./latest.js";
import { byId, fill, heatMap, make, modelOptions, visible } from "./parts.js";
import { addShare, fieldsOf, writeLink } from "./share.js";
import { number, onLanguage, t } from "./texts.js";

const FIELDS = ["text", "model", "layer", "direction", "series", "units"];
const SERIES = ["forget", "input", "candidate", "cell", "output", "hidden"];
const GATES = ["forget", "input", "output"];
const OWN = ["cell", "hidden"]; // series of which each unit is drawn on a scale of its own

/** The value that has full colour. */
const scaleOf = (name, unit) => (OWN.includes(name) ? Math.max(0.01, ...unit[name].map(Math.abs)) : 1);

export function insideTab(panel) {
  const area = byId("inside-text");
  const [model, layer, direction, series, units] = ["model", "layer", "direction", "series", "units"].map((part) => byId(`inside-${part}`));
  const asking = new Latest(panel.querySelector(".say"));
  let shown = null;
  let opened = null; // the unit of which all is shown

  function request() {
    const chosen = units.value.split(/[\s,;]+/).filter(Boolean);
    return ["inspect", {
      text: area.value,
      ...(model.value && { model: model.value }),
      ...(layer.value && { layer: Number(layer.value) }),
      ...(direction.value && { direction: direction.value }),
      ...(chosen.length && { units: chosen.map(Number) }),
    }];
  }

  function refresh() {
    writeLink("inside", fieldsOf("inside", ...FIELDS));
    const [path, body] = request();
    if (body.units?.some((unit) => !Number.isInteger(unit) || unit < 0)) {
      asking.cancel();
      asking.say(t("inside.units.wrong"));
      return;
    }
    if (!body.text.trim()) {
      asking.cancel();
      asking.say("");
      blank();
      return;
    }
    asking.run(async (signal) => {
      const reply = await ask(path, body, signal);
      return () => {
        shown = reply;
        fill(layer, Array.from({ length: reply.layers }, (_, place) => [String(place), place]));
        layer.value = reply.layer;
        fill(direction, reply.directions.map((name) => [name, t(`direction.${name}`)]));
        direction.value = reply.direction;
        show();
      };
    }, blank);
  }

  function blank() {
    shown = null;
    show();
  }

  function show() {
    const name = series.value;
    byId("inside-about").textContent = t(`about.${name}`);
    const ramp = GATES.includes(name) ? ["0", make("i", { class: "ramp one" }), "1"] : ["−", make("i", { class: "ramp both" }), "+"];
    byId("inside-legend").replaceChildren(...ramp, make("span", {}, OWN.includes(name) ? t("inside.own") : ""));
    const map = byId("inside-map");
    if (!shown) {
      map.replaceChildren();
      showUnit(null);
      return;
    }
    const most = Math.max(...shown.change, 1e-9);
    const rows = [
      { name: t("inside.change"), values: shown.change, scale: most, total: true },
      ...shown.units.map((unit) => ({ name: t("inside.unit", unit), values: unit[name], scale: scaleOf(name, unit), press: (button) => showUnit(opened === unit.unit ? null : unit, button) })),
    ];
    map.replaceChildren(heatMap({ columns: columns(), rows, kind: "gates", caption: t("inside.map"), say: readout(rows) }));
    const again = shown.units.find((unit) => unit.unit === opened);
    showUnit(again ?? null, [...map.querySelectorAll("button")][shown.units.indexOf(again)]);
  }

  const columns = () => shown.tokens.map((token) => token.text);

  const readout = (rows) => (cell) => {
    byId("inside-readout").textContent = cell ? t("inside.readout", { row: rows[cell.row].name, token: visible(columns()[cell.column]), value: number(rows[cell.row].values[cell.column]) }) : "";
  };

  /** All that a unit does: its gates, its memory and what it says. */
  function showUnit(unit, button) {
    opened = unit?.unit ?? null;
    for (const other of byId("inside-map").querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === button));
    for (const part of ["unit", "unit-title", "formula"]) byId(`inside-${part}`).hidden = !unit;
    if (!unit) return;
    byId("inside-unit-title").textContent = t("inside.title", unit);
    const rows = SERIES.map((name) => ({ name: t(`series.${name}`), values: unit[name], scale: scaleOf(name, unit) }));
    byId("inside-unit").replaceChildren(heatMap({ columns: columns(), rows, kind: "gates", caption: t("inside.title", unit), say: readout(rows) }));
  }

  model.addEventListener("change", () => {
    layer.value = direction.value = "";
    layer.replaceChildren();
    direction.replaceChildren();
    opened = null;
    refresh();
  });
  for (const input of [area, layer, direction, units]) input.addEventListener("input", refresh);
  series.addEventListener("input", () => {
    writeLink("inside", fieldsOf("inside", ...FIELDS));
    show();
  });
  addShare(panel, request);
  onLanguage(() => {
    if (shown) fill(direction, shown.directions.map((name) => [name, t(`direction.${name}`)]));
    show();
  });
  return {
    fields: FIELDS,
    start: () => t("inside.start"),
    models: (all) => fill(model, modelOptions(all, "language", "classifier")),
    refresh,
    leave: () => asking.cancel(),
  };
}
