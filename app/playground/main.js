// The page put together: tabs, language, theme, links, the API key.

import { ask, useKey } from "./api.js";
import { feelTab } from "./feel.js";
import { insideTab } from "./inside.js";
import { ladderTab } from "./ladder.js";
import { Latest } from "./latest.js";
import { modelsTab } from "./models.js";
import { byId } from "./parts.js";
import { readLink } from "./share.js";
import { language, languages, onLanguage, speak, t } from "./texts.js";
import { translateTab } from "./translate.js";
import { writeTab } from "./write.js";

const THEMES = ["auto", "light", "dark"];
const MAKERS = { write: writeTab, feel: feelTab, translate: translateTab, inside: insideTab, ladder: ladderTab, models: modelsTab };
const remembered = (name) => localStorage.getItem(`carousel.${name}`);
const remember = (name, value) => localStorage.setItem(`carousel.${name}`, value);

const tabs = Object.fromEntries(Object.entries(MAKERS).map(([name, tab]) => [name, tab(byId(name))]));
const loading = new Latest(byId("write").querySelector(".say"));
let open = null;

/** Show a tab; the first time, with what the link carries, or an example. */
function show(name) {
  if (open === name) return;
  if (open) tabs[open].leave();
  open = name;
  for (const other of Object.keys(tabs)) {
    byId(other).hidden = other !== name;
    const tab = byId(`tab-${other}`);
    tab.setAttribute("aria-selected", String(other === name));
    tab.tabIndex = other === name ? 0 : -1;
  }
  const area = byId(`${name}-text`);
  if (area && !area.value) area.value = tabs[name].start();
  tabs[name].refresh();
}

/** Put what a link carries into the page. */
function follow() {
  const { tab, fields } = readLink();
  const name = tab in tabs ? tab : "write";
  for (const id of tabs[name].fields) {
    if (!(id in fields)) continue;
    const field = byId(`${name}-${id}`);
    field.value = fields[id];
    if (field.localName === "select" && field.value !== fields[id]) field.dataset.wanted = fields[id]; // once it has options
  }
  if (open === name) tabs[name].refresh();
  else show(name);
}

function setTheme(name) {
  remember("theme", name);
  const dark = name === "dark" || (name === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  byId("theme").dataset.t = `theme.${name}`;
  byId("theme").textContent = t(`theme.${name}`);
}

function setLanguage(name) {
  remember("language", name);
  const examples = Object.keys(tabs).filter((tab) => byId(`${tab}-text`)?.value === tabs[tab].start());
  speak(name);
  for (const tab of examples) byId(`${tab}-text`).value = tabs[tab].start(); // untouched: the example of the other language
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === language()));
  if (open) tabs[open].refresh();
}

byId("tabs").addEventListener("click", (event) => {
  const tab = event.target.closest("[role=tab]");
  if (tab) show(tab.getAttribute("aria-controls"));
});
byId("tabs").addEventListener("keydown", (event) => {
  const names = Object.keys(tabs);
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const place = step ? names.indexOf(open) + step + names.length : { Home: 0, End: names.length - 1 }[event.key];
  if (place === undefined) return;
  event.preventDefault();
  show(names[place % names.length]);
  byId(`tab-${open}`).focus();
});
for (const button of document.querySelectorAll("[data-language]")) button.addEventListener("click", () => setLanguage(button.dataset.language));
byId("theme").addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf(remembered("theme") ?? "auto") + 1) % THEMES.length]));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(remembered("theme") ?? "auto"));
addEventListener("hashchange", follow);

const dialog = byId("key-dialog");
document.addEventListener("key-needed", () => dialog.open || dialog.showModal());
dialog.addEventListener("close", () => {
  if (dialog.returnValue !== "use") return;
  useKey(byId("key").value);
  start();
});

/** Learn which models there are, and show the tab that the address names. */
function start() {
  loading.run(async (signal) => {
    const { models } = await ask("models", undefined, signal);
    return () => {
      const list = () => Object.values(tabs).forEach((tab) => tab.models(models));
      list();
      onLanguage(list);
      if (open) tabs[open].refresh();
    };
  });
}

const wanted = remembered("language") ?? navigator.languages.map((name) => name.slice(0, 2)).find((name) => languages.includes(name));
speak(wanted ?? "en");
for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === language()));
setTheme(remembered("theme") ?? "auto");
follow();
start();
