"""Compares an installed model's files and numbers with its manifest."""

from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from shared.inference.model import Model
from shared.inference.references import distance, expected, found
from shared.inference.session import CannotFeed, Graph
from shared.manifest import Manifest
from textfn.digests import file_sha256
from textfn.failure import in_words

# The inputs of a graph that was built here.
INPUTS = {"input_ids": "tensor(int32)", "attention_mask": "tensor(int32)"}


def problems(manifest: Manifest) -> list[str]:
    """Return what is wrong with an installed model, one line each; no wrong file is run."""
    if not manifest.installed:
        return [f"not installed here: textfn models pull {manifest.id}"]
    kernels = {path for each in manifest.pooling if (path := manifest.kernel_graph(each))}
    graphs = {manifest.graph(pooling) for pooling in manifest.pooling}
    files = [*graphs, *kernels, manifest.tokenizer]
    unnamed = [f"{path.name} has no sha256" for path in files if path.name not in manifest.sha256]
    try:
        if wrong := unnamed + _wrong_files(manifest):
            return wrong
        wrong = [each for path in sorted(graphs) for each in _wrong_graph(path, manifest)]
        return wrong or _wrong_numbers(manifest)
    except OSError as error:
        return [in_words(error)]
    except Exception as error:  # onnxruntime's and tokenizers' own errors have no narrower class
        return [(str(error).splitlines() or [type(error).__name__])[0]]


def _wrong_files(manifest: Manifest) -> list[str]:
    found = {name: file_sha256(manifest.folder / name) for name in sorted(manifest.sha256)}
    return [
        f"{name} has sha256 {found[name]}, the manifest says {manifest.sha256[name]}"
        for name in found
        if found[name] != manifest.sha256[name]
    ]


def _wrong_graph(path: Path, manifest: Manifest) -> list[str]:
    try:
        graph = Graph(path, manifest.output, optimize=manifest.optimize)
    except CannotFeed as error:
        return [f"{path.name}: {error}"]
    inputs = {each.name: each.type for each in graph.session.get_inputs()}
    if not manifest.output and inputs != INPUTS:
        return [f"{path.name} takes {inputs}, not {INPUTS}"]
    return _wrong_width(path, graph, manifest) or _wrong_words(path, graph, manifest)


def _wrong_width(path: Path, graph: Graph, manifest: Manifest) -> list[str]:
    width = graph.run([[0]], manifest.pooling[0]).shape[-1]
    expected = manifest.dimensions or len(manifest.labels)
    if width == expected:
        return []
    return [f"{path.name} gives {width} numbers per text, the manifest says {expected}"]


def _wrong_words(path: Path, graph: Graph, manifest: Manifest) -> list[str]:
    """Check that the graph's table has a row for each token: without, the lookup fails."""
    largest = max(Tokenizer.from_file(str(manifest.tokenizer)).get_vocab().values())
    try:
        graph.run([[largest]], manifest.pooling[0])
    except Exception:  # a class of onnxruntime's compiled part: INVALID_ARGUMENT
        return [f"{path.name} has no row for token {largest} of the tokenizer"]
    return []


def _wrong_numbers(manifest: Manifest) -> list[str]:
    model = Model(manifest)
    return [wrong for each in manifest.references if (wrong := _difference(model, each))]


def _difference(model: Model, reference: dict[str, Any]) -> str:
    """Say how the model misses a reference, or nothing."""
    manifest = model.manifest
    asked = reference.get("pooling", manifest.pooling[0])
    met = {}
    for pooling in manifest.pooling:
        off = distance(model, reference, pooling)
        met[pooling] = off <= reference["tolerance"]
        if pooling == asked:
            missed = f"{reference['origin']}: off by {off:.4f}, at most {reference['tolerance']}"
    if met[asked]:
        return ""
    if others := [pooling for pooling in met if met[pooling]]:
        return f"{missed}; {others[0]} pooling gives what {asked} should: a wrong pooling"
    if "scores" in reference and _met_in_another_order(model, reference):
        return f"{missed}; right under other labels than {', '.join(manifest.labels)}: swapped"
    return missed


def _met_in_another_order(model: Model, reference: dict[str, Any]) -> bool:
    scores = np.sort(found(model, reference, model.manifest.pooling[0]))
    return bool(np.abs(scores - np.sort(expected(reference))).max() <= reference["tolerance"])
