"""The training texts of the sentiment classifier: treebank, review tails and own sentences."""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import hashlib
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

T = TypeVar("T")

LEVEL_TARGETS = (0.02, 0.12, 0.5, 0.88, 0.98)  # P(positive) of the treebank's labels 0..4
REVIEW_TARGETS = (0.1, 0.9)  # P(positive) of a tail; the whole review's label, so noisy
OWN_TARGETS = (0.03, 0.97)  # the range to which own labels are clipped
HELD_TREES, HELD_REVIEWS = 20, 12  # one in so many is held back, chosen by a hash of its text


class Example(NamedTuple):
    text: str
    target: float  # P(positive)


@dataclasses.dataclass(frozen=True)
class Data:
    """Examples to train on, and those held back from training (`held_*`, `dev`)."""

    sentences: list[Example]
    polar: list[Example]
    neutral: list[Example]
    own: list[Example]
    reviews: list[Example]
    held_sentences: list[Example]
    held_reviews: list[Example]
    dev: list[Example]


def letters(text: str) -> str:
    """Return the letters and digits, equal for spellings that differ only in spacing or case."""
    return re.sub(r"[\W_]+", "", text.lower())


def is_held(text: str, one_in: int) -> bool:
    return int(hashlib.sha256(letters(text).encode()).hexdigest()[:8], 16) % one_in == 0


def read_tsv(path: Path) -> list[Example]:
    """Read rows of `label<TAB>text` below a header line."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        rows = [str(line).rstrip("\n").split("\t", 1) for line in file][1:]
    return [Example(text, float(label)) for label, text in rows]


def unescape(word: str) -> str:
    return word.replace("\\/", "/").replace("-LRB-", "(").replace("-RRB-", ")")


def tree_nodes(tree: str) -> list[tuple[str, int]]:
    """Return (text, label 0..4) of every node of a bracketed tree; the root comes last."""
    found: list[tuple[str, int]] = []
    stack: list[tuple[int, list[str]]] = []
    for label, word, close in re.findall(r"\((\d)|([^()\s]+)|(\))", tree):
        if label:
            stack.append((int(label), []))
        elif word:
            stack[-1][1].append(unescape(word))
        elif close:
            value, words = stack.pop()
            found.append((" ".join(words), value))
            if stack:
                stack[-1][1].extend(words)
    return found


def read_trees(path: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Return the labels of the sentences, and of the phrases of those that are not held back."""
    sentences: dict[str, int] = {}
    phrases: dict[str, int] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        *inner, (text, label) = tree_nodes(line)
        sentences[text] = label
        if not is_held(text, HELD_TREES):
            phrases.update(inner)
    return sentences, {text: label for text, label in phrases.items() if text not in sentences}


def treebank_examples(
    labels: dict[str, int], banned: set[str], targets: Sequence[float]
) -> list[Example]:
    kept = [(text, label) for text, label in labels.items() if letters(text) not in banned]
    return [Example(text, targets[label]) for text, label in kept]


def read_data(args: argparse.Namespace, targets: Sequence[float]) -> Data:
    """Read all examples. A text of the dev set is left out of training.

    `targets` are P(positive) of the treebank's labels 0..4.
    """
    dev = read_tsv(args.dev)
    banned = {letters(e.text) for e in dev}
    labels, phrase_labels = read_trees(args.trees)
    sentences = treebank_examples(labels, banned, targets)
    phrases = treebank_examples(phrase_labels, banned, targets)
    reviews = [e for e in read_tsv(args.reviews) if letters(e.text) not in banned]
    own = [e for path in args.own for e in read_tsv(path)]
    low, high = OWN_TARGETS
    return Data(
        sentences=[e for e in sentences if not is_held(e.text, HELD_TREES)],
        polar=[e for e in phrases if e.target != 0.5],
        # Neutral phrases of fewer than four words teach nothing.
        neutral=[e for e in phrases if e.target == 0.5 and e.text.count(" ") >= 3],
        own=[Example(e.text, min(max(e.target, low), high)) for e in own],
        reviews=[e for e in reviews if not is_held(e.text, HELD_REVIEWS)],
        held_sentences=[e for e in sentences if is_held(e.text, HELD_TREES) and e.target != 0.5],
        held_reviews=[e for e in reviews if is_held(e.text, HELD_REVIEWS)],
        dev=dev,
    )


def review_sentences(reviews: Sequence[Example]) -> list[Example]:
    """Return the sentences of four words or more, each with its review's label."""
    parts = [(part, e.target) for e in reviews for part in re.split(r"(?<=[.!?])\s+", e.text)]
    return [Example(part, target) for part, target in parts if part.count(" ") >= 3]


def ordinary(text: str) -> str:
    """Return a treebank text in ordinary spelling; the tokenizer evens out case and spaces."""
    text = re.sub(r"\b(\w+) n't\b", r"\1n't", text)
    text = re.sub(r"\b(gon|wan|got) (na|ta)\b", r"\1\2", text)
    return text.replace("``", '"').replace("''", '"').replace(" --", " -")


def draw(items: Sequence[T], share: float, rng: random.Random) -> list[T]:
    return list(items) if share >= 1 else rng.sample(items, round(share * len(items)))


def epoch_batches(examples: list[Example], size: int, rng: random.Random) -> list[list[Example]]:
    """Return shuffled batches of texts of similar length, which need little padding."""
    rng.shuffle(examples)
    batches = []
    for start in range(0, len(examples), 50 * size):
        window = sorted(examples[start : start + 50 * size], key=lambda e: len(e.text))
        batches += [window[i : i + size] for i in range(0, len(window), size)]
    rng.shuffle(batches)
    return batches
