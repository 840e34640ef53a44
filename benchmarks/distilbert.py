"""A model of DistilBERT's shape with random weights, quantized by the usual recipe.

Speed does not depend on the weights: 6 layers, 768 wide, 12 heads, 3,072 inner, 30,522 words (the
config.json of distilbert-base-uncased-finetuned-sst-2-english). A BERT checkpoint of that size
differs by one addition of token types.
"""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from benchmarks.stock import write_stock_int8

LAYERS, HIDDEN, INNER, WORDS, POSITIONS = 6, 768, 3072, 30_522, 512
CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 12,
    "layer_norm_eps": 1e-12,
}
Array = NDArray[np.float32]


def write_distilbert_int8(folder: Path) -> Path:
    """Writes the checkpoint and the model into `folder`, unless they are there."""
    graph = folder / "stock-int8.onnx"
    if not graph.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(CONFIG), "utf-8")
        save_file(_tensors(np.random.default_rng(1)), folder / "model.safetensors")
        write_stock_int8(folder, graph)
        (folder / "model.safetensors").unlink()
    return graph


def head(hidden: Array, mask: Array) -> Array:
    """The classifier on the first token: two products of [768, 768] and [768, 2], and a softmax."""
    logits = np.maximum(hidden[:, 0] @ _PRE_CLASSIFIER, 0) @ _CLASSIFIER
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Array = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def _tensors(random: np.random.Generator) -> dict[str, Array]:
    tensors = {
        "embeddings.word_embeddings.weight": _normal(random, WORDS, HIDDEN),
        "embeddings.position_embeddings.weight": _normal(random, POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": _normal(random, 2, HIDDEN),
        **_norm("embeddings.LayerNorm"),
    }
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            tensors |= _linear(random, f"{layer}.attention.{name}", HIDDEN, HIDDEN)
        tensors |= _norm(f"{layer}.attention.output.LayerNorm")
        tensors |= _linear(random, f"{layer}.intermediate.dense", HIDDEN, INNER)
        tensors |= _linear(random, f"{layer}.output.dense", INNER, HIDDEN)
        tensors |= _norm(f"{layer}.output.LayerNorm")
    return tensors


def _linear(random: np.random.Generator, name: str, inputs: int, outputs: int) -> dict[str, Array]:
    bias = np.zeros(outputs, np.float32)
    return {f"{name}.weight": _normal(random, outputs, inputs), f"{name}.bias": bias}


def _norm(name: str) -> dict[str, Array]:
    return {
        f"{name}.weight": np.ones(HIDDEN, np.float32),
        f"{name}.bias": np.zeros(HIDDEN, np.float32),
    }


def _normal(random: np.random.Generator, *shape: int) -> Array:
    return random.normal(0, 0.02, shape).astype(np.float32)


_PRE_CLASSIFIER = _normal(np.random.default_rng(2), HIDDEN, HIDDEN)
_CLASSIFIER = _normal(np.random.default_rng(3), HIDDEN, 2)
