"""What is done to a graph's numbers: rows in, rows out."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import Failure

Array = NDArray[np.float32]


class BadNumbers(Failure, ArithmeticError):
    """A model gave numbers that are no answer, for a text that was sent."""


def finite(values: Array) -> Array:
    """The values, none of which is NaN or infinite: JSON would write null."""
    if not np.isfinite(values).all():
        raise BadNumbers("a model computed a number that is not finite")
    return values


def shaped(values: Array, *shape: int) -> Array:
    """The values, of which there is neither a row nor a column too few: numpy would repeat it."""
    if values.shape != shape:
        raise BadNumbers(f"a model gave numbers of the shape {values.shape}, not {shape}")
    return values


def unit(vectors: Array) -> Array:
    """Rows divided by their L2 norms. A zero vector has no direction, so it is refused."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not norms.all():
        raise BadNumbers("a vector of length zero cannot be normalized")
    directions: Array = vectors / norms
    return directions


def mean(rows: NDArray[Any], mask: NDArray[np.int32]) -> Array:
    """The mean of each text's rows that are not padding: float [texts, tokens, width]."""
    seen = mask.astype(np.float32)[:, np.newaxis]
    means: Array = (seen @ rows.astype(np.float32, copy=False))[:, 0] / seen.sum(axis=2)
    return means


def first(rows: NDArray[Any], mask: NDArray[np.int32]) -> Array:
    """Each text's first row, that of its [CLS]: float [texts, tokens, width]."""
    return rows[:, 0].astype(np.float32, copy=False)


def softmax(logits: Array) -> Array:
    """Rows to probabilities; the largest logit is subtracted so that no exponential overflows."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Array = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def sigmoid(logits: Array) -> Array:
    """Each logit to a probability of its own, by the tanh that cannot overflow."""
    probabilities: Array = ((1 + np.tanh(logits / 2)) / 2).astype(np.float32)
    return probabilities


def unchanged(logits: Array) -> Array:
    return logits


# By the names that manifests have for them.
POOLINGS = {"mean": mean, "cls": first}
# By the names that Hugging Face's `function_to_apply` has for them.
FUNCTIONS = {"softmax": softmax, "sigmoid": sigmoid, "none": unchanged}
