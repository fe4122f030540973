// Requests to the service: JSON, streams and errors.

const KEY = "carousel.key";
const UNREACHABLE = 0;

export const apiKey = () => sessionStorage.getItem(KEY);
export const setApiKey = (key) => sessionStorage.setItem(KEY, key);

/** An error response with its problem document; status 0 means that the server could not be reached. */
export class Problem extends Error {
  constructor(status, document = {}, retryAfter = NaN, id = "") {
    super(document.detail ?? document.error?.message ?? ""); // the latter under /v1
    this.status = status;
    this.pointer = document.errors?.[0]?.pointer ?? "";
    this.cause = document.errors?.[0]?.detail ?? this.message; // the detail of several errors only lists their pointers
    this.retryAfter = retryAfter;
    this.id = id;
  }

  /** Seconds until the next attempt; null if a retry would not help. */
  retryDelay(attempt) {
    if (this.status === 429) return Math.max(1, this.retryAfter || 2 ** attempt);
    return this.status === UNREACHABLE || this.status === 503 ? Math.min(5, 0.5 * 2 ** attempt) : null;
  }
}

async function send(path, body, signal) {
  const key = apiKey();
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  const options = { headers, signal };
  if (body !== undefined) {
    const isFile = body instanceof Blob;
    Object.assign(options, { method: "POST", body: isFile ? body : JSON.stringify(body) });
    headers["content-type"] = isFile ? body.type : "application/json";
  }
  const response = await catchNetworkErrors(() => fetch(path, options), signal);
  if (response.ok) return response;
  const document = await response.json().catch(() => ({}));
  throw new Problem(response.status, document, Number(response.headers.get("retry-after")), response.headers.get("x-request-id"));
}

/** The result of work(). A failed connection becomes a Problem; an aborted one keeps its error. */
async function catchNetworkErrors(work, signal) {
  try {
    return await work();
  } catch (error) {
    throw signal?.aborted ? error : new Problem(UNREACHABLE);
  }
}

/** GET a path, or POST a body to it, a file as it is, and return the response's JSON. */
export async function fetchJson(path, body, signal) {
  const response = await send(path, body, signal);
  return catchNetworkErrors(() => response.json(), signal);
}

/** POST a body, and return the response's bytes. */
export async function fetchBytes(path, body, signal) {
  const response = await send(path, body, signal);
  return catchNetworkErrors(() => response.arrayBuffer(), signal);
}

export async function fetchText(path, signal) {
  const response = await send(path, undefined, signal);
  return catchNetworkErrors(() => response.text(), signal);
}

/** POST a body and yield the Server-Sent Events of the response as { name, data }. */
export async function* streamEvents(path, body, signal) {
  const response = await send(path, { ...body, stream: true }, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { done, value } = await catchNetworkErrors(() => reader.read(), signal);
    if (done) return;
    const blocks = (buffer + value).replaceAll("\r", "").split("\n\n");
    buffer = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => line.match(/^(\w*):? ?(.*)$/s).slice(1)));
      if (fields.data) yield { name: fields.event, data: JSON.parse(fields.data) };
    }
  }
}
