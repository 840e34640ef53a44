"""Make the fp32 reference vectors of the tests, with torch and transformers.

Run `python tests/golden/make_references.py` in an environment with torch 2.13.0, transformers
5.23.0 and tokenizers, after `make models` and the scripts of tests/fixtures. It writes

* tests/golden/references.npz: `lines` int32 [240], line numbers of benchmarks/sentences.txt from
  1; `vectors` float32 [240, 384], mean pooled and L2-normalised.
* tests/fixtures/checkpoints/*/golden.json: ids and raw outputs of the tiny checkpoints.

Every text runs alone, so no padding takes part.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import AutoModel, AutoModelForSequenceClassification, BertConfig, BertModel

ROOT = Path(__file__).parents[2]
MINILM = ROOT / ".cache" / "all-minilm-l6-v2"
TINY = ROOT / "tests" / "fixtures" / "checkpoints"
MAX_TOKENS = 256
# The last 96 lines of the file set the smoothing factors, so they prove nothing.
EVALUATION_LINES = 404
REFERENCES = 240
TEXTS = [
    "hello world",
    "This pizza is great!",
    "This pizza is awful!",
    "Great hamburger",
    "Not so good hotdog",
    "That is a happy person",
    "Today is a sunny day",
    "A",
    "The quick brown fox jumps over the lazy dog 1234567890.",
    "unbelievably long words make many small pieces, and this text is cut at the limit of tokens",
]


def read_bert(folder: Path) -> tuple[BertModel, dict[str, torch.Tensor]]:
    tensors = load_file(folder / "model.safetensors")
    encoder = {name.removeprefix("bert."): tensor for name, tensor in tensors.items()}
    config = BertConfig.from_pretrained(folder, attn_implementation="eager")
    model = BertModel(config, add_pooling_layer=False).eval()
    wanted = model.state_dict().keys()
    model.load_state_dict({name: encoder[name] for name in wanted})
    return model, tensors


def read_tokenizer(folder: Path, max_tokens: int) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def hidden_states(model: Any, ids: list[int]) -> torch.Tensor:
    batch = torch.tensor([ids])
    return model(input_ids=batch, attention_mask=torch.ones_like(batch)).last_hidden_state[0]


def references() -> None:
    lines = (ROOT / "benchmarks" / "sentences.txt").read_text(encoding="utf-8").split("\n")
    by_length = sorted(range(EVALUATION_LINES), key=lambda line: (len(lines[line]), line))
    steps = np.linspace(0, EVALUATION_LINES - 1, REFERENCES).astype(int)
    chosen = sorted(by_length[step] for step in steps)
    model, _ = read_bert(MINILM)
    tokenizer = read_tokenizer(MINILM, MAX_TOKENS)
    pooled = [
        hidden_states(model, tokenizer.encode(lines[line]).ids).mean(dim=0) for line in chosen
    ]
    vectors = torch.nn.functional.normalize(torch.stack(pooled), dim=1).numpy()
    numbers = np.array(chosen, np.int32) + 1
    np.savez(ROOT / "tests" / "golden" / "references.npz", lines=numbers, vectors=vectors)


def tiny_golden(folder: Path) -> None:
    outputs, config = tiny_model(folder)
    # In these two, positions start after the padding's id, which is 1.
    reserved = 2 if config.model_type in ("mpnet", "xlm-roberta") else 0
    max_tokens = config.max_position_embeddings - reserved
    tokenizer = read_tokenizer(folder, max_tokens)
    random = np.random.default_rng(0)
    one_too_many = "hello " * (max_tokens - 1)
    cases = [
        {"text": text, "ids": tokenizer.encode(text).ids} for text in [*TEXTS, one_too_many.strip()]
    ]
    cases += [
        {"ids": random.integers(5, config.vocab_size, length).tolist()}
        for length in (1, 2, max_tokens - 1, max_tokens)
    ]
    for case in cases:
        case |= outputs(case["ids"])
    (folder / "golden.json").write_text(json.dumps(cases, indent=1) + "\n", encoding="utf-8")


def tiny_model(folder: Path) -> tuple[Callable[[list[int]], dict[str, list[float]]], Any]:
    """Return a function that gives a checkpoint's outputs, and its configuration."""
    model_type = json.loads((folder / "config.json").read_bytes())["model_type"]
    if model_type == "bert":
        bert, tensors = read_bert(folder)
        return lambda ids: tiny_outputs(hidden_states(bert, ids), tensors), bert.config
    if model_type == "distilbert":
        head = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        return lambda ids: {"logits": head(torch.tensor([ids])).logits[0].tolist()}, head.config
    model = AutoModel.from_pretrained(folder).eval()
    return lambda ids: tiny_outputs(hidden_states(model, ids), {}), model.config


def tiny_outputs(rows: torch.Tensor, tensors: dict[str, torch.Tensor]) -> dict[str, list[float]]:
    if "classifier.dense.weight" not in tensors:
        return {"mean": rows.mean(dim=0).tolist(), "cls": rows[0].tolist()}
    linear = torch.nn.functional.linear
    names = [
        f"classifier.{part}.{kind}" for part in ("dense", "out_proj") for kind in ("weight", "bias")
    ]
    dense_weight, dense_bias, out_weight, out_bias = (tensors[name] for name in names)
    active = torch.tanh(linear(rows[0], dense_weight, dense_bias))
    return {"logits": linear(active, out_weight, out_bias).tolist()}


if __name__ == "__main__":
    with torch.inference_mode():
        references()
        for folder in sorted(TINY.iterdir()):
            tiny_golden(folder)
