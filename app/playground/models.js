// The tab "Models": what is served, how good it is, how it learned, and how busy the server is.

import { ask, askText } from "./api.js";
import { Latest } from "./latest.js";
import { byId, make } from "./parts.js";
import { addShare, writeLink } from "./share.js";
import { language, languageName, number, onLanguage, t } from "./texts.js";

const EVERY_MS = 2000;
const METRICS = { running: "carousel_running_requests", waiting: "carousel_queued_requests" };
const RATES = { written: "carousel_generation_tokens_total", read: "carousel_prompt_tokens_total" };
const SHOWN = { perplexity_per_word: 1, accuracy: 4, bleu: 1, chrf2: 1 }; // of the numbers, with their decimals

export function modelsTab(panel) {
  const asking = new Latest(panel.querySelector(".say"));
  const status = new Latest(panel.querySelector(".say"));
  let details = [];
  let timer = null;
  let last = null;

  function refresh() {
    writeLink("models", {});
    asking.run(async (signal) => {
      const { models } = await ask("models", undefined, signal);
      details = await Promise.all(models.map((model) => ask(`models/${encodeURIComponent(model.name)}`, undefined, signal)));
      return show;
    });
    clearInterval(timer);
    last = null;
    watch();
    timer = setInterval(watch, EVERY_MS);
  }

  function show() {
    byId("models-cards").replaceChildren(...details.map(card));
  }

  function watch() {
    if (document.hidden) return;
    status.run(async (signal) => {
      const page = await askText("metrics", signal);
      return () => showStatus(page);
    });
  }

  function showStatus(page) {
    const sum = (name) => page.split("\n").filter((line) => line.startsWith(name)).reduce((total, line) => total + Number(line.split(" ").at(-1)), 0);
    const now = { at: performance.now(), ...Object.fromEntries(Object.entries(RATES).map(([key, name]) => [key, sum(name)])) };
    const put = (key, value) => (panel.querySelector(`[data-metric="${key}"]`).textContent = value);
    for (const [key, name] of Object.entries(METRICS)) put(key, number(sum(name), 0));
    if (last) for (const key of Object.keys(RATES)) put(key, number((1000 * (now[key] - last[key])) / (now.at - last.at), 0));
    last = now;
  }

  addShare(panel, () => ["models", undefined]);
  onLanguage(show);
  return {
    fields: [],
    start: () => "",
    models: () => {},
    refresh,
    leave: () => {
      clearInterval(timer);
      asking.cancel();
      status.cancel();
    },
  };
}

function card(model) {
  const facts = [
    [t("models.languages"), model.languages.map(languageName).join(", ")],
    [t("models.parameters"), number(model.parameters, 0)],
    [t("models.vocabulary"), number(model.vocabulary, 0)],
    [t("models.size"), `${number(model.size_bytes / 1e6, 1)} MB`],
    [t("models.precision"), `${model.precision}, ${model.device}`],
  ];
  const pair = ([name, value]) => [make("dt", {}, name), make("dd", {}, value)];
  const numbers = (model.metrics.evaluations ?? []).map(({ data, scores }) => [data.name.split("/").slice(-2).join("/"), scored(scores)]);
  return make(
    "article", { "aria-label": model.name },
    make("h2", {}, model.name), make("p", { class: "hint" }, t(`kind.${model.kind}`)),
    make("dl", {}, ...facts.flatMap(pair)),
    make("h3", {}, t("models.numbers")), make("dl", {}, ...numbers.flatMap(pair)),
    curves(model),
  );
}

/** The main numbers of an evaluation; of a translator, those of each direction. */
function scored(scores) {
  const own = Object.entries(scores).filter(([name]) => name in SHOWN);
  const each = Object.entries(scores).filter(([name]) => /^[a-z]{2,3}-[a-z]{2,3}$/.test(name));
  const told = own.map(([name, value]) => `${name.replaceAll("_", " ")} ${name === "accuracy" ? percent1(value) : number(value, SHOWN[name])}`).join(", ");
  return [told, ...each.map(([name, value]) => `${name}: ${scored(value)}`)].filter(Boolean).join("; ");
}

const percent1 = (share) => new Intl.NumberFormat(language(), { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(share);

/** How a model learned, as a picture: its loss in training, and the first score on validation, each on a scale of its own. */
function curves(model) {
  const points = model.curve ?? [];
  if (points.length < 2) return make("p", { class: "hint" }, t("models.nocurve"));
  const score = Object.keys(points[0].scores)[0];
  const lines = [
    ["train", points.map((point) => [point.step, point.train_loss])],
    ["valid", points.map((point) => [point.step, point.scores[score]])],
  ];
  const [width, height, edge] = [320, 130, 34];
  const svg = (tag, attributes, ...content) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...content);
    return element;
  };
  const last = points.at(-1).step;
  const drawn = lines.flatMap(([name, line], place) => {
    const values = line.map(([, value]) => value);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const x = (step) => edge + ((width - 2 * edge) * step) / last;
    const y = (value) => 10 + (height - 30) * (1 - (value - low) / (high - low || 1));
    const path = line.map(([step, value], index) => `${index ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join("");
    const at = place ? width - edge + 3 : edge - 3;
    const end = place ? "start" : "end";
    return [
      svg("path", { class: name, d: path }),
      svg("text", { x: at, y: 14, "text-anchor": end }, short(high)), svg("text", { x: at, y: height - 18, "text-anchor": end }, short(low)),
    ];
  });
  const axis = svg("path", { class: "axis", d: `M${edge} 8V${height - 18}H${width - edge}V8` });
  const steps = svg("text", { x: width / 2, y: height - 4, "text-anchor": "middle" }, number(last, 0));
  const said = [t("models.train"), t("models.valid", { score: score.replaceAll("_", " ") })];
  const label = `${t("models.curve")}: ${said.join(", ")}`;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, axis, ...drawn, steps);
  return make("figure", {}, picture, make("figcaption", {}, ...lines.map(([name], place) => make("span", {}, make("i", { class: name }), said[place]))));
}

const short = (value) => number(value, Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
