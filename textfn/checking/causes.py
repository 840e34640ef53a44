"""Names the fault that makes a model miss its known numbers."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from shared.inference.model import Model
from shared.inference.references import distance, expected, found
from shared.manifest import Manifest
from shared.manifest_checks import Function, Pooling
from textfn.checking import unpadded


def cause(model: Model, reference: dict[str, Any], pooling: str) -> str:
    """Name a single change of the manifest or the text that meets the reference, or nothing."""
    manifest, tolerance = model.manifest, reference["tolerance"]
    if "tokens" in reference:
        kept = int(found(model, reference, pooling)[0])
        return f"{kept} tokens are left of a long text: a wrong max_tokens"
    for other in manifest.pooling:
        if distance(model, reference, other) <= tolerance:
            return f"{other} pooling gives what {pooling} should: a wrong pooling"
    if "scores" in reference and _met_in_another_order(model, reference):
        return f"right under other labels than {', '.join(manifest.labels)}: swapped"
    for words, changed in _changed(manifest, pooling):
        chosen = pooling if pooling in changed.pooling else changed.pooling[0]
        if distance(Model(changed), reference, chosen) <= tolerance:
            return words
    if "text" not in reference:
        return ""
    lower = reference | {"text": reference["text"].lower()}
    if distance(model, lower, pooling) <= tolerance:
        return "right for the text in lower case: the tokenizer keeps capital letters"
    rows = unpadded.rows(manifest, [reference["text"]], pooling)
    return "right without padding: a wrong pad_token_id" if _met(manifest, rows, reference) else ""


def _changed(manifest: Manifest, pooling: str) -> Iterator[tuple[str, Manifest]]:
    """Yield manifests that differ in one field, and the fault if one of them is right."""
    if manifest.labels:
        for function in set(get_args(Function)) - {manifest.function}:
            words = f"{function} gives what {manifest.function} should: a wrong function"
            yield words, replace(manifest, function=function)
        return
    # A graph that was written here has its pooling inside.
    for other in set(get_args(Pooling)) - {"graph", *manifest.pooling} if manifest.output else ():
        words = f"{other} pooling gives what {pooling} should: a wrong pooling"
        yield words, replace(manifest, pooling=(other,))
    for name in {"", *manifest.prompts} - {manifest.default_prompt}:
        words = f"right with {name or 'no'} prompt before the text: a wrong default_prompt"
        yield words, replace(manifest, default_prompt=name)
    length = "unit length" if not manifest.normalize else "the graph's own length"
    words = f"right for a vector of {length}: a wrong normalize"
    yield words, replace(manifest, normalize=not manifest.normalize)


def _met(manifest: Manifest, rows: Any, reference: dict[str, Any]) -> bool:
    numbers = unpadded.numbers(manifest, rows)[0]
    if "scores" in reference:
        numbers = numbers[[manifest.labels.index(label) for label in reference["scores"]]]
    known = expected(reference)
    return bool(np.abs(numbers[: len(known)] - known).max() <= reference["tolerance"])


def _met_in_another_order(model: Model, reference: dict[str, Any]) -> bool:
    scores = np.sort(found(model, reference, model.manifest.pooling[0]))
    return bool(np.abs(scores - np.sort(expected(reference))).max() <= reference["tolerance"])
