// A chart of lines. Lines differ in colour and in dashes; each axis has a name.

import { make, svg } from "../parts.js";
import { language } from "../texts.js";

const [WIDTH, HEIGHT] = [480, 300];
const MARGIN = { left: 70, right: 16, top: 12, bottom: 44 };

/**
 * lines are { name, points: [[x, y]] }, axes { x, y }, each { name, log, min, max, format }. mark is an x at which a
 * vertical line stands. A point whose y is not a finite number, or 0 on an axis of logarithms, is left out.
 */
export function chart({ lines, x, y, mark, caption }) {
  const usable = lines.map((line) => ({ ...line, points: line.points.filter(([, value]) => Number.isFinite(value) && (!y.log || value > 0)) }));
  const all = usable.flatMap((line) => line.points);
  const scaleX = scale(x, all.map((point) => point[0]), MARGIN.left, WIDTH - MARGIN.right);
  const scaleY = scale(y, all.map((point) => point[1]), HEIGHT - MARGIN.bottom, MARGIN.top);
  const parts = [
    ...scaleY.ticks.flatMap((tick) => [
      svg("path", { class: "grid", d: `M${MARGIN.left} ${scaleY(tick)}H${WIDTH - MARGIN.right}` }),
      svg("text", { x: MARGIN.left - 6, y: scaleY(tick) + 4, "text-anchor": "end" }, scaleY.format(tick)),
    ]),
    ...scaleX.ticks.map((tick) => svg("text", { x: scaleX(tick), y: HEIGHT - MARGIN.bottom + 17, "text-anchor": "middle" }, scaleX.format(tick))),
    svg("path", { class: "axis", d: `M${MARGIN.left} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}H${WIDTH - MARGIN.right}` }),
    svg("text", { x: (MARGIN.left + WIDTH - MARGIN.right) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, x.name),
    svg("text", { transform: `translate(14 ${HEIGHT / 2 - 16}) rotate(-90)`, "text-anchor": "middle" }, y.name),
    ...(mark === undefined ? [] : [svg("path", { class: "mark", d: `M${scaleX(mark)} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}` })]),
    ...usable.map((line, index) => svg("path", { class: `curve c${index}`, d: line.points.map(([a, b], at) => `${at ? "L" : "M"}${scaleX(a).toFixed(1)} ${scaleY(b).toFixed(1)}`).join("") })),
    ...usable.flatMap((line, index) => (line.points.length > 12 ? [] : line.points.map(([a, b]) => svg("circle", { class: `curve c${index}`, cx: scaleX(a), cy: scaleY(b), r: 3.5 })))),
  ];
  const legend = usable.map((line, index) => make("span", {}, svg("svg", { class: "key", viewBox: "0 0 34 8", "aria-hidden": "true" }, svg("path", { class: `curve c${index}`, d: "M1 4H33" })), line.name));
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${caption}: ${usable.map((line) => line.name).join(", ")}` }, ...parts);
  return make("figure", { class: "chart" }, picture, make("figcaption", {}, ...legend));
}

function scale({ log, min, max, format }, values, from, to) {
  const value = (number) => (log ? Math.log10(number) : number);
  const [low, high] = [min ?? Math.min(...values), max ?? Math.max(...values)].map(value);
  const position = (number) => from + ((Math.min(high, Math.max(low, value(number))) - low) / (high - low || 1)) * (to - from);
  const ticks = log ? powers(low, high) : steps(low, high);
  return Object.assign(position, { ticks, format: format ?? (log ? power : plain) });
}

/** Powers of ten between two exponents, seven at most. */
function powers(low, high) {
  const step = Math.max(1, Math.ceil((high - low) / 6));
  const first = Math.ceil(low / step) * step;
  return Array.from({ length: Math.max(1, Math.floor((high - first) / step) + 1) }, (_, index) => 10 ** (first + index * step));
}

/** Round numbers between two, eight at most. */
function steps(low, high) {
  const rough = (high - low || 1) / 5;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((size) => size >= rough);
  const first = Math.ceil(low / step - 1e-9) * step;
  return Array.from({ length: Math.floor((high - first) / step + 1e-9) + 1 }, (_, index) => first + index * step);
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const plain = (value) => new Intl.NumberFormat(language(), { maximumFractionDigits: 2 }).format(value);

function power(value) {
  const exponent = Math.round(Math.log10(value));
  return exponent === 0 ? "1" : `10${exponent < 0 ? "⁻" : ""}${[...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[digit]).join("")}`;
}
