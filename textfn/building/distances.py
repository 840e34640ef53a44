"""Attention bias by the distance between two tokens, as MPNet has it."""

from textfn.building.checkpoint import CheckpointError, Floats

# Of distances: 16 for the tokens before, 16 for those after.
BUCKETS = 16


def distance_line(bias: Floats, positions: int) -> Floats:
    """The bias of every distance that two tokens can have: [buckets, heads] -> [heads, distances].

    Distances go from 1 - positions to positions - 1, key minus query.
    """
    if len(bias) != 2 * BUCKETS:
        raise CheckpointError(f"{len(bias)} distance buckets are not supported, only {2 * BUCKETS}")
    return bias[[bucket(distance) for distance in range(1 - positions, positions)]].T


def bucket(distance: int) -> int:
    """T5's bucket of a distance (Raffel et al., arXiv 1910.10683), 32 of them, as MPNet has it.

    A distance below 8 has its own, the others share 8 + log(n / 8) / log(128 / 8) * 8, which is
    8 + log2(n * n / 64): whole numbers alone, so no machine rounds it another way.
    """
    later, size = (BUCKETS if distance > 0 else 0), abs(distance)
    if size < 8:
        return later + size
    return later + min(8 + (size * size // 64).bit_length() - 1, BUCKETS - 1)
