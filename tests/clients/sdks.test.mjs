// The npm clients, unmodified, against a server that tests/clients/run.py has started.
import assert from "node:assert/strict";
import { test } from "node:test";

const url = process.env.TEXTFN_URL;
const MINILM = "@hf/sentence-transformers/all-minilm-l6-v2";
const STORIES = ["This is a story about an orange cloud", "This is a story about a llama"];
const HAPPY = "That is a happy person";
const SENTENCES = ["That is a happy dog", "That is a very happy person", "Today is a sunny day"];
const PUBLISHED = [0.69457736, 0.9429149, 0.25687605];
const GREAT = "This pizza is great!";

const plain = await fetch(`${url}/client/v4/accounts/me/ai/run/${MINILM}`, {
  method: "POST",
  body: JSON.stringify({ text: STORIES }),
});
const vectors = (await plain.json()).result.data;

function near(found, expected, tolerance = 0.02) {
  assert.equal(found.length, expected.length);
  found.forEach((number, index) => assert.ok(Math.abs(number - expected[index]) <= tolerance));
}

async function workersAI() {
  const { default: Cloudflare } = await import("cloudflare");

  const client = new Cloudflare({ baseURL: `${url}/client/v4`, apiToken: "any" });
  return client;
}

async function openAI() {
  const { default: OpenAI } = await import("openai");

  const client = new OpenAI({ baseURL: `${url}/client/v4/accounts/me/ai/v1`, apiKey: "any" });
  return client;
}

async function inference(path = "/models/sentence-transformers/all-MiniLM-L6-v2") {
  const { InferenceClient } = await import("@huggingface/inference");

  const client = new InferenceClient("any").endpoint(url + path);
  return client;
}

async function provider() {
  const { createWorkersAI } = await import("workers-ai-provider");

  const here = (input, init) => fetch(input.replace("https://api.cloudflare.com", url), init);
  const client = createWorkersAI({ accountId: "me", apiKey: "any", fetch: here });
  return client;
}

test("cloudflare embeds, compares and classifies", async () => {
  const client = await workersAI();
  const embedded = await client.ai.run(MINILM, { account_id: "me", text: STORIES });
  assert.deepEqual(embedded, { shape: [2, 384], data: vectors, pooling: "mean" });
  const body = { account_id: "me", source: HAPPY, sentences: SENTENCES };
  near(await client.ai.run(MINILM, body), PUBLISHED);
  const labels = await client.ai.run("@test/tiny-sentiment", { account_id: "me", text: GREAT });
  assert.deepEqual(labels.map(({ label }) => label), ["POSITIVE", "NEGATIVE"]);
  assert.ok(labels[0].score > 0.9);
});

test("cloudflare reads the errors and lists the models", async () => {
  const client = await workersAI();
  const refused = client.ai.run(MINILM, { account_id: "me", text: 5 });
  await assert.rejects(refused, ({ status, errors }) => status === 400 && errors[0].code === 5006);
  const names = [];
  for await (const model of client.ai.models.list({ account_id: "me", per_page: 1 })) {
    names.push(model.name);
  }
  assert.equal(names.filter((name) => name === MINILM).length, 1);
  assert.equal(new Set(names).size, names.length);
});

test("openai decodes the same numbers from base64 and from floats", async () => {
  const client = await openAI();
  for (const format of [{}, { encoding_format: "float" }]) {
    const answer = await client.embeddings.create({ model: MINILM, input: STORIES, ...format });
    const found = answer.data.map(({ embedding }) => Float32Array.from(embedding));
    assert.deepEqual(found, vectors.map((vector) => Float32Array.from(vector)));
    assert.deepEqual(answer.usage, { prompt_tokens: 20, total_tokens: 20 });
  }
});

test("openai reads the errors", async () => {
  const client = await openAI();
  const missing = client.embeddings.create({ model: "text-embedding-3-small", input: "hello" });
  await assert.rejects(missing, { status: 404, code: "model_not_found" });
});

test("@huggingface/inference embeds, compares and classifies", async () => {
  const client = await inference();
  assert.deepEqual(await client.featureExtraction({ inputs: STORIES }), vectors);
  assert.deepEqual(await client.featureExtraction({ inputs: STORIES[0] }), vectors[0]);
  const inputs = { source_sentence: HAPPY, sentences: SENTENCES };
  near(await client.sentenceSimilarity({ inputs }), PUBLISHED);
  const classifier = await inference("/models/test/tiny-sentiment");
  const labels = await classifier.textClassification({ inputs: GREAT });
  assert.deepEqual(labels.map(({ label }) => label), ["POSITIVE", "NEGATIVE"]);
});

test("@huggingface/inference reads the errors", async () => {
  const client = await inference("/models/clips/mfaq");
  const refused = client.featureExtraction({ inputs: "hello" });
  await assert.rejects(refused, /textfn models pull mfaq/);
});

test("workers-ai-provider embeds for the ai package", async () => {
  const { embed, embedMany } = await import("ai");
  const client = await provider();
  const model = client.textEmbeddingModel(MINILM);
  assert.deepEqual((await embedMany({ model, values: STORIES })).embeddings, vectors);
  assert.deepEqual((await embed({ model, value: STORIES[1] })).embedding, vectors[1]);
});

test("workers-ai-provider embeds behind AI Gateway", async () => {
  const { embedMany } = await import("ai");
  const { createWorkersAI } = await import("workers-ai-provider");
  const paths = [];
  const here = (input, init) => {
    paths.push(new URL(input).pathname);
    return fetch(input.replace("https://gateway.ai.cloudflare.com", url), init);
  };
  const client = createWorkersAI({
    accountId: "me", apiKey: "any", gateway: { id: "mine" }, fetch: here,
  });
  const model = client.textEmbeddingModel(MINILM);
  assert.deepEqual((await embedMany({ model, values: STORIES })).embeddings, vectors);
  assert.deepEqual(paths, [`/v1/me/mine/workers-ai/run/${MINILM}`]);
});
