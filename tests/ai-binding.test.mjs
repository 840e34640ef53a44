// The documents' Worker examples with env.AI made of examples/ai-binding.mjs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AI } from "../examples/ai-binding.mjs";

const env = { AI: new AI(process.env.TEXTFN_URL, "any") };
const MINILM = "@hf/sentence-transformers/all-minilm-l6-v2";

test("embeddings are the binding's result", async () => {
  const text = ["This is a story about an orange cloud", "This is a story about a llama"];
  const { shape, data, pooling } = await env.AI.run(MINILM, { text });
  assert.deepEqual([shape, pooling], [[2, 384], "mean"]);
  for (const vector of data) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-6);
});

test("similarity is the binding's result", async () => {
  const scores = await env.AI.run(MINILM, {
    source: "That is a happy person",
    sentences: ["That is a happy dog", "Today is a sunny day"],
  });
  assert.ok(Math.abs(scores[0] - 0.69457736) < 0.02 && Math.abs(scores[1] - 0.25687605) < 0.02);
});

test("classification is the binding's result", async () => {
  const [best] = await env.AI.run("@test/tiny-sentiment", { text: "This pizza is great!" });
  assert.equal(best.label, "POSITIVE");
  assert.ok(best.score > 0.9);
});

test("an error has the binding's text", async () => {
  const name = "InferenceUpstreamError";
  await assert.rejects(env.AI.run(MINILM, { text: "" }), {
    name,
    message: "5006: Error: Length of '/text' must be >= 1 not met",
  });
  await assert.rejects(env.AI.run("@cf/x/y", { text: "a" }), {
    name,
    message: "5007: No such model @cf/x/y or task",
  });
});
