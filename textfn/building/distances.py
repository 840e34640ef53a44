"""The attention bias of MPNet by the distance between two tokens."""

from textfn.building.checkpoint import CheckpointError, Floats

# Per direction: 16 buckets for the tokens before, 16 for those after.
BUCKETS = 16


def distance_line(bias: Floats, positions: int) -> Floats:
    """Return the bias of every distance of two tokens: [buckets, heads] -> [heads, distances].

    Distances go from 1 - positions to positions - 1, key minus query. Raises CheckpointError.
    """
    if len(bias) != 2 * BUCKETS:
        raise CheckpointError(f"{len(bias)} distance buckets are not supported, only {2 * BUCKETS}")
    return bias[[bucket(distance) for distance in range(1 - positions, positions)]].T


def bucket(distance: int) -> int:
    """Return T5's bucket of a distance (Raffel et al., arXiv 1910.10683), one of 32, as in MPNet.

    A distance n below 8 has a bucket of its own. The others share 8 + log(n / 8) / log(128 / 8) *
    8, which is 8 + log2(n * n / 64). Integers alone compute that, so every machine rounds alike.
    """
    later, size = (BUCKETS if distance > 0 else 0), abs(distance)
    if size < 8:
        return later + size
    return later + min(8 + (size * size // 64).bit_length() - 1, BUCKETS - 1)
