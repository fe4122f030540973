// The tab "Senses": images, sound and summaries as sequences. Each part is shown where the server has a model for it.

import { drawPart } from "./draw.js";
import { listenPart, speakPart } from "./listen.js";
import { byId } from "./parts.js";
import { readPart } from "./read.js";
import { addShare, fieldsOf, writeLink } from "./share.js";
import { summarizePart } from "./summarize.js";
import { onLanguage, t } from "./texts.js";

const FIELDS = ["digit", "rows", "temperature", "seed", "spoken", "abstract"];

export function sensesTab(panel) {
  let request = null; // the last one
  const note = (latest) => {
    request = latest;
    writeLink("senses", fieldsOf("senses", ...FIELDS));
  };
  const draw = drawPart(byId("senses-draw"), note);
  const listen = listenPart(byId("senses-listen"));
  const parts = {
    "senses-draw": draw,
    "senses-read": readPart(byId("senses-read"), note),
    "senses-listen": listen,
    "senses-speak": speakPart(byId("senses-speak"), listen, note),
    "senses-summarize": summarizePart(byId("senses-summarize"), note),
  };
  const examples = ["spoken", "abstract"].map((name) => byId(`senses-${name}`));
  let example = {};

  /** A field that has the example of the other language, or nothing yet, gets that of this one. */
  function showExamples() {
    for (const field of examples) {
      if (!field.value || field.value === example[field.id]) field.value = t(field.id.replace("-", "."));
      example[field.id] = t(field.id.replace("-", "."));
    }
  }

  addShare(panel, () => request ?? draw.request());
  onLanguage(showExamples);
  return {
    fields: FIELDS,
    start: () => "",
    models(models) {
      for (const [id, part] of Object.entries(parts)) {
        byId(id).hidden = !models.some((model) => model.kind === part.kind);
        part.models?.(models);
      }
      byId("senses-none").hidden = Object.keys(parts).some((id) => !byId(id).hidden);
    },
    refresh() {
      showExamples();
      for (const part of Object.values(parts)) part.refresh?.();
    },
    leave: () => Object.values(parts).forEach((part) => part.leave()),
  };
}
