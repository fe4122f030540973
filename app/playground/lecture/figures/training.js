// Train here: an RNN and an LSTM on a text of one's own, a few steps a request. What is learned is in the state alone.

import { fetchJson } from "../../api.js";
import { make } from "../../parts.js";
import { number, t } from "../../texts.js";
import { chart } from "../chart.js";
import { button, textField } from "../context.js";

const TURN = 10; // steps of a request: more are quicker, fewer are livelier
const SEED = 1;
const LEAST = 20; // characters
const POINTS = 150; // of a curve: each the mean of as many steps as it takes
const CELLS = ["rnn", "lstm"];

export const fields = { corpus: "" };

export function create(host, context) {
  const part = make("section", { class: "stack" });
  host.append(make("h3", {}, t("training.title")), part);
  const latest = context.latest(part);
  const [picture, said] = [make("div"), make("p", { class: "readout" })];
  const samples = Object.fromEntries(CELLS.map((cell) => [cell, make("p", { class: "sample" })]));
  const field = textField(context, "corpus", "training.corpus", { rows: 4 });
  const start = button("training.start", () => (running ? pause() : go()), { class: "main" });
  const one = button("training.one", () => (running ? pause() : waiting || turn(1)));
  const again = button("training.reset", () => reset());
  const written = CELLS.map((cell) => make("section", { class: "stack" }, make("h4", {}, t("training.writes", { cell: cell.toUpperCase() })), samples[cell]));
  let [offered, running, waiting] = [false, false, false];
  let [corpus, reply, losses] = [context.values.corpus, null, { rnn: [], lstm: [] }];
  part.append(make("p", { class: "hint" }, t("training.about")), field, make("div", { class: "row" }, start, one, again), said, picture, make("div", { class: "pair" }, ...written));

  const isOver = () => reply !== null && !reply.state;
  function show() {
    start.textContent = t(running ? "training.pause" : "training.start");
    start.disabled = one.disabled = !offered || isOver();
    again.disabled = !reply;
    const bits = Object.fromEntries(CELLS.map((cell) => [cell, number(losses[cell].at(-1) ?? 0, 2)]));
    said.textContent = reply ? t("training.now", { steps: number(reply.steps, 0), seconds: number(Math.ceil(reply.seconds_left), 0), ...bits }) : "";
    for (const cell of CELLS) samples[cell].textContent = reply ? [...corpus][0] + reply[cell].sample : t("training.none"); // written from the first character on
    const guess = Math.log2(reply?.characters ?? 2);
    const lines = CELLS.map((cell) => ({ name: cell.toUpperCase(), points: curve(losses[cell]) }));
    picture.replaceChildren(...(reply ? [chart({ caption: t("training.loss"), x: { name: t("training.step"), min: 0 }, y: { name: t("training.bits"), min: 0, max: Math.max(guess, ...lines.flatMap(({ points }) => points.map((point) => point[1]))) }, lines: [...lines, { name: t("training.guess", { bits: number(guess, 2) }), points: [[0, guess], [reply.steps, guess]] }] })] : []));
  }

  function pause() {
    running = false;
    show();
  }

  function reset() {
    latest.cancel();
    [running, waiting, corpus, reply, losses] = [false, false, context.values.corpus, null, { rnn: [], lstm: [] }];
    latest.showMessage("");
    latest.markStale(false);
    show();
  }

  function go() {
    running = true;
    show();
    if (!waiting) turn(TURN);
  }

  function turn(steps) {
    if (corpus.trim().length < LEAST) {
      pause();
      return latest.showMessage(t("training.short", { count: number(LEAST, 0) }));
    }
    waiting = true;
    latest.run(async (signal) => {
      const begun = reply ? { state: reply.state } : { seed: SEED };
      const next = await fetchJson("train", { text: corpus, steps, return_state: true, ...begun }, signal);
      return () => {
        [reply, waiting] = [next, false];
        for (const cell of CELLS) losses[cell].push(...next[cell].losses);
        if (isOver()) {
          running = false;
          latest.showMessage(t("training.over"), true);
        }
        show();
        context.measured({ steps: reply.steps, losses, isOver: isOver() });
        if (running) turn(TURN);
      };
    }, () => {
      waiting = false;
      pause();
    });
  }

  latest.run(async (signal) => {
    const { lessons } = await fetchJson("models", undefined, signal);
    return () => {
      offered = Boolean(lessons);
      if (!lessons) latest.showMessage(t("training.off"), true);
      show();
      context.measured({ steps: 0 });
    };
  });
  show();
  return {
    update() {
      if (corpus === context.values.corpus) return;
      const begun = reply || waiting;
      reset();
      if (begun) latest.showMessage(t("training.edited"), true);
    },
    leave: () => (running = false),
  };
}

/** The means of equal parts of a series, as points. */
function curve(values) {
  const size = Math.ceil(values.length / POINTS);
  return Array.from({ length: Math.ceil(values.length / size) }, (_, index) => {
    const some = values.slice(index * size, (index + 1) * size);
    return [index * size + some.length / 2, some.reduce((sum, value) => sum + value, 0) / some.length];
  });
}
