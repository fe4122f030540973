// The part "Summarize" of the tab "Senses": a title for an abstract, and where each of its words was copied from.

import { fetchJson } from "./api.js";
import { Latest } from "./latest.js";
import { byId, make, tint } from "./parts.js";
import { onLanguage, percent, t } from "./texts.js";

export function summarizePart(part, onRequest) {
  const latest = new Latest(part.querySelector(".say"));
  const area = byId("senses-abstract");
  const [summary, source] = [byId("summarize-result"), byId("summarize-source")];
  let shown = null; // { text, result }

  const body = () => ({ text: area.value, words: true });

  function run() {
    if (!area.value.trim()) {
      latest.reset(() => show(null));
      latest.showMessage(t("write.empty"));
      return;
    }
    onRequest(["summarize", body()]);
    latest.run(async (signal) => {
      const text = area.value;
      const { results: [result] } = await fetchJson("summarize", body(), signal);
      return () => show({ text, result });
    }, () => show(null));
  }

  function show(reply) {
    shown = reply;
    byId("summarize-shown").hidden = !reply;
    if (!reply) return;
    const { text, result } = reply;
    const marks = spans(source, text, result.words.filter((word) => word.source).map((word) => ({ ...word.source, copied: word.copied })));
    const written = spans(summary, result.summary, result.words);
    written.forEach(({ node, span }) => {
      node.tabIndex = 0;
      node.title = t("summarize.word", { percent: percent(span.copied) });
      const light = (lit) => {
        node.classList.toggle("lit", lit);
        for (const mark of marks) mark.node.classList.toggle("lit", lit && span.source !== null && mark.span.start === span.source.start);
        byId("summarize-readout").textContent = lit ? `“${node.textContent}”: ${node.title}` : "";
      };
      for (const event of ["pointerenter", "focus"]) node.addEventListener(event, () => light(true));
      for (const event of ["pointerleave", "blur"]) node.addEventListener(event, () => light(false));
    });
  }

  byId("summarize-run").addEventListener("click", run);
  onLanguage(() => show(shown));
  return { kind: "summarizer", leave: () => latest.cancel() };
}

/** Show a text with spans, tinted by their share that is copied; returns them with their elements. Offsets count code points. */
function spans(element, text, list) {
  const characters = [...text];
  const nodes = [];
  const found = [];
  let end = 0;
  for (const span of [...list].sort((a, b) => a.start - b.start)) {
    if (span.start < end) continue; // a word that was copied twice
    nodes.push(characters.slice(end, span.start).join(""));
    const node = make("span", { class: "tint" }, characters.slice(span.start, span.end).join(""));
    tint(node, "for", 0.5 * span.copied);
    nodes.push(node);
    found.push({ node, span });
    end = span.end;
  }
  element.replaceChildren(...nodes, characters.slice(end).join(""));
  return found;
}
