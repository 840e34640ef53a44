"""The published numbers of a manifest, beside those of the model itself."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.inference.model import Model

Numbers = NDArray[Any]


def expected(reference: dict[str, Any]) -> Numbers:
    if "scores" in reference:
        return np.array(list(reference["scores"].values()))
    return np.array(reference.get("similarities") or reference["first_numbers"])


def found(model: Model, reference: dict[str, Any], pooling: str) -> Numbers:
    """The model's numbers in the order of the reference's: probabilities, cosines or a vector."""
    if "scores" in reference:
        labels = [model.manifest.labels.index(label) for label in reference["scores"]]
        scores: Numbers = model.classify([reference["text"]]).values[0, labels]
        return scores
    if "similarities" in reference:
        texts = [reference["source"], *reference["sentences"]]
        vectors = model.embed(texts, pooling=pooling, normalize=True).values
        similarities: Numbers = vectors[1:] @ vectors[0]
        return similarities
    vector: Numbers = model.embed([reference["text"]], pooling=pooling).values[0]
    return vector[: len(reference["first_numbers"])]


def missed(model: Model) -> list[str]:
    """Where references come from that the model does not meet; none of a model without any."""
    default = model.manifest.pooling[0]
    return [
        each["origin"]
        for each in model.manifest.references
        if distance(model, each, each.get("pooling", default)) > each["tolerance"]
    ]


def distance(model: Model, reference: dict[str, Any], pooling: str) -> float:
    """The largest difference from a reference's numbers."""
    return float(np.abs(found(model, reference, pooling) - expected(reference)).max())
