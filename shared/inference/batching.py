"""Which texts run together, and how many runs go at a time.

Short runs of equal length are five times faster than large padded ones.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

# Every run is padded to a multiple of four tokens, a single text too. Kernels sum attention in
# fours, so only the tail of a sum could differ: with the padding a text's vector has the same bits
# in every batch.
MULTIPLE = 4
TOKEN_BUDGET = 256  # padded tokens in one run; the default of the setting of this name


Run = Callable[[list[int]], None]


class Runs:
    """Does the runs of a request, several at a time: a run frees the interpreter.

    `threads` runs go at a time; a run has at most `token_budget` padded tokens.
    """

    def __init__(self, threads: int = 1, token_budget: int = TOKEN_BUDGET) -> None:
        self.token_budget = token_budget
        self._pool = ThreadPoolExecutor(threads, "run") if threads > 1 else None

    def begin(self, run: Run, indices: list[int]) -> Future[None] | None:
        """Call `run` with the indices in another thread, or return None if there is none."""
        return self._pool.submit(run, indices) if self._pool else None


def padded(length: int) -> int:
    """The next multiple of `MULTIPLE`, in tokens."""
    return -(-length // MULTIPLE) * MULTIPLE


def plan(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Group texts, given by their lengths in tokens, into runs of similar length.

    Returns one list of indices into `lengths` per run. The number of texts of a run times its
    padded length is at most `budget`, unless a single text exceeds it. So the budget bounds the
    peak memory, whatever the size of the request.
    """
    runs: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if runs and (len(runs[-1]) + 1) * padded(lengths[index]) <= budget:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def pad(texts: Sequence[Sequence[int]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pad the token ids of one run: input_ids and attention_mask, int32 [texts, padded length]."""
    shape = len(texts), padded(max(map(len, texts)))
    input_ids, attention_mask = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    for row, ids in enumerate(texts):
        input_ids[row, : len(ids)] = ids
        attention_mask[row, : len(ids)] = 1
    return input_ids, attention_mask
