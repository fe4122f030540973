// A cell of an LSTM with the numbers of one unit at one word, played along the sentence.

import { fetchJson } from "../../api.js";
import { make, svg, tintSigned } from "../../parts.js";
import { number, t } from "../../texts.js";
import { button, choice, textField } from "../context.js";
import { rungName } from "../rungs.js";

const PLAY_MS = 900;
const UNITS = 8; // that change most
const GATES = ["forget", "input", "candidate", "output"];
const FORMULAS = { forget: "f = σ(W·x + U·h + b)", input: "i = σ(W·x + U·h + b)", candidate: "g = tanh(W·x + U·h + b)", output: "o = σ(W·x + U·h + b)" };

export const fields = { text: "", step: "1", unit: "", gate: "", rung: "lstm", language: "en" };

export function create(host, context) {
  const latest = context.latest();
  const rungs = context.rungs().filter((model) => model.kind === "language" && !/-(rnn|gru)$/.test(model.name));
  if (!rungs.some(({ name }) => name === context.values.rung)) context.values.rung = rungs.find(({ name }) => name.endsWith(`-${context.values.rung}`))?.name ?? rungs.at(-1)?.name ?? "";
  let [shown, timer] = [null, null];
  const play = button("cell.play", () => (timer ? stop() : start()), { class: "main" });
  const [chips, drawing, series, unitHost] = [make("ol", { class: "chips", "aria-label": t("order.words") }), make("div"), make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("cell.series") }), make("span")];
  host.append(
    textField(context, "text", "lecture.text"),
    make("div", { class: "row" }, button("handover.back", () => move(-1)), play, button("handover.on", () => move(1)), choice(context, "rung", "windows.rung", rungs.map((model) => [model.name, rungName(model)])), unitHost),
    chips, drawing, series,
  );
  const step = () => Math.min(Math.max(1, context.number("step") || 1), shown?.tokens.length || 1);

  function move(by) {
    stop();
    if (shown) context.set({ step: String(Math.min(Math.max(1, step() + by), shown.tokens.length)) });
  }
  function start() {
    if (!shown) return;
    play.textContent = t("cell.pause");
    if (step() === shown.tokens.length) context.set({ step: "1" });
    timer = setInterval(() => (step() < shown.tokens.length ? context.set({ step: String(step() + 1) }) : stop()), PLAY_MS);
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = t("cell.play");
  }

  let read = ""; // the text and model of what is shown
  function update() {
    const model = rungs.find(({ name }) => name === context.values.rung);
    if (!model) return latest.showMessage(t("lecture.nomodel"));
    if (!context.values.text.trim()) return latest.cancel();
    const key = `${model.name} ${context.values.text}`;
    if (read === key) return show();
    latest.run(async (signal) => {
      const units = /^\d+$/.test(context.values.unit) && Number(context.values.unit) < 4096 ? [Number(context.values.unit)] : [];
      const body = { model: model.name, text: context.values.text };
      let reply = await fetchJson("inspect", { ...body, top: UNITS }, signal);
      if (units.length && units[0] < reply.hidden && !reply.units.some(({ unit }) => unit === units[0])) reply = { ...reply, units: [...(await fetchJson("inspect", { ...body, units }, signal)).units, ...reply.units] };
      return () => {
        [shown, read] = [reply, key];
        show();
      };
    }, () => drawing.replaceChildren());
  }

  function show() {
    const unit = shown.units.find((other) => String(other.unit) === context.values.unit) ?? shown.units[0];
    const now = step() - 1;
    if (!unit || !shown.tokens.length) return;
    const values = Object.fromEntries([...GATES, "cell", "hidden"].map((name) => [name, unit[name][now]]));
    values.before = now ? unit.cell[now - 1] : 0;
    values.said = now ? unit.hidden[now - 1] : 0;
    chips.replaceChildren(...shown.tokens.map((token, index) => make("li", {}, make("button", { type: "button", class: `chip${index === now ? " lit" : index < now ? " read" : ""}`, "aria-current": index === now ? "step" : null, onclick: () => move(index - now) }, token.text.trim() || "␣"))));
    if (!unitHost.contains(document.activeElement)) {
      context.values.unit = String(unit.unit);
      unitHost.replaceChildren(choice(context, "unit", "cell.unit", shown.units.map((other) => [String(other.unit), String(other.unit)])));
    }
    drawing.replaceChildren(diagram(values, shown.tokens[now].text.trim(), context.values.gate), make("p", { class: "formula" }, make("span", {}, t("cell.cell", signed(values))), make("span", {}, t("cell.hidden", signed(values)))));
    const rows = [...GATES, "cell", "hidden"].map((name) => make("tr", name === context.values.gate ? { class: "lit" } : {}, make("th", { scope: "row" }, t(`series.${name}`)), ...unit[name].map((value, index) => {
      const cell = make("td", index === now ? { class: "lit" } : {}, number(value, 2));
      tintSigned(cell, value / (["cell", "hidden"].includes(name) ? Math.max(0.01, ...unit[name].map(Math.abs)) : 1));
      return cell;
    })));
    const head = make("tr", {}, make("td", {}), ...shown.tokens.map((token) => make("th", { scope: "col" }, token.text.trim())));
    series.replaceChildren(make("table", { class: "plain grid" }, make("caption", { class: "skip" }, t("cell.series")), make("thead", {}, head), make("tbody", {}, ...rows)));
    context.measured({ step: now + 1, steps: shown.tokens.length, forget: values.forget, input: values.input, output: values.output, lowestForget: Math.min(...unit.forget), cells: unit.cell });
  }
  return { update, leave: stop };
}

