// Spans of a text that a person has marked, as the link has them: "4-7,20-25", in code points.

/** The spans of a link's field that are in the text. */
export function parseMarks(field, text) {
  const length = [...text].length;
  const pairs = field.split(",").map((part) => /^(\d+)-(\d+)$/.exec(part)).filter(Boolean);
  const spans = pairs.map(([, start, end]) => ({ start: Number(start), end: Number(end) }));
  return spans.filter(({ start, end }) => start < end && end <= length);
}

export const formatMarks = (spans) => spans.map(({ start, end }) => `${start}-${end}`).join(",");

/** Spans of a text after an edit: those before and behind the characters that have changed stay with their words, others go. */
export function movedMarks(spans, before, after) {
  const [old, now] = [[...before], [...after]];
  const shorter = Math.min(old.length, now.length);
  let head = 0;
  while (head < shorter && old[head] === now[head]) head++;
  let tail = 0;
  while (tail < shorter - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
  const shift = now.length - old.length;
  return spans.flatMap(({ start, end }) => {
    if (end <= head) return [{ start, end }];
    return start >= old.length - tail ? [{ start: start + shift, end: end + shift }] : [];
  });
}

/** The span of a token without the white space around its word. */
export function wordSpan({ text, start, end }) {
  const word = [...text.trim()];
  if (!word.length || [...text].length !== end - start) return { start, end }; // the model reads other characters than these
  const first = start + [...text].length - [...text.trimStart()].length;
  return { start: first, end: first + word.length };
}
