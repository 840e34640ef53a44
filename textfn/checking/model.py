"""Compares an installed model's files and numbers with its manifest."""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from shared.inference.model import Model, graph_of
from shared.inference.references import distance
from shared.inference.session import CannotFeed, Graph
from shared.manifest import Manifest
from textfn.checking.causes import cause
from textfn.digests import file_sha256
from textfn.failure import in_words

# The inputs of a graph that was built here.
INPUTS = {"input_ids": "tensor(int32)", "attention_mask": "tensor(int32)"}


def problems(manifest: Manifest) -> list[str]:
    """Return what is wrong with an installed model, one line each; no wrong file is run."""
    if not manifest.installed:
        return [f"not installed here: textfn models pull {manifest.id}"]
    files = [*{manifest.graph(pooling) for pooling in manifest.pooling}, manifest.tokenizer]
    unnamed = [f"{path.name} has no sha256" for path in files if path.name not in manifest.sha256]
    try:
        if wrong := unnamed + _wrong_files(manifest):
            return wrong
        wrong = [each for path in sorted(files[:-1]) for each in _wrong_graph(path, manifest)]
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
        graph = graph_of(path, manifest)
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
    pooling = reference.get("pooling", model.manifest.pooling[0])
    off = distance(model, reference, pooling)
    if off <= reference["tolerance"]:
        return ""
    missed = f"{reference['origin']}: off by {off:.4f}, at most {reference['tolerance']:.4g}"
    return "; ".join(filter(None, [missed, cause(model, reference, pooling)]))
