// The tab "Models": the served models with their scores and learning curves, and the server's load.

import { fetchJson, fetchText } from "./api.js";
import { Latest } from "./latest.js";
import { byId, make, svg } from "./parts.js";
import { addShare, writeLink } from "./share.js";
import { language, languageName, number, onLanguage, t } from "./texts.js";

const POLL_MS = 2000;
const METRICS = { running: "carousel_running_requests", waiting: "carousel_queued_requests" };
const RATES = { written: "carousel_generation_tokens_total", read: "carousel_prompt_tokens_total" };
const DECIMALS = { perplexity_per_word: 1, accuracy: 4, word_accuracy: 4, bleu: 1, chrf2: 1, rouge1: 1, rougeL: 1, nats: 1 }; // of the scores that are shown

export function modelsTab(panel) {
  const latest = new Latest(panel.querySelector(".say"));
  const status = new Latest(panel.querySelector(".say"));
  let details = [];
  let timer = null;
  let last = null;

  function refresh() {
    writeLink("models", {});
    latest.run(async (signal) => {
      const { models } = await fetchJson("models", undefined, signal);
      details = await Promise.all(models.map((model) => fetchJson(`models/${encodeURIComponent(model.name)}`, undefined, signal)));
      return show;
    });
    clearInterval(timer);
    last = null;
    poll();
    timer = setInterval(poll, POLL_MS);
  }

  function show() {
    byId("models-cards").replaceChildren(...details.map(modelCard));
  }

  function poll() {
    if (document.hidden) return;
    status.run(async (signal) => {
      const page = await fetchText("metrics", signal);
      return () => showStatus(page);
    });
  }

  function showStatus(page) {
    const sum = (name) => page.split("\n").filter((line) => line.startsWith(name)).reduce((total, line) => total + Number(line.split(" ").at(-1)), 0);
    const now = { at: performance.now(), ...Object.fromEntries(Object.entries(RATES).map(([key, name]) => [key, sum(name)])) };
    const set = (key, value) => (panel.querySelector(`[data-metric="${key}"]`).textContent = value);
    for (const [key, name] of Object.entries(METRICS)) set(key, number(sum(name), 0));
    if (last) for (const key of Object.keys(RATES)) set(key, number((1000 * (now[key] - last[key])) / (now.at - last.at), 0));
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
      latest.cancel();
      status.cancel();
    },
  };
}

function modelCard(model) {
  const facts = [
    [t("models.languages"), model.languages.map(languageName).join(", ")],
    [t("models.parameters"), number(model.parameters, 0)],
    [t("models.vocabulary"), number(model.vocabulary, 0)],
    [t("models.size"), `${number(model.size_bytes / 1e6, 1)} MB`],
    [t("models.precision"), `${model.precision}, ${model.device}`],
  ];
  const pair = ([name, value]) => [make("dt", {}, name), make("dd", {}, value)];
  const scores = (model.metrics.evaluations ?? []).map(({ data, scores }) => [data.name.split("/").slice(-2).join("/"), scoresText(scores)]);
  return make(
    "article", { "aria-label": `${titleOf(model)}, ${model.name}` },
    make("h2", {}, titleOf(model)), make("p", { class: "hint" }, make("code", {}, model.name)),
    make("dl", {}, ...facts.flatMap(pair)),
    make("h3", {}, t("models.numbers")), make("dl", {}, ...scores.flatMap(pair)),
    curves(model),
  );
}

/** What a model is, in words: its kind and its languages. */
function titleOf(model) {
  const kind = t(`kind.${model.kind}`);
  return `${kind[0].toLocaleUpperCase(language())}${kind.slice(1)}: ${model.languages.map(languageName).join(", ")}`;
}

/** The main scores of an evaluation as text; for a translator, those of each direction. */
function scoresText(scores) {
  const main = Object.entries(scores).filter(([name]) => name in DECIMALS);
  const directions = Object.entries(scores).filter(([name]) => /^[a-z]{2,3}-[a-z]{2,3}$/.test(name));
  const mainText = main.map(([name, value]) => `${scoreName(name)} ${name.endsWith("accuracy") ? percentText(value) : number(value, DECIMALS[name])}`).join(", ");
  return [mainText, ...directions.map(([name, value]) => `${name}: ${scoresText(value)}`)].filter(Boolean).join("; ");
}

/** The name of a score, in words; that of one without a translation is what the model's file says. */
const scoreName = (name) => t(`score.${name}`).replaceAll("_", " ");

const percentText = (share) => new Intl.NumberFormat(language(), { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(share);

/** A model's learning curves: training loss, and the first validation score, each on its own scale. */
function curves(model) {
  const points = model.curve ?? [];
  if (points.length < 2) return make("p", { class: "hint" }, t("models.nocurve"));
  const score = Object.keys(points[0].scores)[0];
  const lines = [
    ["train", points.map((point) => [point.step, point.train_loss])],
    ["valid", points.map((point) => [point.step, point.scores[score]])],
  ].map(([name, line]) => [name, line.filter(([, value]) => value !== null)]);
  const [width, height, margin] = [320, 146, 46];
  const last = points.at(-1).step;
  const shapes = lines.flatMap(([name, line], lineIndex) => {
    if (!line.length) return [];
    const values = line.map(([, value]) => value);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const x = (step) => margin + ((width - 2 * margin) * step) / last;
    const y = (value) => 10 + (height - 46) * (1 - (value - low) / (high - low || 1));
    const path = line.map(([step, value], index) => `${index ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join("");
    const labelX = lineIndex ? width - margin + 3 : margin - 3;
    const anchor = lineIndex ? "start" : "end";
    return [
      svg("path", { class: name, d: path }),
      svg("text", { x: labelX, y: 14, "text-anchor": anchor }, short(high)), svg("text", { x: labelX, y: height - 34, "text-anchor": anchor }, short(low)),
    ];
  });
  const axis = svg("path", { class: "axis", d: `M${margin} 8V${height - 34}H${width - margin}V8` });
  const legend = [t("models.train"), t("models.valid", { score: scoreName(score) })];
  const middle = (height - 26) / 2;
  const upright = (text, x) => svg("text", { x, y: middle, "text-anchor": "middle", transform: `rotate(-90 ${x} ${middle})` }, text);
  const names = [
    svg("text", { x: margin, y: height - 21, "text-anchor": "middle" }, number(0, 0)),
    svg("text", { x: width - margin, y: height - 21, "text-anchor": "middle" }, number(last, 0)),
    svg("text", { x: width / 2, y: height - 6, "text-anchor": "middle" }, t("models.steps")),
    upright(t("models.train"), 10), upright(scoreName(score), width - 4),
  ];
  const label = `${t("models.curve")}: ${legend.join(", ")}`;
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, axis, ...shapes, ...names);
  return make("figure", {}, picture, make("figcaption", {}, ...lines.map(([name], index) => make("span", {}, make("i", { class: name }), legend[index]))));
}

const short = (value) => number(value, Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
