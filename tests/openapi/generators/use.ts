// Calls a running service with hey-api's client; each body and reply has openapi-typescript's type too.
import { classify, generate, nextWordProbs, translate } from "./hey";
import { client } from "./hey/client.gen";
import type { paths } from "./schema";

declare const process: { argv: [string, string, string, string] };

type Post<Path extends keyof paths> = NonNullable<paths[Path]["post"]>;
type Body<Path extends keyof paths> =
  Post<Path> extends { requestBody: { content: { "application/json": infer Type } } } ? Type : never;
type Reply<Path extends keyof paths> =
  Post<Path> extends { responses: { 200: { content: { "application/json": infer Type } } } } ? Type : never;

const continued: Body<"/generate"> = { prompt: "the man sees", seed: 5, max_new_tokens: 8 };
const words: Body<"/next-word-probs"> = { text: "the man", top: 3, language: null };
const judged: Body<"/classify"> = { text: ["a good film", "kötü bir film"] };
const sentence: Body<"/translate"> = { text: "the man sees the dog.", source: "en", target: "tr" };

async function main(): Promise<void> {
  const [, , baseUrl, auth] = process.argv;
  client.setConfig({ baseUrl, auth });
  const text: Reply<"/generate"> = (await generate({ body: continued, throwOnError: true })).data;
  const next: Reply<"/next-word-probs"> = (await nextWordProbs({ body: words, throwOnError: true })).data;
  const labels: Reply<"/classify"> = (await classify({ body: judged, throwOnError: true })).data;
  const translation: Reply<"/translate"> = (await translate({ body: sentence, throwOnError: true })).data;
  const { error, response } = await classify({ body: { text: "x", model: "none" }, throwOnError: false });
  const lengths = [text.choices[0].text?.length, next.next.length, labels.results.length, translation.results.length];
  const calls = {
    "/generate": [continued, text],
    "/next-word-probs": [words, next],
    "/classify": [judged, labels],
    "/translate": [sentence, translation],
  };
  console.log(JSON.stringify({ calls, lengths, problem: [response.status, error?.detail] }));
}

void main();
