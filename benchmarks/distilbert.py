"""A model of DistilBERT's shape with random weights, quantized by the usual recipe.

Speed does not depend on the weights. The checkpoint is a BERT of that size, which has one more
addition, that of token types.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.shapes import SHAPES, Array, normal, write_checkpoint
from benchmarks.stock import write_stock_int8

SHAPE = replace(SHAPES["distilbert-sst-2-int8"], model_type="bert")


def write_distilbert_int8(folder: Path) -> Path:
    """Write the model into `folder`, unless it is there, and return its path."""
    graph = folder / "stock-int8.onnx"
    if not graph.exists():
        write_checkpoint(SHAPE, folder / "checkpoint")
        write_stock_int8(folder / "checkpoint", graph)
        shutil.rmtree(folder / "checkpoint")
    return graph


def head(hidden: Array, mask: Array) -> Array:
    """Classify by the first token: products with [768, 768] and [768, 2], then a softmax."""
    logits = np.maximum(hidden[:, 0] @ _PRE_CLASSIFIER, 0) @ _CLASSIFIER
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Array = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


_PRE_CLASSIFIER = normal(np.random.default_rng(2), SHAPE.width, SHAPE.width)
_CLASSIFIER = normal(np.random.default_rng(3), SHAPE.width, 2)
