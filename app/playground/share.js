// The foot of each tab: copies the request as a command, or a link with the tab's fields.

import { byId, make } from "./parts.js";
import { onLanguage, t } from "./texts.js";

const urlOf = (path) => new URL(path, document.baseURI).href;
const shellQuoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const FORMATS = {
  curl: (path, body) =>
    body === undefined
      ? `curl ${urlOf(path)}`
      : `curl ${urlOf(path)} -H 'content-type: application/json' \\\n  -d ${shellQuoted(JSON.stringify(body))}`,
  Python: (path, body) =>
    [
      "import httpx",
      "",
      body === undefined
        ? `reply = httpx.get("${urlOf(path)}")`
        : `reply = httpx.post("${urlOf(path)}", json=${pythonLiteral(body)}, timeout=60)`,
      "print(reply.raise_for_status().json())",
    ].join("\n"),
  JavaScript: (path, body) =>
    [
      body === undefined
        ? `const reply = await fetch("${urlOf(path)}");`
        : `const reply = await fetch("${urlOf(path)}", {\n  method: "POST",\n  headers: { "content-type": "application/json" },\n  body: JSON.stringify(${JSON.stringify(body)}),\n});`,
      "console.log(await reply.json());",
    ].join("\n"),
};

function pythonLiteral(value) {
  if (value === null) return "None";
  if (value === true || value === false) return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${pythonLiteral(item)}`).join(", ")}}`;
  return JSON.stringify(value);
}

/** Add the foot to a tab. request() returns the path and body of the tab's current request. */
export function addShare(panel, request) {
  const foot = panel.querySelector(".share");
  const status = make("span", { class: "hint", role: "status" });
  const fallback = make("textarea", { rows: 5, readonly: true, hidden: true });
  async function copy(text) {
    fallback.hidden = true;
    try {
      await navigator.clipboard.writeText(text);
      status.textContent = t("copy.done");
    } catch {
      status.textContent = t("copy.failed");
      fallback.value = text;
      fallback.hidden = false;
      fallback.setAttribute("aria-label", t("copy.as"));
      fallback.select();
    }
    setTimeout(() => (status.textContent = ""), 4000);
  }
  const buttons = Object.entries(FORMATS).map(([name, format]) => make("button", { type: "button", onclick: () => copy(format(...request())) }, name));
  const link = make("button", { type: "button", onclick: () => copy(location.href) });
  const [copyAs, copyThe] = [make("span"), make("span")];
  foot.append(copyAs, ...buttons, copyThe, link, status, fallback);
  const showTexts = () => {
    copyAs.textContent = t("copy.as");
    copyThe.textContent = t("copy.this");
    link.textContent = t("copy.link");
  };
  onLanguage(showTexts);
  showTexts();
}

/** The tab and its fields in the URL's fragment. */
export function readLink() {
  const [tab, query = ""] = location.hash.slice(1).split("?");
  return { tab, fields: Object.fromEntries(new URLSearchParams(query)) };
}

/** Write a tab and its fields to the URL's fragment, without empty ones. */
export function writeLink(tab, fields) {
  const filled = Object.entries(fields).filter(([, value]) => value !== "" && value !== undefined);
  const query = new URLSearchParams(filled).toString();
  history.replaceState(null, "", `#${tab}${query && "?" + query}`);
}

/** The values of a tab's fields by name; an element's id is the tab's name, a hyphen and the field's name. */
export function fieldsOf(tab, ...names) {
  return Object.fromEntries(names.map((name) => [name, byId(`${tab}-${name}`).value]));
}
