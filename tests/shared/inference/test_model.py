"""The engine on the real model, and on tiny ones where the real model has no choice to show."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from conftest import TESTS
from hypothesis import given
from hypothesis import strategies as st
from opened import classification, embeddings

from shared.errors import DeadlineExceeded
from shared.inference.numerics import cosines, softmax, unit
from shared.inference.session import Graph

SENTENCES = (TESTS.parent / "benchmarks" / "sentences.txt").read_text("utf-8").splitlines()
minilm = embeddings["all-minilm-l6-v2"]
tiny = embeddings["tiny-embedder"]
sentiment = classification["tiny-sentiment"]


def test_a_vector_is_bit_identical_alone_in_any_batch_and_at_any_position() -> None:
    texts = SENTENCES[:120]
    alone = np.concatenate([minilm.embed([text]).values for text in texts])
    together = minilm.embed(texts).values
    order = np.random.default_rng(1).permutation(len(texts))
    shuffled = minilm.embed([texts[index] for index in order]).values
    in_sevens = np.concatenate(
        [minilm.embed(texts[start : start + 7]).values for start in range(0, len(texts), 7)]
    )
    assert np.array_equal(alone, together)
    assert np.array_equal(alone[order], shuffled)
    assert np.array_equal(alone, in_sevens)


def test_a_score_is_bit_identical_in_every_company() -> None:
    """A product with a matrix of sentences adds in an order that depends on how many there are."""
    random, source, others = np.random.default_rng(2), SENTENCES[0], SENTENCES[1:400]
    alone = np.array([minilm.similarity(source, [text]).values[0] for text in others])
    for size in [2, 3, 4, 5, 8, 17, 64, 399, *random.integers(2, 399, 12)]:
        company = random.permutation(len(others))[:size]
        found = minilm.similarity(source, [others[index] for index in company]).values
        assert np.array_equal(found, alone[company])


@given(
    width=st.integers(1, 1024),
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_cosine_is_bit_identical_for_any_width_and_company(
    width: int, sizes: list[int], seed: int
) -> None:
    random = np.random.default_rng(seed)
    source, *vectors = unit(random.normal(size=(1 + sum(sizes), width)).astype(np.float32))
    together = cosines(source, np.array(vectors))
    apart = [cosines(source, each) for each in np.split(np.array(vectors), np.cumsum(sizes)[:-1])]
    assert np.array_equal(together, np.concatenate(apart))
    exact = [
        math.fsum(float(a) * float(b) for a, b in zip(source, v, strict=True)) for v in vectors
    ]
    assert together == pytest.approx(np.clip(exact, -1, 1), abs=6e-8)


PUBLISHED = json.loads((TESTS / "golden" / "published.json").read_text("utf-8"))


@pytest.mark.parametrize("text", PUBLISHED)
def test_a_published_vector_is_met_at_a_cosine_of_0_995(text: str) -> None:
    expected = np.array(PUBLISHED[text]["vector"])
    found = minilm.embed([text]).values[0]
    assert found @ expected / np.linalg.norm(expected) >= 0.995
    if "first_numbers" in PUBLISHED[text]:  # of which the rest was computed, see the file's origin
        assert expected[:5] == pytest.approx(PUBLISHED[text]["first_numbers"], abs=1e-5)


def test_the_similarities_are_those_hugging_face_publishes() -> None:
    sentences = ["That is a happy dog", "That is a very happy person", "Today is a sunny day"]
    result = minilm.similarity("That is a happy person", sentences)
    assert result.values == pytest.approx([0.69457736, 0.94291490, 0.25687605], abs=0.02)


def test_a_text_is_as_similar_to_itself_as_can_be_and_no_more() -> None:
    for text in SENTENCES[:40]:  # of about half of them the rounded cosine is above 1
        score = minilm.similarity(text, [text]).values[0]
        assert 1 - 1e-6 <= score <= 1


def test_no_sentences_have_no_scores() -> None:
    assert minilm.similarity("hello", []).values.shape == (0,)


def test_no_texts_have_no_vectors() -> None:
    assert minilm.embed([]).values.shape == (0, 384)


def test_vectors_have_unit_length_unless_raw_ones_are_asked_for() -> None:
    vectors = minilm.embed(SENTENCES[:8]).values
    raw = minilm.embed(SENTENCES[:8], normalize=False).values
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(8), abs=1e-6)
    assert not np.allclose(lengths, 1, atol=0.05)
    assert np.array_equal(raw / lengths, vectors)


def test_a_pooling_other_than_the_default_is_another_graph_and_another_fingerprint() -> None:
    cls, mean = tiny.embed(["hello world"]), tiny.embed(["hello world"], pooling="mean")
    assert not np.allclose(mean.values, cls.values, atol=0.01)
    assert mean.model != cls.model
    assert tiny.embed(["hello world"], pooling="cls").model == cls.model


def test_tokens_and_truncated_texts_are_counted() -> None:
    result = minilm.embed(["hello world", "hello " * 300])
    assert result.tokens == 4 + 256
    assert result.truncated == 1


def test_probabilities_follow_the_labels_of_the_manifest() -> None:
    probabilities = sentiment.classify(["This pizza is great!", "This pizza is awful!"]).values
    assert sentiment.manifest.labels == ("NEGATIVE", "POSITIVE")
    assert probabilities.sum(axis=1) == pytest.approx([1, 1], abs=1e-6)
    assert probabilities[0, 1] > 0.9
    assert probabilities[1, 0] > 0.9


def test_softmax_of_any_size_of_logits() -> None:
    found = softmax(np.array([[0, np.log(3)], [1000, 1000], [-1e30, 1e30]], np.float32))
    assert found == pytest.approx(np.array([[0.25, 0.75], [0.5, 0.5], [0, 1]]))


def test_a_zero_vector_is_refused_rather_than_returned() -> None:
    with pytest.raises(ArithmeticError):
        unit(np.zeros((1, 4), np.float32))


def test_equal_texts_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    run = Graph.run

    def counted(self: Graph, texts: Sequence[Sequence[int]], pooling: str) -> Any:
        runs.append(len(texts))
        return run(self, texts, pooling)

    monkeypatch.setattr(Graph, "run", counted)
    result = minilm.embed(["hello", "a llama", "hello", "hello"])
    assert sum(runs) == 2
    assert (result.tokens, result.cached) == (3 + 5 + 3 + 3, False)
    assert (result.values[0] == result.values[2]).all()
    assert (result.values[0] != result.values[1]).any()


def test_the_check_ends_the_work_between_runs() -> None:
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise DeadlineExceeded(1)

    with pytest.raises(DeadlineExceeded):
        minilm.embed([f"{number} " + "hello " * 200 for number in range(40)], check=check)
    assert len(calls) < 40
    assert minilm.embed(["hello"], check=lambda: None).tokens == 3


def test_a_number_that_is_not_finite_is_refused_rather_than_returned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Graph, "run", lambda *_: np.full((1, 16), np.nan, np.float32))
    with pytest.raises(ArithmeticError):
        tiny.embed(["hello"])
