// Requests to the service: JSON, streams, and what can go wrong.

const KEY = "carousel.key";
const LOST = 0;

export const useKey = (key) => sessionStorage.setItem(KEY, key);

/** What the server refused, by its problem document; status 0 is a server that can't be reached. */
export class Problem extends Error {
  constructor(status, document = {}, retryAfter = NaN, id = "") {
    super(document.detail ?? "");
    this.status = status;
    this.pointer = document.errors?.[0]?.pointer ?? "";
    this.retryAfter = retryAfter;
    this.id = id;
  }

  /** In how many seconds to try again; null where that would change nothing. */
  pause(attempt) {
    if (this.status === 429) return Math.max(1, this.retryAfter || 2 ** attempt);
    return this.status === LOST || this.status === 503 ? Math.min(5, 0.5 * 2 ** attempt) : null;
  }
}

async function send(path, body, signal) {
  const key = sessionStorage.getItem(KEY);
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  const options = { headers, signal };
  if (body !== undefined) {
    Object.assign(options, { method: "POST", body: JSON.stringify(body) });
    headers["content-type"] = "application/json";
  }
  const response = await reached(() => fetch(path, options), signal);
  if (response.ok) return response;
  const document = await response.json().catch(() => ({}));
  throw new Problem(response.status, document, Number(response.headers.get("retry-after")), response.headers.get("x-request-id"));
}

/** What work gives; a connection that fails becomes a Problem. */
async function reached(work, signal) {
  try {
    return await work();
  } catch (error) {
    throw signal?.aborted ? error : new Problem(LOST);
  }
}

/** GET a path, or POST a body to it; the reply's JSON. */
export async function ask(path, body, signal) {
  const response = await send(path, body, signal);
  return reached(() => response.json(), signal);
}

export async function askText(path, signal) {
  const response = await send(path, undefined, signal);
  return reached(() => response.text(), signal);
}

/** POST a body, and yield the events of the stream that comes back, as { name, data }. */
export async function* events(path, body, signal) {
  const response = await send(path, { ...body, stream: true }, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reached(() => reader.read(), signal);
    if (done) return;
    const blocks = (rest + value).replaceAll("\r", "").split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => line.match(/^(\w*):? ?(.*)$/s).slice(1)));
      if (fields.data) yield { name: fields.event, data: JSON.parse(fields.data) };
    }
  }
}
