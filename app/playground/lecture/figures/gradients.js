// A gradient that goes back through time: a weight to the power of the steps, and what was measured of real cells.

import { fetchJson } from "../../api.js";
import { make } from "../../parts.js";
import { number, t } from "../../texts.js";
import { chart } from "../chart.js";
import { choice, slider, table } from "../context.js";

const MEASURED = "playground/lecture/gradients.json"; // docs/playground.md has the command that measured it
const FLOOR = 1e-16; // of the chart, at which a line ends: smaller is as good as nothing
const NO_CLIP = 101; // the slider's end, in powers of a tenth

export const fields = { w: "0.8", steps: "50", clip: "101", condition: "untrained" };

export function create(host, context) {
  const latest = context.latest();
  const [own, ownText, real] = [make("div"), make("p", { class: "readout", "aria-live": "polite" }), make("div")];
  const decimal = (value) => number(value, 2);
  const clipText = (value) => (value >= NO_CLIP ? t("gradients.noclip") : number(value / 10, 1));
  const controls = make("div", { class: "fields" }, slider(context, "w", "gradients.w", { min: 0.5, max: 1.5, step: 0.01, format: decimal }), slider(context, "steps", "gradients.steps", { min: 1, max: 100 }), slider(context, "clip", "gradients.clip", { min: 1, max: NO_CLIP, format: clipText }));
  host.append(controls, make("div", { class: "pair" }, make("section", { class: "stack" }, make("h3", {}, t("gradients.own")), own, ownText), make("section", { class: "stack" }, make("h3", {}, t("gradients.real")), real)));
  let measured = null;

  function update() {
    const [w, steps] = [context.number("w"), context.number("steps")];
    const limit = context.number("clip") >= NO_CLIP ? Infinity : context.number("clip") / 10;
    const powers = Array.from({ length: steps + 1 }, (_, back) => [back, w ** back]);
    const clipped = powers.map(([back, value]) => [back, Math.min(value, limit)]);
    own.replaceChildren(chart({
      caption: t("gradients.own"), x: { name: t("gradients.back"), min: 0, max: steps }, y: { name: t("gradients.norm"), log: true, min: Math.min(0.1, ...clipped.map((point) => point[1])), max: Math.max(10, ...powers.map((point) => point[1])) },
      lines: [{ name: t("gradients.power"), points: powers }, ...(Number.isFinite(limit) ? [{ name: t("gradients.clipped"), points: clipped }] : [])],
    }));
    const value = w ** steps;
    ownText.textContent = t("gradients.value", { w: decimal(w), steps: number(steps, 0), value: scientific(value), kind: t(`gradients.${Math.abs(value - 1) < 1e-9 ? "kept" : value > 1 ? "explodes" : "vanishes"}`) });
    if (measured) showMeasured(steps, limit);
    context.measured({ w, steps, value, limit });
  }

  /**
   * The measured curves, relative to the gradient of the last step. Clipping compares its limit with the norm of the
   * gradient of all weights, and multiplies the whole gradient by one factor.
   */
  function showMeasured(steps, limit) {
    const at = Math.min(steps, 99);
    const condition = measured.conditions[context.values.condition] ? context.values.condition : "untrained";
    const cells = Object.entries(measured.conditions[condition]).map(([cell, { norms, weights }]) => ({ name: cell.toUpperCase(), weights, factor: Math.min(1, limit / weights), shares: norms.map((norm) => norm / norms[0]) }));
    const select = choice(context, "condition", "gradients.condition", Object.keys(measured.conditions).map((name) => [name, t(`condition.${name}`)]));
    const line = (name, shares, factor) => ({ name, points: shares.map((share, back) => [back, share * factor]).filter(([, value]) => value >= FLOOR) });
    const clipped = cells.filter(({ factor }) => factor < 1);
    const lines = [...cells.map(({ name, shares }) => line(name, shares, 1)), ...clipped.map(({ name, shares, factor }) => line(t("gradients.cellclipped", { cell: name }), shares, factor))];
    const row = (head, value) => [make("th", { scope: "row" }, head), ...cells.map(value)];
    const rows = [
      row(t("gradients.at", { steps: number(at, 0) }), ({ shares }) => scientific(shares[at])),
      row(t("gradients.weights"), ({ weights }) => scientific(weights)),
      ...(Number.isFinite(limit) ? [row(t("gradients.factor"), ({ factor }) => scientific(factor)), row(t("gradients.after", { steps: number(at, 0) }), ({ shares, factor }) => scientific(shares[at] * factor))] : []),
    ];
    const focused = document.activeElement?.dataset.field === "condition" && real.contains(document.activeElement);
    real.replaceChildren(
      select,
      chart({ caption: t("gradients.real"), x: { name: t("gradients.back"), min: 0, max: 99 }, y: { name: t("gradients.norm"), log: true, min: FLOOR }, lines, mark: at }),
      make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("gradients.real") }, table(t(`condition.${condition}`), [t("gradients.cell"), ...cells.map(({ name }) => name)], rows)),
    );
    if (focused) select.querySelector("select").focus();
  }

  latest.run(async (signal) => {
    const data = await fetchJson(MEASURED, undefined, signal);
    return () => {
      measured = data;
      update();
    };
  });
  return { update };
}

/** A number with two digits: 3.1, or 4.2 × 10⁻⁸. */
function scientific(value) {
  if (value === 0) return "0";
  const exponent = Math.floor(Math.log10(value));
  if (exponent >= -2 && exponent <= 3) return number(value, exponent < 0 ? 3 : 1);
  const digits = [...String(Math.abs(exponent))].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
  return `${number(value / 10 ** exponent, 1)}\u00a0×\u00a010${exponent < 0 ? "⁻" : ""}${digits}`;
}
