"""`textfn models evaluate`: how well an installed model does on labelled data."""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import UnknownModel
from shared.library import Library

Numbers = NDArray[np.float64]
CHUNK = 256


def add_to(commands: Any) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="score an installed model on a file of labelled data",
        description="Spearman's rank correlation of a model's cosines with people's scores.",
        epilog="example: textfn models evaluate all-minilm-l6-v2 stsb/dev.tsv",
    )
    parser.add_argument("model", help="any name of an installed model")
    parser.add_argument("file", type=Path, help="TSV with a header: score, sentence1, sentence2")
    parser.set_defaults(command=evaluate)


def evaluate(options: argparse.Namespace) -> int:
    try:
        scores, pairs = read_pairs(options.file)
        correlation = spearman(cosines(options.model, pairs), scores)
    except (OSError, ValueError, UnknownModel) as error:
        print(f"textfn models evaluate: {error}", file=sys.stderr)
        return 1
    print(f"{options.model}: Spearman {correlation:.4f} on {len(pairs)} pairs of {options.file}")
    return 0


def read_pairs(path: Path) -> tuple[Numbers, list[tuple[str, str]]]:
    """Scores and pairs of texts. Raises ValueError with the line that is wrong."""
    scores, pairs = [], []
    for number, line in enumerate(path.read_text("utf-8").splitlines()[1:], start=2):
        try:
            score, first, second = line.split("\t")
            scores.append(float(score))
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        pairs.append((first, second))
    return np.array(scores), pairs


def cosines(name: str, pairs: list[tuple[str, str]]) -> Numbers:
    model = Library("sentence-similarity")[name]
    found = []
    for start in range(0, len(pairs), CHUNK):
        chunk = pairs[start : start + CHUNK]
        vectors = model.embed([text for pair in chunk for text in pair], normalize=True).values
        found.append(np.einsum("nd,nd->n", vectors[0::2], vectors[1::2]))
        print(f"\r{min(start + CHUNK, len(pairs))} of {len(pairs)} pairs", end="", file=sys.stderr)
    print(file=sys.stderr)
    return np.concatenate(found).astype(np.float64)


def spearman(first: Numbers, second: Numbers) -> float:
    """Pearson's correlation of the ranks; equal values share their mean rank."""
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: Numbers) -> Numbers:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Numbers = (last - (counts - 1) / 2)[places]
    return ranks
