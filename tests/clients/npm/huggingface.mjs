// Calls each task of a running service with @huggingface/inference; the last line of output is what it answered.
import { InferenceClient } from "@huggingface/inference";

const [, , base, key] = process.argv;
const client = new InferenceClient(key);
const model = (name) => client.endpoint(`${base}/hf/${name}`);
const continued = { inputs: "the man sees", parameters: { max_new_tokens: 8, seed: 5, temperature: 1 } };

const pieces = [];
for await (const chunk of model("language-en").textGenerationStream(continued)) pieces.push(chunk.choices[0].text);
const problem = await model("none")
  .textGeneration(continued)
  .catch((error) => [error.name, error.httpResponse.status, error.message]);

console.log(
  JSON.stringify({
    text: await model("language-en").textGeneration(continued),
    pieces,
    labels: await model("sentiment-en").textClassification({ inputs: "a very good film" }),
    translation: await model("translation-en-tr").translation({ inputs: "The man." }),
    problem,
  }),
);
