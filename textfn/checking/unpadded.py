"""A model's numbers of a text that runs alone, without padding: what padding must not change."""

from collections.abc import Sequence

import numpy as np

from shared.inference.model import graph_of
from shared.inference.numerics import FUNCTIONS, Array, unit
from shared.inference.tokenization import open_tokenizer
from shared.manifest import Manifest


def rows(manifest: Manifest, texts: Sequence[str], pooling: str) -> Array:
    """Return what the graph gives for the tokens of each text: float32 [texts, width]."""
    graph = graph_of(manifest.graph(pooling), manifest)
    graph.alone = True
    tokenizer = open_tokenizer(manifest.tokenizer)
    tokenizer.enable_truncation(manifest.max_tokens)
    prompt = manifest.prompts.get(manifest.default_prompt, "")
    ids = [tokenizer.encode(prompt + text).ids for text in texts]
    return graph.run(ids, pooling).astype(np.float32)


def numbers(manifest: Manifest, rows: Array) -> Array:
    """Return scores or vectors, as the manifest makes them of rows: float32 [texts, width]."""
    if manifest.labels:
        return FUNCTIONS[manifest.function](rows)
    return unit(rows) if manifest.normalize else rows
