"""Records a new model's numbers without padding, so that `textfn models verify` can compare."""

from typing import Any

import numpy as np

from shared.inference.model import Model
from shared.inference.numerics import Array
from shared.inference.references import distance
from shared.manifest import Manifest
from textfn.checking import unpadded
from textfn.installing.json_files import CannotServe

ORIGIN = "its own numbers without padding, when it was added"
# Their lengths in tokens differ, and one of them needs its capital letters.
TEXTS = (
    "hello world",
    "an orange cloud above a llama",
    "Hello WORLD in Berlin",
    "The quick brown fox jumps over the lazy dog, and over 12 others that nobody saw.",
)
LONG = "hello world "
# How far padding may move the rows of TEXTS: the norm of the differences by that of the rows. It
# moves those of an int8 graph of the usual recipe, which scales a run as a whole, by 0.1 to 0.2,
# and those of a graph that reads the padding by 0.5 and more.
MOST_MOVED = 0.35
# By the largest number: another processor's kernels give other last digits, int8 ones more.
TOLERANCE = 0.02
NUMBERS = 16  # of a vector


def references(manifest: Manifest) -> list[dict[str, Any]]:
    """Return numbers of some texts, and how many tokens are left of a long one.

    Raises CannotServe if the service, which pads, gives other numbers.
    """
    model = Model(manifest)
    found = [each for pooling in manifest.pooling for each in _recorded(model, pooling)]
    times = manifest.max_tokens + 1
    long = {"origin": ORIGIN, "text": LONG, "times": times, "tokens": model.count(LONG * times)}
    return [*found, long | {"tolerance": 0.5}]


def _recorded(model: Model, pooling: str) -> list[dict[str, Any]]:
    rows = unpadded.rows(model.manifest, TEXTS, pooling)
    moved = np.array(_padded(model, pooling)) - rows
    if np.linalg.norm(moved) > MOST_MOVED * np.linalg.norm(rows):
        raise CannotServe(
            f"its numbers change with the padding, which is token {model.manifest.pad_token_id}: "
            "config.json has no pad_token_id or a wrong one, and the graph needs the right one"
        )
    numbers = unpadded.numbers(model.manifest, rows)
    return [_reference(model, *each, pooling) for each in zip(TEXTS, numbers, strict=True)]


def _padded(model: Model, pooling: str) -> list[Array]:
    """Return what the service gives for each of the texts alone, before any function."""
    if model.manifest.labels:
        return [model.classify([text], apply="none").values[0] for text in TEXTS]
    texts = [[text] for text in TEXTS]
    return [model.embed(each, pooling=pooling, normalize=False).values[0] for each in texts]


def _reference(model: Model, text: str, row: Array, pooling: str) -> dict[str, Any]:
    numbers = [float(number) for number in row]
    reference: dict[str, Any] = {"origin": ORIGIN, "text": text}
    if model.manifest.labels:
        reference["scores"] = dict(zip(model.manifest.labels, numbers, strict=True))
    else:
        reference["first_numbers"] = numbers = numbers[:NUMBERS]
    if pooling != model.manifest.pooling[0]:
        reference["pooling"] = pooling
    largest = max(1e-3, *map(abs, numbers))
    tolerance = TOLERANCE * largest + 2 * distance(model, reference, pooling)
    return reference | {"tolerance": tolerance}
