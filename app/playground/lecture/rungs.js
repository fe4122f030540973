// The ladder of language models: which there are, their names, and their predictions.

import { fetchJson } from "../api.js";
import { rungsOf } from "../ladder.js";
import { UNKNOWN } from "../parts.js";

export { rungName } from "../ladder.js";

const IMPOSSIBLE = Math.log(1e-29); // a log-probability below this stands for a probability of 0

/** The language models of a language, the lowest rung first. */
export function languageModels(models, language) {
  return rungsOf(models).filter((model) => model.languages.includes(language));
}

/** The likeliest next words as { name, share }, and the probability of all others, which has that of unknown words. */
export async function nextWords(model, text, top, signal) {
  const reply = await fetchJson("next-word-probs", { model: model.name, text, top: top + 1 }, signal);
  const known = reply.next.filter(({ word }) => word !== UNKNOWN).slice(0, top);
  const entries = known.map(({ word, probability }) => ({ name: word, share: probability }));
  return { entries, other: Math.max(0, 1 - entries.reduce((sum, entry) => sum + entry.share, 0)) };
}

/** The probabilities of some words after a text, by word. */
export async function wordShares(model, text, candidates, signal) {
  const { next } = await fetchJson("next-word-probs", { model: model.name, text, candidates }, signal);
  return Object.fromEntries(next.map(({ word, probability }) => [word, probability]));
}

/**
 * The surprise at each word of a text: -log2 of its probability, given the words before it; null at the first word,
 * before which there is nothing, and Infinity where the model holds a word to be impossible.
 */
export async function surprises(model, text, signal) {
  const body = { model: model.name, prompt: text, max_tokens: 0, echo: true, logprobs: 0 };
  const { tokens, token_logprobs: logprobs } = (await fetchJson("v1/completions", body, signal)).choices[0].logprobs;
  const words = [];
  tokens.forEach((token, index) => {
    if (!words.length || /^\s/.test(token)) words.push(null);
    if (logprobs[index] === null) return;
    const bits = logprobs[index] < IMPOSSIBLE ? Infinity : -logprobs[index] / Math.LN2;
    words.push((words.pop() ?? 0) + bits);
  });
  return words;
}

/**
 * At least how far two predictions differ: half of the sum of the differences of all probabilities (their total variation
 * distance), from 0 to 1. A word that only one of them lists counts with what exceeds the least listed one of the other.
 */
export function difference(a, b) {
  const shares = [a, b].map(({ entries }) => new Map(entries.map(({ name, share }) => [name, share])));
  const least = shares.map((of) => Math.min(...of.values()));
  let sum = 0;
  for (const word of new Set([...shares[0].keys(), ...shares[1].keys()])) {
    const [p, q] = shares.map((of) => of.get(word));
    sum += p === undefined ? Math.max(0, q - least[0]) : q === undefined ? Math.max(0, p - least[1]) : Math.abs(p - q);
  }
  return sum / 2;
}
