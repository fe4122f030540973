// The steps of the lecture, in its order. Each has a title, a text, a figure (a list: several, one below the other) with
// its setting, and most a question or an exercise, which is solved when `solved` holds of what the figure has measured;
// `solution` is a setting with which it does. Texts are { en, tr }; paragraphs are separated by empty lines.

import { COUNTING } from "./steps/counting.js";
import { GENERATION } from "./steps/generation.js";
import { NETWORKS } from "./steps/networks.js";
import { VECTORS } from "./steps/vectors.js";

export const STEPS = [...COUNTING, ...VECTORS, ...NETWORKS, ...GENERATION];
