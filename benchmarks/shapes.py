"""Checkpoints of published sizes with random weights: speed and memory do not depend on weights."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from shared.manifest import BUNDLED
from textfn.building.architectures import ARCHITECTURES

Array = NDArray[np.float32]
TOKENIZER = BUNDLED / "all-minilm-l6-v2" / "tokenizer.json"


@dataclass(frozen=True)
class Shape:
    """The sizes in a checkpoint's config.json."""

    model_type: str
    layers: int
    width: int
    heads: int
    words: int
    positions: int = 512

    @property
    def inner(self) -> int:
        return 4 * self.width


# From the config.json of each. mfaq has the 250,002 words of XLM-R and three marks of its own.
SHAPES = {
    "distilbert-sst-2-int8": Shape("distilbert", 6, 768, 12, 30_522),
    "bge-base-en-v1.5": Shape("bert", 12, 768, 12, 30_522),
    "all-mpnet-base-v2": Shape("mpnet", 12, 768, 12, 30_527, 514),
    "mfaq": Shape("xlm-roberta", 12, 768, 12, 250_005, 514),
    "bge-large-en-v1.5": Shape("bert", 24, 1024, 16, 30_522),
}


def write_checkpoint(shape: Shape, folder: Path) -> None:
    """Write random weights under the architecture's names, with the tokenizer of MiniLM."""
    folder.mkdir(parents=True)
    config = {
        "model_type": shape.model_type,
        "hidden_act": "gelu",
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "layer_norm_eps": 1e-12,
    }
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    shutil.copy(TOKENIZER, folder)
    save_file(_tensors(shape, np.random.default_rng(1)), folder / "model.safetensors")


def _tensors(shape: Shape, random: np.random.Generator) -> dict[str, Array]:
    architecture, width = ARCHITECTURES[shape.model_type], shape.width
    tensors = {
        "embeddings.word_embeddings.weight": normal(random, shape.words, width),
        "embeddings.position_embeddings.weight": normal(random, shape.positions, width),
        **_norm("embeddings.LayerNorm", width),
    }
    if shape.model_type == "bert":
        tensors["embeddings.token_type_embeddings.weight"] = normal(random, 2, width)
    if shape.model_type == "mpnet":
        tensors["encoder.relative_attention_bias.weight"] = normal(random, 32, shape.heads)
    query, key, value, context, attention_norm, inner, output, output_norm = architecture.layer
    for number in range(shape.layers):
        layer = f"{architecture.layers}.{number}"
        for name in (query, key, value, context):
            tensors |= _linear(random, f"{layer}.{name}", width, width)
        tensors |= _linear(random, f"{layer}.{inner}", width, shape.inner)
        tensors |= _linear(random, f"{layer}.{output}", shape.inner, width)
        for name in (attention_norm, output_norm):
            tensors |= _norm(f"{layer}.{name}", width)
    return tensors


def _linear(random: np.random.Generator, name: str, inputs: int, outputs: int) -> dict[str, Array]:
    bias = np.zeros(outputs, np.float32)
    return {f"{name}.weight": normal(random, outputs, inputs), f"{name}.bias": bias}


def _norm(name: str, width: int) -> dict[str, Array]:
    return {
        f"{name}.weight": np.ones(width, np.float32),
        f"{name}.bias": np.zeros(width, np.float32),
    }


def normal(random: np.random.Generator, *shape: int) -> Array:
    return random.normal(0, 0.02, shape).astype(np.float32)
