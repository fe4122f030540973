// The lecture's five requirements, measured for what it has shown so far.

import { fetchJson } from "../../api.js";
import { make } from "../../parts.js";
import { number, percent, t } from "../../texts.js";
import { button } from "../context.js";
import { difference, nextWords } from "../rungs.js";
import { bagOf, dictionary, lowered, wordsOf } from "../words.js";

const TOP = 90;
const LEAST = 0.01; // a smaller difference of two predictions counts as none
const APPROACHES = ["window", "unigram", "bag", "rnn", "lstm"];
const RUNGS = { window: "n3", rnn: "rnn", lstm: "lstm" };
const REQUIREMENTS = ["order", "lengths", "learns", "groups", "long"];

// pairs of English texts, since the rungs are English; the texts of a pair differ in one respect only
const SWAPPED = [["the dog and the cat", "the dog and cat the"], ["she was very happy", "she was happy very"]];
const WORD_BEFORE = [["she had a big", "she had a little"], ["he went to the", "he went to his"]];
const TWO_BEFORE = [["she had a", "she was a"], ["he ran to the", "he ran with the"]];
const PAIRS_OF_WORDS = [["the big dog saw the little cat", "the little dog saw the big cat"]];
const FAR_BACK = [
  ["one day the girl went to the park with her mom and saw a big", "one day the dog went to the park with her mom and saw a big"],
  ["the king was sad because he had lost his crown in the forest and", "the bird was sad because he had lost his crown in the forest and"],
  ["the princess lived in a big castle and one day she went to the", "the fish lived in a big castle and one day she went to the"],
  ["tim had a ball and he went to the park to play with his", "tim had a dog and he went to the park to play with his"],
];
const SENTENCE = "one day the little girl went to the park and";
const LENGTHS = [1, 10, 60];
const textOfLength = (length) => Array.from({ length }, (_, index) => SENTENCE.split(" ")[index % 10]).join(" ");

export const fields = { upto: "5" };

export function create(host, context) {
  const latest = context.latest();
  const [tableHost, detail] = [make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("matrix.table") }), make("div", { class: "stack detail", role: "status" })];
  const all = button("matrix.all", () => context.set({ upto: String(APPROACHES.length) }));
  host.append(tableHost, make("div", { class: "row" }, all), detail);
  context.values.language = "en";
  const results = new Map(); // by approach and requirement

  function update() {
    const upto = context.number("upto");
    all.hidden = upto >= APPROACHES.length;
    draw();
    latest.run(async (signal) => {
      const approaches = APPROACHES.slice(0, upto).filter((name) => !results.has(`${name} long`));
      const measured = await Promise.all(approaches.map(async (name) => [name, await measure(name, signal)]));
      return () => {
        for (const [name, cells] of measured) for (const requirement of REQUIREMENTS) if (cells) results.set(`${name} ${requirement}`, cells[requirement]);
        draw();
        const passed = (name) => REQUIREMENTS.filter((requirement) => results.get(`${name} ${requirement}`)?.holds);
        context.measured({ passed: Object.fromEntries(APPROACHES.filter((name) => results.has(`${name} long`)).map((name) => [name, passed(name)])) });
      };
    });
  }

  async function measure(name, signal) {
    if (!(name in RUNGS)) return name === "bag" ? measureBag() : measureUnigram();
    const [model] = context.rungs(RUNGS[name]);
    return model ? measureModel(model, signal) : null;
  }

  function draw() {
    const head = make("tr", {}, make("th", { scope: "col" }, t("matrix.requirement")), ...APPROACHES.map((name) => make("th", { scope: "col" }, t(`matrix.${name}`))));
    const rows = REQUIREMENTS.map((requirement) => make("tr", {}, make("th", { scope: "row" }, t(`matrix.${requirement}`)), ...APPROACHES.map((name) => make("td", {}, cell(name, requirement)))));
    tableHost.replaceChildren(make("table", { class: "plain matrix" }, make("caption", { class: "skip" }, t("matrix.table")), make("thead", {}, head), make("tbody", {}, ...rows)));
  }

  function cell(name, requirement) {
    const result = results.get(`${name} ${requirement}`);
    if (!result) return make("span", { class: "hint" }, "·");
    const verdict = t(result.holds ? "matrix.yes" : "matrix.no");
    return make("button", { type: "button", class: `mark ${result.holds ? "yes" : "no"}`, "aria-label": `${t(`matrix.${name}`)}, ${t(`matrix.${requirement}`)}: ${verdict}, ${result.number}`, onclick: () => explain(name, requirement, result) },
      make("span", { "aria-hidden": "true" }, result.holds ? "✓" : "✗"), make("small", {}, result.number));
  }

  function explain(name, requirement, result) {
    detail.replaceChildren(
      make("h3", {}, `${t(`matrix.${requirement}`)}: ${t(`matrix.${name}`)}`), make("p", {}, t(`matrix.${requirement}.how`, { least: percent(LEAST) })),
      make("p", {}, `${result.number}: ${t(result.holds ? "matrix.yes" : "matrix.no")}`),
      make("ul", {}, ...result.texts.map((text) => make("li", { lang: "en" }, text))),
    );
  }
  return { update };
}

