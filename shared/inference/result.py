"""The result of a model: numbers, and their cost. The HTTP wing imports it and no model."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # numpy costs cold start time, and the catalogue does without it
    import numpy as np
    from numpy.typing import NDArray


class Result(NamedTuple):
    """The result of one call.

    `values` is float32 with one row per text. `model` is the model's id and fingerprint;
    `stand_in_for` is the name that was asked for if another model answered. `tokens` counts the
    tokens of all texts, special tokens included; `truncated` counts the texts that were cut.
    `cached` is true if all rows were in the cache.
    """

    values: NDArray[np.float32]
    model: str
    tokens: int
    truncated: int
    tokenize_seconds: float
    infer_seconds: float
    cached: bool = False
    stand_in_for: str = ""
