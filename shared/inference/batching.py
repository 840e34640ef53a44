"""Which texts run together. Short runs of equal length beat large padded ones five times over."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Padding a run, and a text alone, to a multiple of four tokens makes a text's vector the same bit
# for bit in any company: kernels sum attention in fours, and only the tail of a sum would differ.
MULTIPLE = 4


def padded(length: int) -> int:
    return -(-length // MULTIPLE) * MULTIPLE


def plan(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Cut texts, given by their lengths in tokens, into runs of similar length.

    Returns lists of indices into `lengths`. A run's texts x its padded length is at most `budget`,
    unless one text alone is more. Peak memory is bounded by the budget, not by the request.
    """
    runs: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if runs and (len(runs[-1]) + 1) * padded(lengths[index]) <= budget:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def pad(texts: Sequence[Sequence[int]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Token ids of one run -> input_ids and attention_mask, both int32 [texts, padded length]."""
    shape = len(texts), padded(max(map(len, texts)))
    input_ids, attention_mask = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    for row, ids in enumerate(texts):
        input_ids[row, : len(ids)] = ids
        attention_mask[row, : len(ids)] = 1
    return input_ids, attention_mask
