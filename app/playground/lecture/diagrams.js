// Cells as pictures: an LSTM, a GRU and a plain RNN, each with the numbers of one unit at one word.

import { svg } from "../parts.js";
import { t } from "../texts.js";

/** What /inspect tells of a unit, by the kind of cell, in the order of computation. */
export const SERIES = { lstm: ["forget", "input", "candidate", "output", "cell", "hidden"], gru: ["reset", "update", "candidate", "hidden"], rnn: ["hidden"] };
const FORMULAS = {
  lstm: { forget: "f = σ(W·x + U·h + b)", input: "i = σ(W·x + U·h + b)", candidate: "g = tanh(W·x + U·h + b)", output: "o = σ(W·x + U·h + b)" },
  gru: { candidate: "g = tanh(W·x + b + r × (U·h + c))" },
  rnn: {},
};

const label = (x, y, text, kind = "", anchor = "middle") => svg("text", { x, y, "text-anchor": anchor, class: kind }, text);
const arrow = (path) => svg("path", { class: "arrow", d: path, "marker-end": "url(#cell-head)" });
const circle = (x, y, sign) => [svg("circle", { class: "operation", cx: x, cy: y, r: 16 }), label(x, y + 6, sign, "value")];
const left = (y, name, value) => [label(8, y, name, "", "start"), label(8, y + 22, value, "value", "start")];
const right = (y, name, value) => [label(752, y, name, "", "end"), label(752, y + 22, value, "value", "end")];

/** The picture of a kind of cell: values by name, the same as texts, the word that is read, the gate that stands out. */
export function diagram(cells, { values, texts, word, gate }) {
  const box = (x, name, title = t(`series.${name}`)) => [
    svg("rect", { class: `gate ${gate === name ? "chosen" : ""}`, x: x - 62, y: 176, width: 124, height: 66, rx: 8 }),
    svg("rect", { class: `level ${values[name] < 0 ? "negative" : ""}`, x: x - 56, y: 232, width: (112 * Math.min(1, Math.abs(values[name]))).toFixed(1), height: 6 }),
    label(x, 196, title), label(x, 222, texts[name], "value"),
    arrow(`M${x} 300V246`),
  ];
  const formula = FORMULAS[cells][gate] ?? (cells === "gru" ? FORMULAS.gru.candidate : null);
  return svg(
    "svg", { viewBox: cells === "rnn" ? "0 160 760 190" : "0 0 760 350", role: "img", class: "cell-picture", "aria-label": t(`cell.picture.${cells}`, { word, ...texts }) },
    svg("defs", {}, svg("marker", { id: "cell-head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, svg("path", { class: "head", d: "M0 0L8 4L0 8Z" }))),
    ...DRAWN[cells](texts, box),
    ...left(290, t("cell.said"), texts.said),
    label(395, 338, t("cell.word", { word }), "value"), arrow("M395 322V304"),
    ...(formula ? [label(752, 338, formula, "", "end")] : []),
  );
}

const carousel = () => [svg("path", { class: "carousel", d: "M70 60H690" }), arrow("M676 60H700")];
const wire = (to) => svg("path", { class: "wire", d: `M90 300H${to}` });

const DRAWN = {
  /** The cell state goes through from left to right; the forget gate scales it, the input gate adds to it. */
  lstm: (texts, box) => [
    ...carousel(), ...left(46, t("cell.before"), texts.before), ...right(46, t("series.cell"), texts.cell),
    ...circle(150, 60, "×"), ...circle(395, 60, "+"), ...circle(395, 130, "×"), ...circle(640, 130, "×"),
    arrow("M150 176V78"), arrow("M310 176C310 150 340 130 377 130"), arrow("M480 176C480 150 450 130 413 130"), arrow("M395 114V78"),
    arrow("M640 60V112"), label(652, 92, "tanh", "small", "start"), arrow("M640 176V148"), arrow("M656 130H700"),
    ...right(116, t("series.hidden"), texts.hidden),
    ...box(150, "forget"), ...box(310, "input"), ...box(480, "candidate"), ...box(640, "output"), wire(640),
  ],
  /** The hidden state itself goes through: the update gate keeps a share of it, and the candidate takes the rest. */
  gru: (texts, box) => [
    ...carousel(), ...left(46, t("cell.said"), texts.said), ...right(46, t("series.hidden"), texts.hidden),
    ...circle(190, 60, "×"), ...circle(610, 60, "+"), ...circle(610, 130, "×"),
    arrow("M190 176V78"), arrow("M190 130H592"), label(400, 120, `1 − ${t("series.update")} = ${texts.rest}`),
    arrow("M610 176V148"), arrow("M610 114V78"), arrow("M462 209H544"), label(503, 200, "×", "value"),
    ...box(190, "update"), ...box(400, "reset"), ...box(610, "candidate"), wire(610),
  ],
  /** No gates: all goes through one sum and one tanh. */
  rnn: (texts, box) => [
    ...box(395, "hidden", "tanh"), label(407, 274, `W·x + U·h + b = ${texts.net}`, "", "start"), wire(395),
    arrow("M457 209H640"), ...right(200, t("series.hidden"), texts.hidden),
  ],
};
