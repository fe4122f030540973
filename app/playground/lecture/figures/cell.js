// A cell of an LSTM, a GRU or a plain RNN with the numbers of one unit at one word, played along the sentence. Below
// another figure, it follows that one's text, model and step.

import { fetchJson } from "../../api.js";
import { make, tintSigned } from "../../parts.js";
import { number, t } from "../../texts.js";
import { button, choice, textField } from "../context.js";
import { diagram, SERIES } from "../diagrams.js";
import { rungName } from "../rungs.js";
import { wordOfEach } from "../words.js";

const PLAY_MS = 900;
const UNITS = 8; // that change most
const STATES = ["cell", "hidden"];
const FACTORS = ["before", "candidate", "said"]; // of a product: in brackets where they are negative
const MOST = 0.99995; // what the server rounds to 1
const LINES = { lstm: ["cell.cell", "cell.hidden"], gru: ["cell.gru"], rnn: ["cell.rnn"] };

export const fields = { text: "", step: "1", unit: "", gate: "", rung: "lstm", language: "en" };

export function create(host, context) {
  const latest = context.latest();
  const rungs = context.rungs().filter((model) => model.kind === "language");
  if (!rungs.some(({ name }) => name === context.values.rung)) context.values.rung = rungs.find(({ name }) => name.endsWith(`-${context.values.rung}`))?.name ?? rungs.at(-1)?.name ?? "";
  let [shown, timer] = [null, null];
  const play = button("cell.play", () => (timer ? stop() : start()), { class: "main" });
  const scrolling = (label) => make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t(label) });
  const [chips, picture, formula, said, unitHost] = [make("ol", { class: "chips", "aria-label": t("order.words") }), scrolling("lecture.figure"), make("p", { class: "formula" }), make("p"), make("span")];
  const drawing = make("div", { class: "stack" }, picture, formula, said);
  const series = scrolling("cell.series");
  const title = make("h3");
  const follows = context.figures.length > 0;
  if (follows) host.append(title, unitHost, drawing, series);
  else {
    host.append(
      textField(context, "text", "lecture.text"),
      make("div", { class: "row" }, button("handover.back", () => move(-1)), play, button("handover.on", () => move(1)), choice(context, "rung", "windows.rung", rungs.map((model) => [model.name, rungName(model)])), unitHost),
      chips, title, drawing, series,
    );
  }
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

  /** The index of the token that is shown: of words, as the figure above counts them, it is the last of the word. */
  const tokenNow = () => (follows ? Math.max(0, wordOfEach(shown.tokens).findLastIndex((word) => word < context.number("step"))) : step() - 1);

  let read = ""; // the text and model of what is shown
  function update() {
    const model = rungs.find(({ name }) => name === context.values.rung);
    if (!model) return latest.showMessage(t("lecture.nomodel"));
    if (!context.values.text.trim()) return latest.refuse(t("growth.short"));
    const key = `${model.name} ${context.values.text}`;
    if (read === key) return show();
    if (shown && shown.model !== model.name) context.values.unit = ""; // another model's units are others
    latest.run(async (signal) => {
      const units = /^\d+$/.test(context.values.unit) && Number(context.values.unit) < 4096 ? [Number(context.values.unit)] : [];
      const body = { model: model.name, text: context.values.text };
      let reply = await fetchJson("inspect", { ...body, top: UNITS }, signal);
      if (units.length && units[0] < reply.hidden && !reply.units.some(({ unit }) => unit === units[0])) reply = { ...reply, units: [...(await fetchJson("inspect", { ...body, units }, signal)).units, ...reply.units] };
      return () => {
        [shown, read] = [reply, key];
        show();
      };
    }, () => [picture, formula, said].forEach((part) => part.replaceChildren()));
  }

  function show() {
    const unit = shown.units.find((other) => String(other.unit) === context.values.unit) ?? shown.units[0];
    if (!unit || !shown.tokens.length) return;
    const now = tokenNow();
    const names = SERIES[shown.cells];
    const values = Object.fromEntries(names.map((name) => [name, unit[name][now]]));
    values.said = now ? unit.hidden[now - 1] : unit.start_hidden;
    if (unit.cell) values.before = now ? unit.cell[now - 1] : unit.start_cell;
    if (unit.update) values.rest = 1 - values.update;
    const net = Math.atanh(Math.sign(values.hidden) * Math.min(MOST, Math.abs(values.hidden)));
    const texts = shown.cells === "rnn" ? (digits) => ({ net: (Math.abs(values.hidden) < MOST ? "" : net < 0 ? "< " : "> ") + number(net, digits) }) : () => ({});
    const bracketed = (texts) => Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, FACTORS.includes(name) ? text.replace(/^-.+/, "($&)") : text]));
    const written = (digits) => ({ ...Object.fromEntries(Object.entries(values).map(([name, value]) => [name, number(value, digits)])), ...texts(digits), count: number(shown.hidden, 0) });
    title.textContent = t("cell.title", { cell: shown.cells.toUpperCase(), unit: number(unit.unit, 0), count: number(shown.hidden, 0) });
    chips.replaceChildren(...shown.tokens.map((token, index) => make("li", {}, make("button", { type: "button", class: `chip${index === now ? " lit" : index < now ? " read" : ""}`, "aria-current": index === now ? "step" : null, onclick: () => move(index - now) }, token.text.trim() || "␣"))));
    if (!unitHost.contains(document.activeElement)) {
      context.values.unit = String(unit.unit);
      unitHost.replaceChildren(choice(context, "unit", "cell.unit", shown.units.map((other) => [String(other.unit), String(other.unit)])));
    }
    picture.replaceChildren(diagram(shown.cells, { values, texts: written(2), word: shown.tokens[now].text.trim(), gate: context.values.gate }));
    formula.replaceChildren(...LINES[shown.cells].map((line) => make("span", {}, t(line, bracketed(written(3))))));
    said.textContent = shown.cells === "rnn" ? t("cell.anew", written(3)) : "";
    const rows = names.map((name) => make("tr", name === context.values.gate ? { class: "lit" } : {}, make("th", { scope: "row" }, t(`series.${name}`)), ...unit[name].map((value, index) => {
      const cell = make("td", index === now ? { class: "lit" } : {}, number(value, 2));
      tintSigned(cell, value / (STATES.includes(name) ? Math.max(0.01, ...unit[name].map(Math.abs)) : 1));
      return cell;
    })));
    const head = make("tr", {}, make("td", {}), ...shown.tokens.map((token) => make("th", { scope: "col" }, token.text.trim())));
    series.replaceChildren(make("table", { class: "plain grid" }, make("caption", { class: "skip" }, t("cell.series")), make("thead", {}, head), make("tbody", {}, ...rows)));
    context.measured({ step: now + 1, steps: shown.tokens.length, forget: values.forget, input: values.input, output: values.output, cells: unit.cell });
  }
  return { update, leave: stop };
}