const signed = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, number(value, 2)]));

/** The cell: its state goes through from left to right; the forget gate scales it, the input gate adds to it. */
function diagram(values, word, gate) {
  const label = (x, y, text, kind = "", anchor = "middle") => svg("text", { x, y, "text-anchor": anchor, class: kind }, text);
  const arrow = (path) => svg("path", { class: "arrow", d: path, "marker-end": "url(#cell-head)" });
  const value = (name) => number(values[name], 2);
  const box = (name, x) => [
    svg("rect", { class: `gate ${gate === name ? "chosen" : ""}`, x: x - 62, y: 176, width: 124, height: 66, rx: 8 }),
    svg("rect", { class: `level ${values[name] < 0 ? "negative" : ""}`, x: x - 56, y: 232, width: (112 * Math.min(1, Math.abs(values[name]))).toFixed(1), height: 6 }),
    label(x, 196, t(`series.${name}`)), label(x, 222, value(name), "value"),
    arrow(`M${x} 300V246`),
  ];
  const circle = (x, y, sign) => [svg("circle", { class: "operation", cx: x, cy: y, r: 16 }), label(x, y + 6, sign, "value")];
  return svg(
    "svg", { viewBox: "0 0 760 350", role: "img", class: "cell-picture", "aria-label": t("cell.picture", { word, ...signed(values) }) },
    svg("defs", {}, svg("marker", { id: "cell-head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, svg("path", { class: "head", d: "M0 0L8 4L0 8Z" }))),
    svg("path", { class: "carousel", d: "M70 60H690" }), arrow("M676 60H700"),
    label(8, 46, t("cell.before"), "", "start"), label(8, 68, value("before"), "value", "start"),
    label(752, 46, t("series.cell"), "", "end"), label(752, 68, value("cell"), "value", "end"),
    ...circle(150, 60, "×"), ...circle(395, 60, "+"), ...circle(395, 130, "×"), ...circle(640, 130, "×"),
    arrow("M150 176V78"), arrow("M310 176C310 150 340 130 377 130"), arrow("M480 176C480 150 450 130 413 130"), arrow("M395 114V78"),
    arrow("M640 60V112"), label(652, 92, "tanh", "small", "start"), arrow("M640 176V148"), arrow("M656 130H700"),
    label(752, 116, t("series.hidden"), "", "end"), label(752, 138, value("hidden"), "value", "end"),
    ...box("forget", 150), ...box("input", 310), ...box("candidate", 480), ...box("output", 640),
    svg("path", { class: "wire", d: "M90 300H640" }),
    label(8, 296, t("cell.said"), "", "start"), label(8, 318, value("said"), "value", "start"),
    label(395, 338, t("cell.word", { word }), "value"), arrow("M395 322V304"),
    ...(gate && FORMULAS[gate] ? [label(752, 338, FORMULAS[gate], "", "end")] : []),
  );
}
