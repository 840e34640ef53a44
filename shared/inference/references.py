"""The published numbers of a manifest, compared with those of the model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.inference.model import Model
from shared.inference.numerics import cosines

Numbers = NDArray[Any]


def expected(reference: dict[str, Any]) -> Numbers:
    """Return the numbers of a reference: probabilities, cosines, a vector's first, or of tokens."""
    if "tokens" in reference:
        return np.array([reference["tokens"]])
    if "scores" in reference:
        return np.array(list(reference["scores"].values()))
    return np.array(reference.get("similarities") or reference["first_numbers"])


def found(model: Model, reference: dict[str, Any], pooling: str) -> Numbers:
    """Compute the model's numbers, float32, in the order of the reference's."""
    if "tokens" in reference:
        return np.array([model.count(reference["text"] * reference["times"])])
    if "scores" in reference:
        labels = [model.manifest.labels.index(label) for label in reference["scores"]]
        scores: Numbers = model.classify([reference["text"]]).values[0, labels]
        return scores
    if "similarities" in reference:
        texts = [reference["source"], *reference["sentences"]]
        vectors = model.embed(texts, pooling=pooling, normalize=True).values
        return cosines(vectors[0], vectors[1:])
    vector: Numbers = model.embed([reference["text"]], pooling=pooling).values[0]
    return vector[: len(reference["first_numbers"])]


def missed(model: Model) -> list[str]:
    """Return the faults of a model: poolings that cannot run, origins of missed references."""
    manifest = model.manifest
    poolings = [fault for each in manifest.pooling if (fault := _fault_of_pooling(model, each))]
    return poolings or [
        origin for each in manifest.references if (origin := _missed(model, each)) is not None
    ]


def distance(model: Model, reference: dict[str, Any], pooling: str) -> float:
    """Return the largest difference from the numbers of a reference."""
    return float(np.abs(found(model, reference, pooling) - expected(reference)).max())


def _fault_of_pooling(model: Model, pooling: str) -> str:
    try:
        model.try_pooling(pooling)
    except Exception as error:  # onnxruntime's own errors have no narrower class
        return f"{pooling} pooling cannot run: {str(error).partition(chr(10))[0]}"
    return ""


def _missed(model: Model, reference: dict[str, Any]) -> str | None:
    """The origin of a reference that the model misses, with the fault of a malformed one."""
    origin = str(reference.get("origin", "a reference without an origin"))
    try:
        pooling = reference.get("pooling", model.manifest.pooling[0])
        return origin if distance(model, reference, pooling) > reference["tolerance"] else None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return f"{origin}: malformed, {type(error).__name__}: {error}"
