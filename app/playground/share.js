// The foot of each tab: copies the request as a command, or a link with the tab's fields.

import { apiKey } from "./api.js";
import { byId, make } from "./parts.js";
import { language, onLanguage, t } from "./texts.js";

const FILE = "speech.wav";
const isFile = (path) => path === "speak"; // its reply is sound, not JSON
const urlOf = (path) => new URL(path, document.baseURI).href;
const shellQuoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const FORMATS = {
  curl: (path, body) => {
    const headers = Object.entries(headersOf(body)).map(([name, value]) => ` -H ${shellQuoted(`${name}: ${value}`)}`).join("");
    return `curl ${urlOf(path)}${headers}${isFile(path) ? ` -o ${FILE}` : ""}` + (body === undefined ? "" : ` \\\n  -d ${shellQuoted(JSON.stringify(body))}`);
  },
  Python: (path, body) => {
    const headers = apiKey() ? `, headers=${pythonLiteral(keyHeader())}` : "";
    const call = body === undefined ? `get("${urlOf(path)}"${headers})` : `post("${urlOf(path)}"${headers}, json=${pythonLiteral(body)}, timeout=60)`;
    const end = isFile(path) ? `open("${FILE}", "wb").write(reply.raise_for_status().content)` : "print(reply.raise_for_status().json())";
    return `import httpx  # pip install httpx\n\nreply = httpx.${call}\n${end}`;
  },
  JavaScript: (path, body) => {
    const headers = JSON.stringify(headersOf(body));
    const options = body === undefined ? `{ headers: ${headers} }` : `{\n  method: "POST",\n  headers: ${headers},\n  body: JSON.stringify(${JSON.stringify(body)}),\n}`;
    return `const reply = await fetch("${urlOf(path)}", ${options});\nconsole.log(await reply.${isFile(path) ? "blob" : "json"}());`;
  },
};

const keyHeader = () => (apiKey() ? { authorization: `Bearer ${apiKey()}` } : {});
const headersOf = (body) => ({ ...(body !== undefined && { "content-type": "application/json" }), ...keyHeader() });

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
  const link = make("button", { type: "button", onclick: () => copy(currentLink()) });
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

const LINK_MS = 400; // Safari refuses more than 100 changes of the address in 30 s
let pending = null; // the fragment that is to be written
let written = ""; // in place of this one: if it has changed meanwhile, the reader has gone elsewhere
let timer = null;

let redirected = null;

/** Call a listener with the fields that tabs would write to the link: a tab is then a figure of the lecture. null ends it. */
export const redirectLinks = (listener) => (redirected = listener);

/** Write a tab, its fields without empty ones, and the page's language to the URL's fragment, soon. */
export function writeLink(tab, fields) {
  if (redirected && !tab.startsWith("lecture")) {
    redirected(tab, fields);
    return;
  }
  const filled = Object.entries({ ...fields, lang: language() }).filter(([, value]) => value !== "" && value !== undefined);
  pending = `#${tab}?${new URLSearchParams(filled)}`;
  written = location.hash;
  timer ??= setTimeout(flushLink, LINK_MS);
}

/** Go to a tab's address: the browser's Back returns to the one before. */
export function pushLink(tab) {
  flushLink();
  try {
    history.pushState(null, "", `#${tab}`);
  } catch {
    // too many changes for this browser: Back will pass this one over
  }
}

/** Write the fragment that waits. */
export function flushLink() {
  clearTimeout(timer);
  timer = null;
  try {
    if (pending !== null && location.hash === written) history.replaceState(null, "", pending);
    pending = null;
  } catch {
    timer = setTimeout(flushLink, 10 * LINK_MS); // too many changes for this browser
  }
}

/** The address of what is shown. */
function currentLink() {
  return pending === null ? location.href : new URL(pending, location.href).href;
}

/** The values of a tab's fields by name; an element's id is the tab's name, a hyphen and the field's name. */
export function fieldsOf(tab, ...names) {
  return Object.fromEntries(names.map((name) => [name, byId(`${tab}-${name}`).value]));
}