/** A sum of probabilities in percent, without what rounding in the computer leaves of it. */
const sumText = (total) => percent(Math.round(1e4 * total) / 1e4);

/** What a model does, by requirement: { holds, number, texts }. */
async function measureModel(model, signal) {
  const changes = async (pairs) => Promise.all(pairs.map(async (pair) => difference(...(await Promise.all(pair.map((text) => nextWords(model, text, TOP, signal)))))));
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [swapped, oneBefore, twoBefore, farBack] = await Promise.all([SWAPPED, WORD_BEFORE, TWO_BEFORE, FAR_BACK].map(changes));
  const totals = await Promise.all(LENGTHS.map(async (length) => {
    const { next, other } = await fetchJson("next-word-probs", { model: model.name, text: textOfLength(length), top: TOP }, signal);
    return next.reduce((sum, { probability }) => sum + probability, other);
  }));
  const { curve = [] } = await fetchJson(`models/${encodeURIComponent(model.name)}`, undefined, signal);
  const scores = (curve ?? []).map((point) => Object.values(point.scores)[0]).filter((score) => score !== null);
  const isLearned = scores.length > 1 && scores.at(-1) < scores[0];
  const groups = Math.min(mean(oneBefore), mean(twoBefore));
  const differs = (value, pairs) => ({ holds: value >= LEAST, number: percent(value), texts: pairs.flat() });
  return {
    order: differs(mean(swapped), SWAPPED),
    lengths: { holds: totals.every((total) => Math.abs(total - 1) < 1e-3), number: totals.map(sumText).join(", "), texts: LENGTHS.map(textOfLength) },
    learns: { holds: isLearned, number: isLearned ? `${number(scores[0], 0)} → ${number(scores.at(-1), 0)}` : t("matrix.counted"), texts: [t("matrix.curve", { model: model.name })] },
    groups: differs(groups, [...WORD_BEFORE, ...TWO_BEFORE]),
    long: differs(mean(farBack), FAR_BACK),
  };
}

/** The share of the pairs whose bags differ. */
function bagChanges(pairs) {
  const differing = pairs.filter((pair) => {
    const words = pair.map((text) => lowered(wordsOf(text), "en"));
    const vocabulary = dictionary(words.flat());
    return bagOf(words[0], vocabulary).join() !== bagOf(words[1], vocabulary).join();
  });
  return differing.length / pairs.length;
}

function measureBag() {
  const differs = (pairs) => ({ holds: bagChanges(pairs) > 0, number: t("matrix.vectors", { share: percent(bagChanges(pairs)) }), texts: pairs.flat() });
  const vocabulary = dictionary(SENTENCE.split(" "));
  const sizes = LENGTHS.map((length) => bagOf(textOfLength(length).split(" "), vocabulary).length);
  return {
    order: differs(SWAPPED),
    lengths: { holds: new Set(sizes).size === 1, number: t("matrix.sizes", { sizes: sizes.join(", ") }), texts: LENGTHS.map(textOfLength) },
    learns: { holds: false, number: t("matrix.counted"), texts: [] },
    groups: differs(PAIRS_OF_WORDS),
    long: differs(FAR_BACK),
  };
}

/** Of each word by itself, the share of the text that it is: the prediction is the same after every text. */
function measureUnigram() {
  const predict = () => SENTENCE.split(" ").reduce((shares, word) => ({ ...shares, [word]: (shares[word] ?? 0) + 0.1 }), {});
  const changes = (pairs) => pairs.filter((pair) => JSON.stringify(predict(pair[0])) !== JSON.stringify(predict(pair[1]))).length / pairs.length;
  const differs = (pairs) => ({ holds: changes(pairs) > 0, number: percent(changes(pairs)), texts: pairs.flat() });
  const total = Object.values(predict()).reduce((sum, share) => sum + share, 0);
  return {
    order: differs(SWAPPED),
    lengths: { holds: Math.abs(total - 1) < 1e-9, number: LENGTHS.map(() => sumText(total)).join(", "), texts: LENGTHS.map(textOfLength) },
    learns: { holds: false, number: t("matrix.counted"), texts: [] },
    groups: differs([...WORD_BEFORE, ...TWO_BEFORE]),
    long: differs(FAR_BACK),
  };
}
