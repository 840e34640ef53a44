"""`textfn models evaluate`: how well an installed model does on labelled data."""

import argparse
import gzip
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import UnknownModel
from shared.inference.library import Library
from shared.inference.model import Model
from shared.inference.result import Result
from shared.settings import Settings

Numbers = NDArray[np.float64]
CHUNK = 256
BINS = 15


def add_to(commands: Any) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="score an installed model on a file of labelled data",
        description="A classifier on `label, text` (label: a number or a name): accuracy, "
        "calibration error, confusion. An embedding model on `score, sentence1, sentence2`: "
        "Spearman's rank correlation of its cosines with the scores. Both: texts a second.",
        epilog="example: textfn models evaluate all-minilm-l6-v2 stsb/dev.tsv",
    )
    parser.add_argument("model", help="any name of an installed model")
    parser.add_argument("file", type=Path, help="TSV with a header line; .gz is read as well")
    parser.set_defaults(command=evaluate)


def evaluate(options: argparse.Namespace) -> int:
    try:
        classifiers = Library(Settings.read()).of("text-classification")
        if options.model in classifiers:
            lines = classification(classifiers[options.model], options.file)
        else:
            lines = similarity(
                Library(Settings.read()).of("sentence-similarity")[options.model], options.file
            )
    except (OSError, ValueError, UnknownModel) as error:
        print(f"textfn models evaluate: {error}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


def similarity(model: Model, path: Path) -> list[str]:
    rows = read_rows(path, 3)
    scores = np.array([_number(path, line, row[0]) for line, row in enumerate(rows, start=2)])
    texts = [text for row in rows for text in row[1:]]
    vectors, pace = in_chunks(lambda chunk: model.embed(chunk, normalize=True), texts)
    cosines = np.einsum("nd,nd->n", vectors[0::2], vectors[1::2])
    return [
        f"{model.manifest.id} on {len(rows)} pairs of {path}",
        f"Spearman  {spearman(cosines, scores):.4f}",
        pace,
    ]


def classification(model: Model, path: Path) -> list[str]:
    labels = model.manifest.labels
    rows = read_rows(path, 2)
    truth = np.array([_label(path, line, row[0], labels) for line, row in enumerate(rows, start=2)])
    probabilities, pace = in_chunks(model.classify, [row[1] for row in rows])
    guesses = probabilities.argmax(axis=1)
    return [
        f"{model.manifest.id} on {len(rows)} texts of {path}",
        f"accuracy  {(guesses == truth).mean():.4f}",
        f"ECE       {calibration_error(probabilities, truth):.4f}",
        *(
            f"{name}: {((truth == index) & (guesses == index)).sum()} of {(truth == index).sum()}"
            for index, name in enumerate(labels)
        ),
        pace,
    ]


def read_rows(path: Path, columns: int) -> list[list[str]]:
    """The lines after the header, split at tabs. Raises ValueError with the line that is wrong."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file][1:]
    for line, row in enumerate(rows, start=2):
        if len(row) != columns:
            raise ValueError(f"{path}, line {line}: {len(row)} columns, not {columns}")
    if not rows:
        raise ValueError(f"{path} has no line after its header")
    return rows


def in_chunks(function: Callable[[Sequence[str]], Result], texts: list[str]) -> tuple[Numbers, str]:
    """The values of all texts, and a line on how long they took."""
    values, cut = [], 0
    start = time.perf_counter()
    for first in range(0, len(texts), CHUNK):
        result = function(texts[first : first + CHUNK])
        values.append(result.values)
        cut += result.truncated
        if sys.stderr.isatty():
            done = min(first + CHUNK, len(texts))
            print(f"\r{done} of {len(texts)} texts", end="", file=sys.stderr, flush=True)
    pace = len(texts) / (time.perf_counter() - start)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    line = f"{pace:.0f} texts a second; {cut} of {len(texts)} were longer than the model takes"
    return np.concatenate(values).astype(np.float64), line


def spearman(first: Numbers, second: Numbers) -> float:
    """Pearson's correlation of the ranks; equal values share their mean rank."""
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def calibration_error(probabilities: Numbers, truth: NDArray[np.int64]) -> float:
    """Expected calibration error over 15 bins of confidence (Guo et al., arXiv 1706.04599, eq. 5).

    `probabilities` [texts, labels], `truth` [texts] the index of the right label.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [abs((right[bins == each] - confidence[bins == each]).sum()) for each in range(BINS)]
    return float(sum(gaps) / len(truth))


def _ranks(values: Numbers) -> Numbers:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Numbers = (last - (counts - 1) / 2)[places]
    return ranks


def _number(path: Path, line: int, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{path}, line {line}: {text!r} is not a number") from None


def _label(path: Path, line: int, text: str, labels: Sequence[str]) -> int:
    known = {str(index): index for index in range(len(labels))}
    known |= {name.lower(): index for index, name in enumerate(labels)}
    if text.lower() not in known:
        raise ValueError(f"{path}, line {line}: {text!r} is none of {', '.join(labels)}")
    return known[text.lower()]
