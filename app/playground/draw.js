// The part "Draw" of the tab "Senses": an image is continued below the rows that are there already, in eight ways.

import { streamEvents } from "./api.js";
import { Latest } from "./latest.js";
import { byId, fillSelect, make, numberOf } from "./parts.js";
import { PixelGrid } from "./pixels.js";
import { number, onLanguage, percent, t } from "./texts.js";

const SIDE = 28; // pixels
const IMAGES = 8;
export const DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

export function drawPart(part, onRequest) {
  const latest = new Latest(part.querySelector(".say"));
  const [digit, rows, temperature, seed] = ["digit", "rows", "temperature", "seed"].map((name) => byId(`senses-${name}`));
  const readout = byId("draw-readout");
  const top = new PixelGrid(byId("draw-top"), SIDE, SIDE, { onPaint: () => setRows(1 + top.texts().findLastIndex((row) => row.includes("1"))) });
  const large = new PixelGrid(byId("draw-large"), SIDE, SIDE, { onPoint: (row, column) => showPixel(row, column) });
  const images = Array.from({ length: IMAGES }, (_, index) => {
    const canvas = make("canvas", { "aria-hidden": "true" });
    const button = make("button", { type: "button", class: "pixels", "aria-pressed": "false", onclick: () => select(index) }, canvas);
    byId("draw-images").append(make("li", {}, button));
    return { button, grid: new PixelGrid(canvas, SIDE, SIDE), probabilities: new Float32Array(SIDE * SIDE), logprob: null };
  });
  let selected = 0;
  let started = false;

  const body = () => ({
    ...(digit.value && { prompt: DIGITS[digit.value] }), n: IMAGES, temperature: Number(temperature.value), top: top.texts().slice(0, Number(rows.value)),
    ...(numberOf(seed) !== undefined && { seed: numberOf(seed) }),
  });

  function setRows(count) {
    rows.value = count;
    showSettings();
  }

  function showSettings() {
    byId("draw-rows-value").textContent = number(Number(rows.value), 0);
    byId("draw-temperature-value").textContent = number(Number(temperature.value));
    byId("draw-line").style.setProperty("--row", rows.value / SIDE);
  }

  function run() {
    started = true;
    onRequest(["draw", body()]);
    for (const image of images) {
      image.grid.clear();
      image.probabilities.fill(0);
      image.logprob = null;
    }
    latest.run(async (signal) => {
      for await (const { name, data } of streamEvents("draw", body(), signal)) {
        if (name === "row") showRow(data);
        else if (name === "done") return () => finish(data);
        else if (name === "error") return () => latest.showMessage(t("error.stream", { detail: data.detail }));
      }
    });
  }

  function showRow({ index, row, pixels, probabilities }) {
    const image = images[index];
    image.grid.values.set([...pixels].map(Number), row * SIDE);
    image.grid.show();
    image.probabilities.set(probabilities, row * SIDE);
    if (index === selected) large.set(image.probabilities);
  }

  function finish(reply) {
    for (const { index, rows: texts, logprob } of reply.images) {
      images[index].grid.set([...texts.join("")].map(Number));
      images[index].logprob = logprob;
    }
    latest.showMessage(t("draw.done", { seed: reply.seed }), true);
    showNames();
  }

  function select(index) {
    selected = index;
    large.set(images[index].probabilities);
    showNames();
  }

  function showNames() {
    images.forEach(({ button, logprob }, index) => {
      button.setAttribute("aria-pressed", String(index === selected));
      button.setAttribute("aria-label", logprob === null ? t("draw.image", { index: index + 1 }) : t("draw.known", { index: index + 1, nats: number(-logprob, 1) }));
    });
  }

  function showPixel(row, column) {
    readout.textContent = row === null ? t("draw.point") : t("draw.pixel", { row: row + 1, column: column + 1, percent: percent(large.values[row * SIDE + column]) });
  }

  function showTexts() {
    const names = t("digits").split(" ");
    fillSelect(digit, [["", t("draw.any")], ...names.map((name, value) => [String(value), name])]);
    showSettings();
    showNames();
    showPixel(null);
  }

  byId("draw-run").addEventListener("click", run);
  byId("draw-clear").addEventListener("click", () => {
    top.clear();
    setRows(0);
  });
  for (const field of [rows, temperature]) field.addEventListener("input", showSettings);
  onLanguage(showTexts);
  showTexts();
  return {
    kind: "image",
    request: () => ["draw", body()],
    refresh: () => {
      for (const grid of [top, large, ...images.map((image) => image.grid)]) grid.show();
      showSettings();
      if (!started && !part.hidden) run(); // the first look at the tab shows drawings
    },
    leave: () => latest.cancel(),
  };
}
