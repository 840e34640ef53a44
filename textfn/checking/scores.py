"""Scores a model on labelled data: accuracy, calibration, rank correlation."""

import gzip
import math
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shared.inference.library import Library
from shared.inference.model import Model
from shared.inference.result import Result
from shared.settings import Settings
from textfn.failure import Failure

Numbers = NDArray[np.float64]
CHUNK = 256  # texts
BINS = 15


class BadData(Failure):
    """A file that is no labelled data; the message names the line."""


def evaluate(name: str, path: Path) -> list[str]:
    """Score a classifier or an embedding model on a file; return the lines to print.

    Raises BadData, OSError, UnknownModel or ModelNotInstalled.
    """
    library = Library(Settings.read())
    classifiers = library.of("text-classification")
    if name in classifiers:
        return classification(classifiers[name], path)
    return similarity(library.of("sentence-similarity")[name], path)


def similarity(model: Model, path: Path) -> list[str]:
    """Correlate the cosines of pairs with their scores (Spearman)."""
    rows = read_rows(path, 3)
    scores = np.array([_number(path, line, row[0]) for line, row in enumerate(rows, start=2)])
    if len(set(scores.tolist())) < 2:
        raise BadData(f"{path}: a correlation needs pairs with different scores")
    texts = [text for row in rows for text in row[1:]]
    vectors, pace = in_chunks(lambda chunk: model.embed(chunk, normalize=True), texts)
    cosines = np.einsum("nd,nd->n", vectors[0::2], vectors[1::2])
    return [
        f"{model.manifest.id} on {len(rows)} pairs of {path}",
        f"Spearman  {spearman(cosines, scores):.4f}",
        pace,
    ]


def classification(model: Model, path: Path) -> list[str]:
    """Compare the best labels with the right ones."""
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
    """Read the lines after the header, split at tabs. Raises BadData or OSError."""
    rows = [line.split("\t") for line in _lines(path)[1:]]
    for line, row in enumerate(rows, start=2):
        if len(row) != columns:
            raise BadData(f"{path}, line {line}: {len(row)} columns, not {columns}")
    if not rows:
        raise BadData(f"{path} has no line after its header")
    return rows


def _lines(path: Path) -> list[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            return [line.rstrip("\n") for line in file]
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadData(f"{path} is no whole gzip file: {error}") from None
    except UnicodeDecodeError as error:
        raise BadData(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None


def in_chunks(function: Callable[[Sequence[str]], Result], texts: list[str]) -> tuple[Numbers, str]:
    """Return the values of all texts, and a line on how long they took."""
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
    line = f"{pace:.0f} texts per second; {cut} of {len(texts)} were longer than the model takes"
    return np.concatenate(values).astype(np.float64), line


def spearman(first: Numbers, second: Numbers) -> float:
    """Return Pearson's correlation of the ranks; equal values share their mean rank."""
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def calibration_error(probabilities: Numbers, truth: NDArray[np.int64]) -> float:
    """Return the expected calibration error over 15 bins of confidence.

    `probabilities` [texts, labels], `truth` [texts] the index of the right label. Guo et al.,
    arXiv 1706.04599, equation 5.
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
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadData(f"{path}, line {line}: {text!r} is not a number")
    return number


def _label(path: Path, line: int, text: str, labels: Sequence[str]) -> int:
    known = {str(index): index for index in range(len(labels))}
    known |= {name.lower(): index for index, name in enumerate(labels)}
    if text.lower() not in known:
        raise BadData(f"{path}, line {line}: {text!r} is none of {', '.join(labels)}")
    return known[text.lower()]
