"""What is done to a graph's numbers: rows in, rows out."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def finite(values: Array) -> Array:
    """The values, none of which is NaN or infinite: JSON would write null."""
    if not np.isfinite(values).all():
        raise ArithmeticError("a model computed a number that is not finite")
    return values


def shaped(values: Array, *shape: int) -> Array:
    """The values, of which there is neither a row nor a column too few: numpy would repeat it."""
    if values.shape != shape:
        raise ArithmeticError(f"a model gave numbers of the shape {values.shape}, not {shape}")
    return values


def unit(vectors: Array) -> Array:
    """Rows divided by their L2 norms. A zero vector has no direction, so it is refused."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not norms.all():
        raise ArithmeticError("a vector of length zero cannot be normalized")
    directions: Array = vectors / norms
    return directions


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


# By the names that Hugging Face's `function_to_apply` has for them.
FUNCTIONS = {"softmax": softmax, "sigmoid": sigmoid, "none": unchanged}
