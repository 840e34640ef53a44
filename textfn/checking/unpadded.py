"""A model's numbers of a text that runs alone, without padding: what padding must not change."""

import numpy as np

from shared.inference.model import graph_of
from shared.inference.numerics import FUNCTIONS, Array, unit
from shared.inference.tokenization import open_tokenizer
from shared.manifest import Manifest


def rows(manifest: Manifest, text: str, pooling: str) -> Array:
    """Return what the graph gives for all tokens of a text: float32 [1, width]."""
    graph = graph_of(manifest.graph(pooling), manifest)
    graph.alone = True
    tokenizer = open_tokenizer(manifest.tokenizer)
    tokenizer.enable_truncation(manifest.max_tokens)
    prompt = manifest.prompts.get(manifest.default_prompt, "")
    return graph.run([tokenizer.encode(prompt + text).ids], pooling).astype(np.float32)


def numbers(manifest: Manifest, rows: Array) -> Array:
    """Return scores or a vector, as the manifest makes them of a row: float [width]."""
    if manifest.labels:
        made = FUNCTIONS[manifest.function](rows)
    else:
        made = unit(rows) if manifest.normalize else rows
    row: Array = made[0]
    return row
