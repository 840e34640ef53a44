"""What a model gives back: numbers, and what they took. The web knows it and no model."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # numpy costs a cold start that the catalogue need not pay
    import numpy as np
    from numpy.typing import NDArray


class Result(NamedTuple):
    """`values` float32, one row a text; `model` the name an answer gives; `tokens` of all texts,
    special tokens included; `truncated` how many texts were cut; `cached` whether nothing had to be
    computed."""

    values: NDArray[np.float32]
    model: str
    tokens: int
    truncated: int
    tokenize_seconds: float
    infer_seconds: float
    cached: bool = False
