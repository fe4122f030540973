// Three ways from sequence to sequence, each with a model that does it here.

import { make, svg } from "../../parts.js";
import { t } from "../../texts.js";
import { openTab } from "../context.js";

// each input and output stands above or below a step of the network, counted from 0
const SHAPES = {
  oneToMany: { steps: 4, inputs: [0], outputs: [0, 1, 2, 3], tabs: ["write", "senses"] },
  manyToOne: { steps: 4, inputs: [0, 1, 2, 3], outputs: [3], tabs: ["feel"] },
  manyToMany: { steps: 6, inputs: [0, 1, 2], outputs: [3, 4, 5], tabs: ["translate", "senses"] },
};
const [STEP, SIZE] = [52, 34];

export const fields = {};

export function create(host, context) {
  host.append(make("div", { class: "shapes" }, ...Object.entries(SHAPES).map(([name, shape]) => make(
    "article", { class: "rung" }, make("h3", {}, t(`shapes.${name}`)), picture(name, shape), make("p", {}, t(`shapes.${name}.about`)),
    make("div", { class: "row" }, ...shape.tabs.map((tab) => make("button", { type: "button", onclick: () => openTab(tab, {}) }, t("shapes.open", { tab: t(`tab.${tab}`) })))),
  ))));
  return { update: () => context.measured({}) };
}

function picture(name, { steps, inputs, outputs }) {
  const x = (index) => 12 + index * STEP;
  const box = (index, y, kind, text) => [svg("rect", { class: kind, x: x(index), y, width: SIZE, height: SIZE, rx: 6 }), svg("text", { x: x(index) + SIZE / 2, y: y + 22, "text-anchor": "middle" }, text)];
  const arrow = (from, to) => svg("path", { class: "arrow", d: `M${from.join(" ")}L${to.join(" ")}`, "marker-end": "url(#arrow-head)" });
  const middle = (index) => x(index) + SIZE / 2;
  const parts = [
    svg("defs", {}, svg("marker", { id: "arrow-head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, svg("path", { class: "head", d: "M0 0L8 4L0 8Z" }))),
    ...Array.from({ length: steps }, (_, index) => box(index, 68, "cell", "h")).flat(),
    ...Array.from({ length: steps - 1 }, (_, index) => arrow([x(index) + SIZE, 85], [x(index + 1), 85])),
    ...inputs.flatMap((index) => [...box(index, 132, "input", "x"), arrow([middle(index), 132], [middle(index), 102])]),
    ...outputs.flatMap((index) => [...box(index, 4, "output", "y"), arrow([middle(index), 68], [middle(index), 38])]),
  ];
  return svg("svg", { viewBox: `0 0 ${12 + steps * STEP} 170`, role: "img", "aria-label": t(`shapes.${name}.picture`), class: "shape" }, ...parts);
}
