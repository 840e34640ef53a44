"""Embeddings against the usual recipe for the same weights, and sentiment against a DistilBERT.

The usual recipe is the exported graph, dynamically quantized per channel, in batches of 32 texts in
their given order. A third side runs that graph in textfn's batches, to tell the share of the graph
from that of the batches. All tokenize, run, pool and normalize the same texts on one thread.
"""

from pathlib import Path

import numpy as np

from benchmarks import distilbert
from benchmarks.distilbert import write_distilbert_int8
from benchmarks.interleaved import Side, rounds, table
from benchmarks.stock import write_stock_int8
from benchmarks.stock_model import BATCH, Array, StockModel
from shared.inference.library import Library
from shared.settings import Settings
from textfn.building.pinned import fetch
from textfn.layout import CACHE

TEXTS = (Path(__file__).parent / "sentences.txt").read_text("utf-8").splitlines()


def embeddings() -> str:
    """Return a section of the results, in Markdown."""
    checkpoint = fetch("all-minilm-l6-v2")
    graph = CACHE / "stock-int8.onnx"
    if not graph.exists():
        write_stock_int8(checkpoint, graph)
    stock = StockModel(graph, checkpoint / "tokenizer.json", 256, unit_mean)
    ours = Library(Settings.read()).of("text-embeddings")["all-minilm-l6-v2"]
    sides: dict[str, Side] = {
        "textfn": lambda texts: ours.embed(texts).values,
        f"per-channel dynamic int8, batches of {BATCH} in natural order": stock.in_order,
        "per-channel dynamic int8, textfn's batches": stock.in_runs,
    }
    cosines = (ours.embed(TEXTS).values * stock.in_runs(TEXTS)).sum(axis=1)
    return f"""## Embeddings: all-MiniLM-L6-v2, {len(TEXTS)} mixed texts

{table(len(TEXTS), rounds(sides, TEXTS))}

The vectors of textfn have a mean cosine of {cosines.mean():.4f} with those of the stock model.
"""


def sentiment() -> str:
    """Return a section of the results, in Markdown."""
    ours = Library(Settings.read()).of("text-classification")["minilm-l6-sst2-int8"]
    graph = write_distilbert_int8(CACHE / "distilbert-shape")
    stock = StockModel(graph, ours.manifest.tokenizer, 256, distilbert.head)
    sides: dict[str, Side] = {
        "textfn, minilm-l6-sst2-int8": lambda texts: ours.classify(texts).values,
        f"DistilBERT int8, batches of {BATCH} in natural order": stock.in_order,
        "DistilBERT int8, textfn's batches": stock.in_runs,
        "DistilBERT int8, one text at a time": stock.one_by_one,
    }
    return f"""## Sentiment, {len(TEXTS)} mixed texts

{table(len(TEXTS), rounds(sides, TEXTS))}
"""


def unit_mean(hidden: Array, mask: Array) -> Array:
    pooled = (hidden * mask).sum(axis=1) / mask.sum(axis=1)
    vectors: Array = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    return vectors
