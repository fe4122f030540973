// The entry point: tabs, language, theme, links and the API key.

import { apiKey, fetchJson, setApiKey } from "./api.js";
import { feelTab } from "./feel.js";
import { insideTab } from "./inside.js";
import { ladderTab } from "./ladder.js";
import { Latest } from "./latest.js";
import { lectureTab } from "./lecture/tab.js";
import { modelsTab } from "./models.js";
import { byId } from "./parts.js";
import { sensesTab } from "./senses.js";
import { flushLink, pushLink, readLink } from "./share.js";
import { applyLanguage, language, languages, onLanguage, t } from "./texts.js";
import { translateTab } from "./translate.js";
import { writeTab } from "./write.js";

const THEMES = ["auto", "light", "dark"];
const TABS = { write: writeTab, feel: feelTab, translate: translateTab, senses: sensesTab, inside: insideTab, ladder: ladderTab, lecture: lectureTab, models: modelsTab };
const loadSetting = (name) => localStorage.getItem(`carousel.${name}`);
const saveSetting = (name, value) => localStorage.setItem(`carousel.${name}`, value);

const tabs = {};
for (const [name, createTab] of Object.entries(TABS)) tabs[name] = createTab(byId(name), tabs);
const loading = new Latest(byId("write-story-say"));
let openTab = null;

/** Show a tab that a person chose: the browser's Back returns to the one before. */
function chooseTab(name) {
  if (openTab === name) return;
  pushLink(name);
  showTab(name);
}

/** Show a tab. A text field that is empty, as it is without a link, gets an example. */
function showTab(name) {
  if (openTab === name) return;
  if (openTab) tabs[openTab].leave();
  openTab = name;
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

/** Set the language and the fields that the link carries, and show its tab. */
function applyLink() {
  const { tab, fields } = readLink();
  const [base, part] = tab.split("/");
  if (languages.includes(fields.lang) && fields.lang !== language()) showLanguage(fields.lang);
  const name = base in tabs ? base : "write";
  tabs[name].open?.(part, fields);
  for (const id of tabs[name].fields) {
    const field = byId(`${name}-${id}`);
    if (field.type === "hidden" && "text" in fields) field.value = ""; // what was chosen for another text
    if (!(id in fields)) continue;
    field.value = fields[id];
    if (field.localName === "select" && field.value !== fields[id]) field.dataset.pending = fields[id]; // its options are not loaded yet
  }
  if (openTab === name) tabs[name].refresh();
  else showTab(name);
}

function setTheme(name) {
  saveSetting("theme", name);
  const dark = name === "dark" || (name === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  byId("theme").dataset.t = `theme.${name}`;
  byId("theme").textContent = t(`theme.${name}`);
}

function setLanguage(name) {
  saveSetting("language", name);
  showLanguage(name);
  flushLink(); // a reload reads the language from the link
}

function showLanguage(name) {
  const examples = Object.keys(tabs).filter((tab) => byId(`${tab}-text`)?.value === tabs[tab].start());
  applyLanguage(name);
  for (const tab of examples) byId(`${tab}-text`).value = tabs[tab].start(); // an example that was not edited is replaced by the new language's
  for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === language()));
  if (openTab) tabs[openTab].refresh();
}

byId("tabs").addEventListener("click", (event) => {
  const tab = event.target.closest("[role=tab]");
  if (!tab) return;
  chooseTab(tab.getAttribute("aria-controls"));
  if (event.detail && openTab === "lecture") tab.blur(); // after a click, not a key: the arrow keys then turn the steps
});
byId("tabs").addEventListener("keydown", (event) => {
  const names = Object.keys(tabs);
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const index = step ? names.indexOf(openTab) + step + names.length : { Home: 0, End: names.length - 1 }[event.key];
  if (index === undefined) return;
  event.preventDefault();
  chooseTab(names[index % names.length]);
  byId(`tab-${openTab}`).focus();
});
for (const button of document.querySelectorAll("[data-language]")) button.addEventListener("click", () => setLanguage(button.dataset.language));
byId("theme").addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf(loadSetting("theme") ?? "auto") + 1) % THEMES.length]));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(loadSetting("theme") ?? "auto"));
addEventListener("hashchange", applyLink);
document.addEventListener("open-tab", ({ detail }) => chooseTab(detail));

const dialog = byId("key-dialog");
document.addEventListener("key-needed", () => {
  if (dialog.open) return;
  byId("key-say").textContent = apiKey() ? t("error.wrongkey") : "";
  dialog.showModal();
});
dialog.addEventListener("close", () => {
  if (dialog.returnValue !== "use") return;
  setApiKey(byId("key").value);
  start();
});

/** Load the list of models, and refresh the open tab. */
function start() {
  loading.run(async (signal) => {
    const { models } = await fetchJson("models", undefined, signal);
    return () => {
      const listModels = () => Object.values(tabs).forEach((tab) => tab.models(models));
      listModels();
      onLanguage(listModels);
      if (openTab) tabs[openTab].refresh();
    };
  });
}

applyLanguage(document.documentElement.lang); // which first.js has set
document.documentElement.removeAttribute("data-untranslated");
for (const button of document.querySelectorAll("[data-language]")) button.setAttribute("aria-pressed", String(button.dataset.language === language()));
setTheme(loadSetting("theme") ?? "auto");
applyLink();
start();
