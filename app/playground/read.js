// The part "Read" of the tab "Senses": a row of handwritten digits, said in words.

import { fetchJson, Problem } from "./api.js";
import { DIGITS } from "./draw.js";
import { Latest } from "./latest.js";
import { byId, make } from "./parts.js";
import { PixelGrid, pngOf } from "./pixels.js";
import { language, onLanguage, percent, t } from "./texts.js";

const HEIGHT = 28; // pixels
const WIDTH = 140; // five digits
const EXAMPLE = 3; // digits

export function readPart(part, onRequest) {
  const latest = new Latest(part.querySelector(".say"));
  const words = byId("read-words");
  const grid = new PixelGrid(byId("read-grid"), HEIGHT, WIDTH, { onPaint: read });
  const attention = new PixelGrid(byId("read-attention"), 1, WIDTH);
  let picture = null; // a file's, where one was chosen
  let shown = null;
  let started = false;

  const body = () => ({ image: picture ?? pngOf(grid), language: language(), attention: true });

  function read() {
    picture = null;
    started = true;
    onRequest(["describe", body()]);
    ask();
  }

  function ask() {
    latest.run(async (signal) => {
      const reply = await fetchJson("describe", body(), signal).catch((error) => {
        if (picture || !(error instanceof Problem && error.pointer === "/image")) throw error;
        return null; // the first dots of a drawing are no digit yet
      });
      return () => {
        show(reply);
        if (!reply) latest.showMessage(t("read.faint"), true);
      };
    }, () => show(null));
  }

  function show(reply) {
    shown = reply;
    words.replaceChildren(...(reply?.words ?? []).map(({ word, probability }, index) =>
      make("span", { class: "tint", tabindex: 0, lang: reply.language, onpointerenter: () => attend(index), onfocus: () => attend(index) }, word, make("small", {}, ` ${percent(probability)}`)),
    ));
    attend(null);
  }

  /** Show how much a word attends to each column. */
  function attend(index) {
    [...words.children].forEach((word, other) => word.classList.toggle("lit", other === index));
    attention.values.fill(0);
    if (index !== null && shown?.attention) {
      const { columns, weights } = shown.attention;
      const largest = Math.max(...weights[index]);
      columns.forEach(([start, end], group) => {
        const [first, last] = [start, end].map((column) => Math.round((column / shown.size.width) * WIDTH));
        for (let column = Math.max(first, 0); column < Math.min(last, WIDTH); column++) attention.values[column] = weights[index][group] / largest;
      });
    }
    attention.show();
  }

  /** Digits drawn by the model of the part "Draw", side by side. */
  function drawExample() {
    started = true;
    latest.run(async (signal) => {
      const digits = Array.from({ length: EXAMPLE }, () => DIGITS[Math.floor(DIGITS.length * Math.random())]);
      const replies = await Promise.all(digits.map((prompt) => fetchJson("draw", { prompt, temperature: 0.8 }, signal)));
      return () => {
        grid.values.fill(0);
        replies.forEach(({ images: [image] }, index) => image.rows.forEach((row, y) => grid.values.set([...row].map(Number), y * WIDTH + HEIGHT * index + HEIGHT)));
        grid.show();
        picture = null;
        ask();
      };
    });
  }

  byId("read-clear").addEventListener("click", () => {
    grid.clear();
    picture = null;
    latest.reset(() => show(null));
  });
  byId("read-example").addEventListener("click", () => {
    drawExample();
    onRequest(["describe", body()]);
  });
  byId("read-file").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    started = true;
    picture = await dataUrl(file);
    const bitmap = await createImageBitmap(file).catch(() => null); // what is no picture is the server's to refuse
    if (bitmap) showBitmap(bitmap);
    onRequest(["describe", body()]);
    ask();
  });

  function showBitmap(bitmap) {
    const context = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT }).getContext("2d");
    context.drawImage(bitmap, 0, 0, WIDTH, HEIGHT);
    const { data } = context.getImageData(0, 0, WIDTH, HEIGHT);
    grid.set(grid.values.map((_, index) => data[4 * index] / 255));
  }

  onLanguage(() => {
    if (shown) ask();
  });
  return {
    kind: "captioner",
    models: (models) => (byId("read-example").hidden = !models.some((model) => model.kind === "image")),
    refresh: () => {
      grid.show();
      attention.show();
      if (!started && part.offsetParent && !byId("read-example").hidden) drawExample(); // the first look shows a picture and its words
    },
    leave: () => latest.cancel(),
  };
}

const dataUrl = (file) =>
  new Promise((resolve) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.readAsDataURL(file);
  });
