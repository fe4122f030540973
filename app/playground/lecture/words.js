// Words of a text, counted in the browser.

/** The words of a text as it has them, split at white space, each with its span. */
export function wordsOf(text) {
  return [...text.matchAll(/\S+/g)].map((match) => ({ text: match[0], start: match.index, end: match.index + match[0].length }));
}

/** As words are counted: in lower case. */
export const lowered = (words, language) => words.map((word) => word.text.toLocaleLowerCase(language));

/**
 * What follows each sequence of `before` words: Map(context => Map(next word => the indices of its occurrences)), in
 * the order of the text. A context is its words, joined by spaces.
 */
export function countTable(words, before) {
  const rows = new Map();
  for (let index = before; index < words.length; index++) {
    const context = words.slice(index - before, index).join(" ");
    if (!rows.has(context)) rows.set(context, new Map());
    const next = rows.get(context);
    next.set(words[index], [...(next.get(words[index]) ?? []), index]);
  }
  return rows;
}

/** The different words of a text by their first occurrence: a dictionary, in which the index of a word is its position. */
export const dictionary = (words) => [...new Set(words)];

/** How often each word of a dictionary occurs. */
export function bagOf(words, vocabulary) {
  return vocabulary.map((word) => words.filter((other) => other === word).length);
}

/** Of each token as the API lists it, the index of the word that it is a part of. */
export function wordOfEach(tokens) {
  let word = -1;
  let ended = true; // the word before
  return tokens.map((token, index) => {
    ended ||= /^\s/.test(token.text) || token.start > tokens[index - 1].end;
    if (ended && token.text.trim()) {
      word += 1;
      ended = false;
    }
    return Math.max(0, word);
  });
}

/** Whose rules of lower case a text needs: Turkish has two letters i. */
export const languageOf = (text) => (/[çğıöşüÇĞİÖŞÜ]/.test(text) ? "tr" : "en");
