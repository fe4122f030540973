// A tab of the page, or a part of one, as a figure: its elements are borrowed while the figure is shown.

import { byId } from "../../parts.js";
import { redirectLinks } from "../../share.js";

export const fields = { tab: "", part: "" };

export function create(host, context) {
  const { tab, part } = context.values;
  const source = byId(part || tab);
  const borrowed = part ? [source] : [...source.childNodes];
  const mark = document.createComment("a figure of the lecture has what belongs here");
  (part ? source : borrowed[0]).before(mark);
  const box = document.createElement("div");
  box.className = "borrowed stack";
  box.append(...borrowed);
  host.append(box);
  for (const name of context.tabs[tab].fields) {
    const field = byId(`${tab}-${name}`);
    if (field.type === "hidden") field.value = ""; // what was chosen for another text
    if (context.values[name] === undefined) continue;
    field.value = context.values[name];
    if (field.localName === "select" && field.value !== context.values[name]) field.dataset.pending = context.values[name];
  }
  const area = byId(`${tab}-text`);
  if (area && !area.value) area.value = context.tabs[tab].start();
  redirectLinks((name, values) => {
    if (name !== tab) return;
    Object.assign(context.values, values);
    context.onChange();
  });
  context.tabs[tab].refresh();
  return {
    update() {},
    leave() {
      context.tabs[tab].leave();
      redirectLinks(null);
      mark.replaceWith(...borrowed);
    },
  };
}
