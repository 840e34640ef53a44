"""`python -m benchmarks.accuracy NAME [PAIRS.tsv]`: an installed model beside its fp32 checkpoint.

The checkpoint comes from the Hub or its mirror into .cache/NAME, and is run in fp32. PAIRS.tsv has
a header line and the columns score, sentence1, sentence2, as STS-B has them.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from shared.inference.library import open_model
from shared.inference.model import Model
from shared.inference.references import expected, found
from shared.manifest import Manifest
from shared.settings import Settings
from textfn.building.checkpoint import read_checkpoint
from textfn.building.encoder_graph import build_graph
from textfn.building.external import write_graphs
from textfn.checking.scores import Numbers, in_chunks, read_rows, spearman
from textfn.installing.pulled import fetch
from textfn.installing.sources import Carried, NoCheckpoint, first
from textfn.layout import CACHE

SOURCE = "That is a happy person"
SENTENCES = ["That is a happy dog", "That is a very happy person", "Today is a sunny day"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="any name of an installed embedding model")
    parser.add_argument("pairs", type=Path, nargs="?", metavar="PAIRS.tsv")
    options = parser.parse_args()
    int8 = open_model(Settings.read(), "text-embeddings", options.name)
    with tempfile.TemporaryDirectory() as folder:
        fp32 = in_fp32(int8.manifest, checkpoint(int8.manifest), Path(folder))
        lines = [
            *references(fp32, int8),
            *(pairs(fp32, int8, options.pairs) if options.pairs else ()),
        ]
    print("\n".join(["| | published | fp32 | int8 |", "|---|---|---|---|", *lines]))


def checkpoint(manifest: Manifest) -> Path:
    """Return the checkpoint's folder, downloaded once."""
    folder = CACHE / manifest.id
    folder.mkdir(parents=True, exist_ok=True)
    try:
        Carried(manifest, folder)
    except NoCheckpoint:
        first(manifest, lambda source: fetch(source, folder, manifest.id))
    return folder


def in_fp32(manifest: Manifest, source: Path, folder: Path) -> Model:
    """Build the same graphs without quantization, with the same tokenizer."""
    encoder, head = read_checkpoint(source)
    unquantized = replace(manifest, folder=folder)
    unquantized.tokenizer.write_bytes(manifest.tokenizer.read_bytes())
    graphs = {
        unquantized.graph(pooling): build_graph(encoder, head, pooling=pooling, quantized=False)
        for pooling in manifest.pooling
    }
    write_graphs(graphs)
    return Model(unquantized)


def references(fp32: Model, int8: Model) -> Iterator[str]:
    """The similarities of the documents' example, and the published numbers of the manifest."""
    scores = [model.similarity(SOURCE, SENTENCES).values for model in (fp32, int8)]
    for index, sentence in enumerate(SENTENCES):
        yield f"| {SOURCE} / {sentence} | | {scores[0][index]:.6f} | {scores[1][index]:.6f} |"
    for each in int8.manifest.references:
        pooling = each.get("pooling", int8.manifest.pooling[0])
        numbers = expected(each), found(fp32, each, pooling), found(int8, each, pooling)
        shown = " | ".join(" ".join(f"{number:.6f}" for number in values) for values in numbers)
        yield f"| {each['origin']} | {shown} |"


def pairs(fp32: Model, int8: Model, path: Path) -> Iterator[str]:
    """Spearman's correlation on the pairs, and the cosines of int8 with fp32 on their sentences."""
    rows = read_rows(path, 3)
    scores = np.array([float(row[0]) for row in rows])
    texts = sorted({text for row in rows for text in row[1:]})
    vectors = [unit_vectors(model, texts) for model in (fp32, int8)]
    place = {text: index for index, text in enumerate(texts)}
    left, right = ([place[row[column]] for row in rows] for column in (1, 2))
    correlations = [
        spearman(np.einsum("nd,nd->n", each[left], each[right]), scores) for each in vectors
    ]
    yield (
        f"| Spearman, {len(rows)} pairs of {path.name} | | {correlations[0]:.4f} "
        f"| {correlations[1]:.4f} |"
    )
    cosines = np.einsum("nd,nd->n", *vectors)
    yield f"| cosine to fp32, {len(texts)} sentences: mean | | | {cosines.mean():.5f} |"
    yield f"| the same: least | | | {cosines.min():.4f} |"


def unit_vectors(model: Model, texts: list[str]) -> Numbers:
    return in_chunks(lambda chunk: model.embed(chunk, normalize=True), texts)[0]


if __name__ == "__main__":
    main()
