// The foot of each tab: the request as a command, and a link that carries the input.

import { byId, make } from "./parts.js";
import { onLanguage, t } from "./texts.js";

const address = (path) => new URL(path, document.baseURI).href;
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const FORMS = {
  curl: (path, body) =>
    body === undefined
      ? `curl ${address(path)}`
      : `curl ${address(path)} -H 'content-type: application/json' \\\n  -d ${quoted(JSON.stringify(body))}`,
  Python: (path, body) =>
    [
      "import httpx",
      "",
      body === undefined
        ? `reply = httpx.get("${address(path)}")`
        : `reply = httpx.post("${address(path)}", json=${python(body)}, timeout=60)`,
      "print(reply.raise_for_status().json())",
    ].join("\n"),
  JavaScript: (path, body) =>
    [
      body === undefined
        ? `const reply = await fetch("${address(path)}");`
        : `const reply = await fetch("${address(path)}", {\n  method: "POST",\n  headers: { "content-type": "application/json" },\n  body: JSON.stringify(${JSON.stringify(body)}),\n});`,
      "console.log(await reply.json());",
    ].join("\n"),
};

function python(value) {
  if (value === null) return "None";
  if (value === true || value === false) return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${python(item)}`).join(", ")}}`;
  return JSON.stringify(value);
}

/** Put the foot under a tab. request() gives the path and the body of what the tab would ask now. */
export function addShare(panel, request) {
  const foot = panel.querySelector(".share");
  const said = make("span", { class: "hint", role: "status" });
  const fallback = make("textarea", { rows: 5, readonly: true, hidden: true });
  async function copy(text) {
    fallback.hidden = true;
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = t("copy.done");
    } catch {
      said.textContent = t("copy.failed");
      fallback.value = text;
      fallback.hidden = false;
      fallback.setAttribute("aria-label", t("copy.as"));
      fallback.select();
    }
    setTimeout(() => (said.textContent = ""), 4000);
  }
  const buttons = Object.entries(FORMS).map(([name, form]) => make("button", { type: "button", onclick: () => copy(form(...request())) }, name));
  const link = make("button", { type: "button", onclick: () => copy(location.href) });
  const [as, a] = [make("span"), make("span")];
  foot.append(as, ...buttons, a, link, said, fallback);
  const speak = () => {
    as.textContent = t("copy.as");
    a.textContent = t("copy.this");
    link.textContent = t("copy.link");
  };
  onLanguage(speak);
  speak();
}

/** The tab and the fields that the address's fragment carries. */
export function readLink() {
  const [tab, query = ""] = location.hash.slice(1).split("?");
  return { tab, fields: Object.fromEntries(new URLSearchParams(query)) };
}

/** Let the address carry a tab's fields; those that are empty are left out. */
export function writeLink(tab, fields) {
  const filled = Object.entries(fields).filter(([, value]) => value !== "" && value !== undefined);
  const query = new URLSearchParams(filled).toString();
  history.replaceState(null, "", `#${tab}${query && "?" + query}`);
}

/** The values of a tab's fields by short names; ids are those of the page, less the tab's name. */
export function fieldsOf(tab, ...ids) {
  return Object.fromEntries(ids.map((id) => [id, byId(`${tab}-${id}`).value]));
}
