"""Poolings, activation functions and normalization of a graph's output, one row per text."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import Failure

Array = NDArray[np.float32]


class BadNumbers(Failure, ArithmeticError):
    """A model returned numbers that are no answer to the text that was sent."""


def check_finite(values: Array) -> None:
    """Raise BadNumbers for NaN or infinity: JSON would write null."""
    if not np.isfinite(values).all():
        raise BadNumbers("a model computed a number that is not finite")


def check_shape(values: Array, *shape: int) -> None:
    """Raise BadNumbers for another shape: numpy would repeat a missing row or column."""
    if values.shape != shape:
        raise BadNumbers(f"a model returned numbers of shape {values.shape}, not {shape}")


def unit(vectors: Array) -> Array:
    """Divide each row by its L2 norm. Raises BadNumbers for a zero vector: it has no direction."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not norms.all():
        raise BadNumbers("a vector of length zero cannot be normalized")
    directions: Array = vectors / norms
    return directions


def cosines(source: Array, vectors: Array) -> Array:
    """The cosine of a unit vector [width] with each unit vector [n, width], within -1 and 1.

    Each row is summed by itself in float64, so a score has the same bits in every company. A matrix
    product would add in an order that depends on the number of rows.
    """
    products = vectors.astype(np.float64) * source.astype(np.float64)
    scores: Array = np.clip(products.sum(axis=1), -1, 1).astype(np.float32)
    return scores


def mean(rows: NDArray[Any], mask: NDArray[np.int32]) -> Array:
    """Mean pooling without the padding: float [texts, tokens, width] -> float32 [texts, width]."""
    seen = mask.astype(np.float32)[:, np.newaxis]
    means: Array = (seen @ rows.astype(np.float32, copy=False))[:, 0] / seen.sum(axis=2)
    return means


def first(rows: NDArray[Any], mask: NDArray[np.int32]) -> Array:
    """CLS pooling, the first row per text: float [texts, tokens, width] -> [texts, width]."""
    return rows[:, 0].astype(np.float32, copy=False)


def last(rows: NDArray[Any], mask: NDArray[np.int32]) -> Array:
    """Last-token pooling, the last row per text that is no padding: [texts, width]."""
    lasts: Array = rows[np.arange(len(rows)), mask.sum(axis=1) - 1].astype(np.float32, copy=False)
    return lasts


def by_graph(rows: NDArray[Any], mask: NDArray[np.int32]) -> Array:
    """Refuse rows per token: a graph that pools by itself gives one row per text."""
    raise BadNumbers("the graph gives a row per token: its pooling must be mean, cls or last")


def softmax(logits: Array) -> Array:
    """Probabilities that sum to 1 per row. Subtracting the largest logit prevents an overflow."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Array = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def sigmoid(logits: Array) -> Array:
    """One independent probability per logit. Unlike exp, tanh cannot overflow."""
    probabilities: Array = ((1 + np.tanh(logits / 2)) / 2).astype(np.float32)
    return probabilities


def unchanged(logits: Array) -> Array:
    return logits


# Keys are the values of a manifest's `pooling`.
POOLINGS = {"mean": mean, "cls": first, "last": last, "graph": by_graph}
# Keys are the values of Hugging Face's `function_to_apply`.
FUNCTIONS = {"softmax": softmax, "sigmoid": sigmoid, "none": unchanged}
